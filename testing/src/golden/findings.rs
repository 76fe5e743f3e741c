//! What a check has found, all of it told at once.

use std::{io, path::Path};

use crate::failed::text;

/// What a check has found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<String>);

impl Findings {
    pub(super) fn add(&mut self, what: &str, details: &str, help: &str) {
        self.0.push(text(what, details, help));
    }

    pub(super) fn unreadable(&mut self, file: &Path, error: &io::Error) {
        let what = format!("{} can't be read or written", file.display());
        self.add(&what, &error.to_string(), "see its permissions and its folder");
    }

    pub(super) fn not_hex(&mut self, file: &Path) {
        let what = format!("{} does not hold pairs of hexadecimal digits", file.display());
        self.add(&what, "", "get the file back as it was committed");
    }

    /// Nothing if all is well.
    pub(super) fn into_text(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("\n\n---\n\n"))
    }
}
