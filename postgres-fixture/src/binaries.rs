//! PostgreSQL's programs on this machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::account::output;

/// A folder with `initdb`, `postgres` and `pg_ctl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binaries {
    // First, so that the newest is the greatest.
    version: Vec<u32>,
    folder: PathBuf,
}

impl Binaries {
    /// The newest that this machine has.
    pub(crate) fn find() -> Option<Self> {
        candidates().into_iter().filter_map(Self::at).max()
    }

    fn at(folder: PathBuf) -> Option<Self> {
        let has = |program: &str| folder.join(program).is_file();
        if !(has("initdb") && has("postgres") && has("pg_ctl")) {
            return None;
        }
        let text = output(folder.join("postgres").to_str()?, &["--version"])?;
        let version = version(&text)?;
        Some(Self { version, folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// `15.6`, for names and messages.
    pub(crate) fn version(&self) -> String {
        let parts: Vec<_> = self.version.iter().map(u32::to_string).collect();
        parts.join(".")
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = env::split_paths(&path)
        .filter_map(|folder| fs::canonicalize(folder).ok())
        .collect();
    found.extend(output("pg_config", &["--bindir"]).map(PathBuf::from));
    // Debian and its children, Red Hat and its children, Alpine, Homebrew on both kinds of Mac, Postgres.app, from source.
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
        ("/usr/local", "pgsql", "bin"),
    ] {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let fitting = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        found.extend(fitting.map(|entry| entry.path().join(below)));
    }
    found
}

/// The numbers in `postgres (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)`; a development version counts as its major one.
fn version(text: &str) -> Option<Vec<u32>> {
    let word = text.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?;
    let digits = word.split('.').map_while(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..end)?.parse().ok()
    });
    let version: Vec<u32> = digits.collect();
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_numbers() {
        let read = |text: &str| version(&format!("postgres (PostgreSQL) {text}")).unwrap();
        assert_eq!(read("15.6 (Debian 15.6-0+deb12u1)"), [15, 6]);
        assert_eq!(read("18beta1"), [18]);
        assert!(read("9.6.24") < read("15.6") && read("15.10") > read("15.6"));
        assert_eq!(version("something else"), None);
    }
}
