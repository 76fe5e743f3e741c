//! A golden file.

use std::{
    fmt, fs,
    io::{self, ErrorKind},
    path::PathBuf,
};

use super::{
    findings::Findings,
    folder::{Folder, Missing},
    format::Format,
};
use crate::failed::count;

/// A golden file, shown as its path.
#[derive(Debug)]
pub(super) struct File<'a> {
    folder: &'a Folder,
    path: PathBuf,
    format: Format,
}

impl<'a> File<'a> {
    pub(super) fn new(folder: &'a Folder, name: &str, format: Format) -> Self {
        let path = folder.path.join(name);
        Self { folder, path, format }
    }

    /// Its values, at least one; none if there is no such file. `None` if they can't be made out, which is a finding.
    pub(super) fn read(&self, findings: &mut Findings) -> Option<Vec<Vec<u8>>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => {
                let values = self.format.read(&text);
                if values.is_none() {
                    findings.not_hex(self);
                }
                values
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Some(vec![]),
            Err(error) => {
                findings.unreadable(self, &error);
                None
            }
        }
    }

    /// Writes these values, the first of which it holds already, if that was asked for. Else `what` is missing, and a
    /// finding with this `help`.
    pub(super) fn complete(&self, values: &[Vec<u8>], what: &str, help: &str, findings: &mut Findings) {
        match self.folder.missing {
            Missing::Fail => findings.add(what, "", help),
            Missing::FailInCi => {
                let help = format!("{help}; CI is set in the environment, where GOLDEN=write is not heeded");
                findings.add(what, "", &help);
            }
            Missing::Write => {
                if let Err(error) = self.write(values) {
                    findings.unreadable(self, &error);
                }
            }
        }
    }

    fn write(&self, values: &[Vec<u8>]) -> io::Result<()> {
        fs::create_dir_all(&self.folder.path)?;
        fs::write(&self.path, format!("{}\n", self.format.write(values)))
    }

    /// A finding if it holds more values than the test has.
    pub(super) fn check_all_used(&self, released: usize, used: usize, one: &str, findings: &mut Findings) {
        if released > used {
            let what = format!("{self} holds more than {}", count(used, one));
            let help =
                format!("get the {one}s back that this test had: they tell whether what was stored once is still read");
            findings.add(&what, "", &help);
        }
    }
}

impl fmt::Display for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}
