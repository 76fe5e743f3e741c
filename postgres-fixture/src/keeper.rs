//! The keeper: a detached shell that ends servers whose users are gone, however they went.

use std::{
    fs::{self, DirBuilder},
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

use crate::account::{Account, output};

/// A shell and not a thread: a killed process has no threads. Not a second program of ours: there would be nobody to
/// build it before the tests.
const SCRIPT: &str = include_str!("keeper.sh");

/// A directory with servers in it, that a keeper watches.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    path: PathBuf,
}

impl Kept {
    /// Creates the directory, with this process as its first user.
    pub(crate) fn create(path: PathBuf) -> Self {
        create_folder(&path);
        create_folder(&path.join("users"));
        fs::write(path.join("keeper.sh"), SCRIPT).expect("a file in a directory just created");
        let kept = Self { path };
        kept.put_name_down();
        kept
    }

    /// One that another process has created.
    pub(crate) fn existing(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// As long as this process lives, the servers live. Quietly nothing if the directory is just being removed: who
    /// calls this looks for the sign that led here once more.
    pub(crate) fn put_name_down(&self) {
        let _ = fs::write(self.path.join("users").join(process::id().to_string()), "");
    }

    /// Starts a keeper that allows `grace` seconds without a user, and then removes the sign `current` first.
    pub(crate) fn watch(&self, grace: u32, current: Option<&Path>) {
        // A session of its own where there is `setsid`, a process group of its own everywhere: neither Ctrl-C nor a
        // runner that kills a test with its group reaches the keeper.
        let detach = output("setsid", &["--version"]).is_some();
        let mut command = Command::new(if detach { "setsid" } else { "sh" });
        if detach {
            command.arg("sh");
        }
        command
            .arg(self.path.join("keeper.sh"))
            .arg("watch")
            .arg(&self.path)
            .arg(grace.to_string());
        command.arg(current.unwrap_or(Path::new("")));
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(command.spawn().expect("a shell for the keeper"));
    }

    /// Whether the keeper is at work. After a restart of the machine, for example, it is not.
    pub(crate) fn is_watched(&self) -> bool {
        let Ok(pid) = fs::read_to_string(self.path.join("keeper.pid")) else {
            return false;
        };
        let pid = pid.trim();
        // Not `kill -0`: the number may be another process's by now, or a dead one's that nobody has taken leave of.
        let command = match fs::read_to_string(format!("/proc/{pid}/cmdline")) {
            Ok(command) => Some(command),
            Err(_) => output("ps", &["-p", pid, "-o", "args="]),
        };
        command.is_some_and(|command| command.contains("keeper.sh"))
    }

    /// Ends the servers and removes the directory, now.
    pub(crate) fn end(&self) {
        let mut command = Command::new("sh");
        command
            .arg(self.path.join("keeper.sh"))
            .arg("end")
            .arg(&self.path)
            .current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = command.status();
    }
}

/// A folder that the server's account may pass through, and that nobody else may list.
pub(crate) fn create_folder(path: &Path) {
    let mode = if Account::get().name().is_some() { 0o711 } else { 0o700 };
    let created = DirBuilder::new().mode(mode).recursive(true).create(path);
    created.unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()));
}
