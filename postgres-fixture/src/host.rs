//! The machine that servers run on: this one, or a container. What runs on it is the same.

use std::{
    path::Path,
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::{
    account::{Account, output},
    binaries::Binaries,
    keeper::{Kept, create_folder},
    port::free_port,
};

const PATIENCE: Duration = Duration::from_mins(3);

/// A machine with PostgreSQL's programs on it and a folder for data.
#[derive(Debug)]
pub(crate) struct Host {
    kept: Kept,
    binaries: Binaries,
    clusters: AtomicU32,
    /// Whether the servers end with this value; those of the shared one end with the run.
    owned: bool,
}

impl Host {
    /// This machine, with everything below `kept`.
    pub(crate) fn local(kept: Kept, binaries: Binaries, owned: bool) -> Arc<Self> {
        let home = kept.path().join("pg");
        create_folder(&home);
        if let Some(name) = Account::get().name() {
            let done = output("chown", &[name, home.to_str().expect("a temporary directory in UTF-8")]);
            assert!(done.is_some(), "cannot give {} to the user {name}", home.display());
        }
        Arc::new(Self {
            kept,
            binaries,
            clusters: AtomicU32::new(0),
            owned,
        })
    }

    /// The folder on that machine where clusters lie.
    pub(crate) fn home(&self) -> String {
        self.kept.path().join("pg").display().to_string()
    }

    /// The addresses to listen on.
    pub(crate) fn listen_addresses(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The machine's name, seen from the test.
    pub(crate) fn name(&self) -> String {
        "127.0.0.1".to_owned()
    }

    /// A port for one more server: as the server knows it, and as the test reaches it.
    pub(crate) fn port(&self) -> (u16, u16) {
        let port = free_port();
        (port, port)
    }

    /// A name for one more cluster.
    pub(crate) fn cluster_name(&self) -> String {
        format!("cluster{}", self.clusters.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Runs a script of the shell, as the server's account, PostgreSQL's programs first in its `PATH`.
    pub(crate) async fn run(&self, script: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let script = format!(
            "PATH='{}':$PATH; export PATH\n{script}",
            self.binaries.folder().display()
        );
        let mut command = Command::from(Account::get().shell(&script));
        command.current_dir(Path::new(&self.home())).kill_on_drop(true);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(variables.iter().copied()).env("LC_ALL", "C");
        let output = timeout(PATIENCE, command.output())
            .await
            .map_err(|_| format!("no end after {PATIENCE:?}"))?;
        judge(&output.map_err(|error| error.to_string())?)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.owned {
            self.kept.end();
        }
    }
}

fn judge(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!(
            "{}\n{}{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        ))
    }
}
