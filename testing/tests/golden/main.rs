//! Golden files: what they hold still, and what is said when something moves.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helper functions of tests")]

mod door;
mod encodings;
mod events;
mod several;
mod snapshots;
mod writing;

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::Command,
};

use tempfile::TempDir;

/// A folder of golden files.
struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// What a check in this folder fails with; the folder itself is written as `golden`.
    fn said(&self, check: impl FnOnce(&Path)) -> String {
        said_by(|| check(self.path())).replace(&self.path().display().to_string(), "golden")
    }
}

/// What a check fails with.
fn said_by(check: impl FnOnce()) -> String {
    let Err(payload) = panic::catch_unwind(AssertUnwindSafe(check)) else {
        panic!("nothing was said");
    };
    *payload.downcast::<String>().unwrap()
}

/// Runs one of the tests of this binary in a process whose environment says that files are to be written.
fn writing(test: &str, folder: &Folder) {
    writing_with(test, folder, &[]);
}

fn writing_with(test: &str, folder: &Folder, environment: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]).env_remove("CI");
    child.env("GOLDEN", "write").env("GOLDEN_TEST_FOLDER", folder.path());
    child.envs(environment.iter().copied());
    let output = child.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{test}: {printed}"
    );
}

/// The folder that a test was told to write to, if it was.
fn told() -> Option<std::path::PathBuf> {
    std::env::var_os("GOLDEN_TEST_FOLDER").map(Into::into)
}
