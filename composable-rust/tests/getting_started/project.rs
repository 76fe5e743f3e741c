//! A project of its own, beside this workspace and built from it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::guide::{self, Step, patched};

/// Where the guide's reader works.
pub(crate) struct Project {
    /// The directory that the reader begins in, a workspace: it carries the lock file and the profile of this one, so that
    /// nothing is fetched and what is built already is used again.
    outside: PathBuf,
    /// The directory of the project.
    inside: PathBuf,
    /// Where `DATABASE_URL` points to.
    database: String,
}

impl Project {
    /// Always at the same place: a project at another one would be built from nothing, and leave its binaries behind.
    pub(crate) fn new(name: &str, database: &str) -> Self {
        let outside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("getting-started");
        let _ = fs::remove_dir_all(&outside);
        fs::create_dir_all(&outside).unwrap();
        let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let profile = manifest.split_once("[profile.dev]").unwrap().1;
        let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = []\n\n[profile.dev]{profile}");
        fs::write(outside.join("Cargo.toml"), workspace).unwrap();
        fs::copy(root().join("Cargo.lock"), outside.join("Cargo.lock")).unwrap();
        Self {
            inside: outside.join(name),
            outside,
            database: database.to_owned(),
        }
    }

    /// Does what the guide says.
    pub(crate) fn follow(&self, step: &Step) {
        match step {
            Step::Write { path, text } => self.write(path, text),
            Step::Append { path, text } => self.write(path, &joined(&self.read(path), &from_here(text))),
            Step::Patch { path, diff } => self.write(path, &patched(&self.read(path), diff)),
            Step::Run(commands) => commands.iter().for_each(|command| self.enter(command)),
        }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.inside.join(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.inside.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn enter(&self, command: &guide::Command) {
        let words: Vec<&str> = command.line.split(' ').collect();
        match words.as_slice() {
            ["export", "DATABASE_URL=postgres://user:password@host/database"] => {}
            ["cargo", arguments @ ..] => {
                let output = self.cargo(arguments);
                let crashes = arguments.contains(&"crash");
                let errors = String::from_utf8_lossy(&output.stderr);
                assert_ne!(output.status.success(), crashes, "$ {}\n{errors}", command.line);
                assert!(!errors.contains("warning: `accounts`"), "$ {}\n{errors}", command.line);
                compare(command, &String::from_utf8(output.stdout).unwrap());
            }
            _ => panic!("this reader does not know how to enter {}", command.line),
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        let is_there = self.inside.exists();
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(arguments)
            .current_dir(if is_there { &self.inside } else { &self.outside });
        // The build directory of the tests: what they were built from is built.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        cargo.env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
        cargo
            .env("CARGO_CARGO_NEW_VCS", "none")
            .env("CARGO_TERM_COLOR", "never");
        cargo.env("DATABASE_URL", &self.database).env_remove("RUST_BACKTRACE");
        cargo.output().unwrap()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file goes on after a blank line, a section of a manifest does not.
fn joined(text: &str, more: &str) -> String {
    let gap = if text.ends_with("]\n") { "" } else { "\n" };
    format!("{text}{gap}{more}")
}

/// The framework from this checkout, where the guide says where it is published.
fn from_here(text: &str) -> String {
    let here = format!("path = '{}'", env!("CARGO_MANIFEST_DIR"));
    text.replace("git = \"…\"", &here)
}

/// What a program prints is all that stands there; of what the test runner prints, the lines about tests.
fn compare(command: &guide::Command, printed: &str) {
    let is_test = |line: &&str| line.starts_with("test ") && !line.starts_with("test result");
    let mut printed: Vec<&str> = match command.line.as_str() {
        "cargo test" => printed.lines().filter(is_test).collect(),
        _ => printed.lines().collect(),
    };
    if command.line == "cargo test" {
        printed.sort_unstable();
    }
    assert_eq!(printed, command.prints, "$ {}", command.line);
}
