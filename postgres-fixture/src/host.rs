//! The machine that servers run on: this one, or a container. What runs on it is the same.

use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use testcontainers_modules::testcontainers::TestcontainersError;
use tokio::{io::AsyncWriteExt, process::Command, runtime, time::timeout};

use crate::{
    account::{Account, output},
    binaries::Binaries,
    container::{self, Container},
    docker,
    keeper::{Kept, create_folder},
    port::free_port,
};

const PATIENCE: Duration = Duration::from_mins(3);

/// How long the removal of a container may hold a test up.
const REMOVAL: Duration = Duration::from_secs(20);

/// A machine with PostgreSQL's programs on it and a folder for data.
#[derive(Debug)]
pub(crate) struct Host {
    kept: Kept,
    machine: Machine,
    clusters: AtomicU32,
    /// Whether the servers end with this value; those of the shared one end with the run.
    owned: bool,
}

#[derive(Debug)]
enum Machine {
    Here(Binaries),
    Container(Container),
}

/// What a script has said.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    pub(crate) success: bool,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: Vec<u8>,
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
            machine: Machine::Here(binaries),
            clusters: AtomicU32::new(0),
            owned,
        })
    }

    /// A new container. It ends with the value.
    ///
    /// # Errors
    /// When the engine does not want to.
    pub(crate) async fn container(kept: Kept) -> Result<Arc<Self>, TestcontainersError> {
        let machine = Machine::Container(Container::start(kept.path()).await?);
        Ok(Arc::new(Self {
            kept,
            machine,
            clusters: AtomicU32::new(0),
            owned: true,
        }))
    }

    /// The folder on that machine where clusters lie.
    pub(crate) fn home(&self) -> String {
        match &self.machine {
            Machine::Here(_) => self.kept.path().join("pg").display().to_string(),
            Machine::Container(_) => container::HOME.to_owned(),
        }
    }

    /// The addresses to listen on. Those of a container are seen by this machine alone, as the engine publishes them.
    pub(crate) fn listen_addresses(&self) -> &'static str {
        match &self.machine {
            Machine::Here(_) => "127.0.0.1",
            Machine::Container(_) => "*",
        }
    }

    /// The machine's name, seen from the test.
    pub(crate) fn name(&self) -> &str {
        match &self.machine {
            Machine::Here(_) => "127.0.0.1",
            Machine::Container(container) => container.name(),
        }
    }

    /// A port for one more server: as the server knows it, and as the test reaches it.
    pub(crate) fn port(&self) -> (u16, u16) {
        match &self.machine {
            Machine::Here(_) => {
                let port = free_port();
                (port, port)
            }
            Machine::Container(container) => container.port(),
        }
    }

    /// A name for one more cluster.
    pub(crate) fn cluster_name(&self) -> String {
        format!("cluster{}", self.clusters.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Runs a script of the shell as the server's account, PostgreSQL's programs first in its `PATH`.
    ///
    /// # Errors
    /// Everything that it said, when it fails.
    pub(crate) async fn run(&self, script: &str, variables: &[(&str, &str)], input: &[u8]) -> Result<Vec<u8>, String> {
        let work = async {
            match &self.machine {
                Machine::Here(binaries) => {
                    let script = format!("PATH='{}':$PATH\nexport PATH\n{script}", binaries.folder().display());
                    self.run_here(&script, variables, input)
                        .await
                        .map_err(|error| error.to_string())
                }
                Machine::Container(container) => {
                    // Debian's packages keep the server's programs out of the way.
                    let script = format!("for bin in /usr/lib/postgresql/*/bin; do PATH=$bin:$PATH; done\n{script}");
                    container
                        .run(&script, variables, input)
                        .await
                        .map_err(|error| error.to_string())
                }
            }
        };
        let finished = timeout(PATIENCE, work)
            .await
            .map_err(|_| format!("no end after {PATIENCE:?}"))??;
        if finished.success {
            return Ok(finished.output);
        }
        let said = [finished.output, finished.errors].concat();
        Err(String::from_utf8_lossy(&said).into_owned())
    }

    async fn run_here(&self, script: &str, variables: &[(&str, &str)], input: &[u8]) -> std::io::Result<Finished> {
        let mut command = Command::from(Account::get().shell(script));
        command.current_dir(Path::new(&self.home())).kill_on_drop(true);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.envs(variables.iter().copied()).env("LC_ALL", "C");
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        let write = async {
            if let Some(mut pipe) = pipe {
                // Who does not read to the end says why.
                let _ = pipe.write_all(input).await;
            }
        };
        let ((), output) = tokio::join!(write, child.wait_with_output());
        let output = output?;
        Ok(Finished {
            success: output.status.success(),
            output: output.stdout,
            errors: output.stderr,
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        if let Machine::Container(container) = &self.machine {
            remove_container(container.id().to_owned());
        }
        self.kept.end();
    }
}

/// On a thread of its own: a test may drop its server outside of a runtime, or within one that must not block.
fn remove_container(id: String) {
    let (done, finished) = mpsc::channel::<()>();
    thread::spawn(move || {
        let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(docker::remove(&id));
        drop(done);
    });
    let _ = finished.recv_timeout(REMOVAL);
}
