//! What was written once, under names that nothing is written under any more.

use std::fmt::Debug;

use composable_rust_core::{Encoding, Event};

use super::{
    findings::Findings,
    folder::Folder,
    reading::{ENCODINGS, check_reading, file},
};

/// An old stored name, with what each value of its file is read as today.
#[derive(Debug)]
pub(super) struct Old<E> {
    pub(super) event_type: String,
    pub(super) read_as: Vec<Vec<E>>,
}

impl<E: Event + PartialEq + Debug> Old<E> {
    pub(super) fn check(&self, folder: &Folder, findings: &mut Findings) {
        let expected: Vec<&[E]> = self.read_as.iter().map(Vec::as_slice).collect();
        let name = self.event_type.as_str();
        let released = ENCODINGS.map(|(encoding, _)| check_reading(folder, (name, encoding), &expected, findings));
        // What can't be made out has been told.
        let released: Option<Vec<usize>> = released.into_iter().collect();
        if let Some(released) = released {
            self.check_released(folder, released.into_iter().max().unwrap_or_default(), findings);
        }
    }

    fn check_released(&self, folder: &Folder, released: usize, findings: &mut Findings) {
        let name = self.event_type.as_str();
        let file = file(folder, name, Encoding::BINCODE);
        let what = match released {
            0 => format!("the golden file of the old event {name:?} is missing: {file}"),
            _ => format!("event {} of the old event {name:?} is not in {file}", released + 1),
        };
        if released < self.read_as.len() {
            let help = "get it back from version control, or write the bytes of such an event there in hexadecimal digits, \
                        as a log holds them: this program can't write it any more";
            findings.add(&what, "", help);
        }
    }
}
