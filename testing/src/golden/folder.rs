//! The folder of golden files.

use std::{
    env,
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

use super::{file::File, format::Format};

/// The folder of golden files.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) missing: Missing,
}

/// What becomes of values that are not in their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Fail,
    Write,
    /// Asked to write, but not by a person who will look at what was written.
    FailInCi,
}

impl Missing {
    fn from_environment() -> Self {
        match env::var_os("GOLDEN") {
            Some(value) if value == "write" && env::var_os("CI").is_some() => Self::FailInCi,
            Some(value) if value == "write" => Self::Write,
            _ => Self::Fail,
        }
    }
}

impl Folder {
    /// Files are written if the environment says `GOLDEN=write`, and not `CI`.
    pub(super) fn new(path: PathBuf) -> Self {
        let missing = Missing::from_environment();
        Self { path, missing }
    }

    /// The file of a stored name.
    pub(super) fn file(&self, stored: &str, ending: &str, format: Format) -> File<'_> {
        let name = file_name(stored, ending);
        File::new(self, &name, format)
    }

    /// The names of all files with one of these endings, sorted.
    pub(super) fn files(&self, endings: &[&str]) -> Vec<String> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| has_ending(name, endings)).collect();
        names.sort();
        names
    }
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.contains(&ending))
}

/// A stored name as the name of a file: what file systems may refuse is written as `%` and two digits for each byte.
pub(super) fn file_name(stored: &str, ending: &str) -> String {
    let escaped = stored.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
        other => format!("%{other:02x}"),
    });
    format!("{}.{ending}", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_share_a_file() {
        assert_eq!(file_name("Noted/here.v1", "hex"), "Noted%2fhere.v1.hex");
        assert_eq!(file_name("%2f", "hex"), "%252f.hex");
        assert_ne!(file_name("éa", "hex"), file_name("\u{e9a}", "hex"));
    }
}
