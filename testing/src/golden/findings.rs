//! What a check has found, all of it told at once.

use std::io;

use super::{bytes::difference, file::File};
use crate::failed::text;

/// What a check has found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<String>);

impl Findings {
    pub(super) fn add(&mut self, what: &str, details: &str, help: &str) {
        self.0.push(text(what, details, help));
    }

    pub(super) fn unreadable(&mut self, file: &File<'_>, error: &io::Error) {
        let what = format!("{file} can't be read or written");
        self.add(&what, &error.to_string(), "see its permissions and its folder");
    }

    pub(super) fn not_hex(&mut self, file: &File<'_>) {
        let what = format!("{file} does not hold pairs of hexadecimal digits");
        self.add(&what, "", "get the file back as it was committed");
    }

    /// No file can hold what is written in other bytes the next time.
    pub(super) fn unsteady(&mut self, what: &str, once: &[u8], again: &[u8]) {
        let what = format!("{what} in the same bytes every time");
        let help = "a hash map or set has no order of its own: use a `BTreeMap` or a `BTreeSet`";
        self.add(&what, &difference(("once", once), ("again", again)), help);
    }

    /// Nothing if all is well.
    pub(super) fn into_text(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("\n\n---\n\n"))
    }
}
