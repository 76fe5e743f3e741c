//! Where the lines come from.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use super::progress::Progress;
use crate::Failure;

/// A file, or standard input.
#[derive(Debug)]
pub(super) enum Source {
    File {
        name: String,
        file: File,
        bytes: Option<u64>,
    },
    Stdin,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdin);
        }
        let name = path.display().to_string();
        let unusable = |error: io::Error| Failure::Input(format!("{name}: {error}"));
        let file = File::open(path).map_err(unusable)?;
        let known = file.metadata().map_err(unusable)?;
        // It can be opened, and only reading would tell.
        if known.is_dir() {
            return Err(unusable(io::ErrorKind::IsADirectory.into()));
        }
        // A pipe has no length that means anything.
        let bytes = known.is_file().then_some(known.len());
        Ok(Self::File { name, file, bytes })
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::File { name, .. } => name.clone(),
            Self::Stdin => "standard input".to_owned(),
        }
    }

    /// How much there is to read, where that is known.
    pub(super) const fn bytes(&self) -> Option<u64> {
        match self {
            Self::File { bytes, .. } => *bytes,
            Self::Stdin => None,
        }
    }

    /// Reads; `progress` follows.
    pub(super) fn reader(self, progress: Progress) -> Box<dyn BufRead> {
        match self {
            Self::File { file, .. } => Box::new(BufReader::new(progress.follow(file))),
            Self::Stdin => Box::new(BufReader::new(progress.follow(io::stdin()))),
        }
    }
}
