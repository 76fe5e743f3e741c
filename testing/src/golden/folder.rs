//! The folder of golden files.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// The folder of golden files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Whether files that are missing are written.
    writes: bool,
}

impl Folder {
    /// Files are written if the environment says `GOLDEN=write`.
    pub(super) fn new(path: PathBuf) -> Self {
        let writes = env::var_os("GOLDEN").is_some_and(|value| value == "write");
        Self { path, writes }
    }

    pub(super) const fn writes(&self) -> bool {
        self.writes
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a file; `None` if it is not there.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.file(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        fs::write(self.file(name), format!("{text}\n"))
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

/// A stored name as the name of a file: what file systems may refuse is written as `%` and its code.
pub(super) fn file_name(stored: &str, ending: &str) -> String {
    let escaped = stored.chars().map(|char| match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => char.to_string(),
        other => format!("%{:x}", u32::from(other)),
    });
    format!("{}.{ending}", escaped.collect::<String>())
}
