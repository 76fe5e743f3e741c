//! The events of one type, with their golden files.

use std::{collections::HashSet, fmt::Debug, path::PathBuf};

use composable_rust_core::Event;

use super::{
    current::Current,
    findings::Findings,
    folder::{Folder, file_name},
    old::Old,
    reading::{ENCODINGS, is_skipped},
};
use crate::failed::stop;

/// Checks the golden files of an event type; [`golden_events!`](crate::golden_events) makes one.
#[must_use = "call `check`"]
#[derive(Debug)]
pub struct GoldenEvents<E> {
    folder: Folder,
    names: &'static [&'static str],
    current: Vec<Current<E>>,
    old: Vec<Old<E>>,
}

impl<E: Event + PartialEq + Debug> GoldenEvents<E> {
    /// The files in this folder. Unlike [`golden_events!`](crate::golden_events), this does not know which stored names
    /// there are.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Folder::new(folder.into()),
            names: &[],
            current: Vec::new(),
            old: Vec::new(),
        }
    }

    #[doc(hidden)]
    pub fn names(mut self, names: &'static [&'static str]) -> Self {
        self.names = names;
        self
    }

    /// An event as it is written today: always the same value. Several of one stored name stand in its file in their
    /// order; add new ones at the end.
    pub fn current(mut self, event: E) -> Self {
        let event_type = event.event_type();
        match self.current.iter_mut().find(|current| current.event_type == event_type) {
            Some(current) => current.events.push(event),
            None => self.current.push(Current {
                event_type,
                events: vec![event],
            }),
        }
        self
    }

    /// An old stored name, and what the bytes of its file are read as today: one event, several, or `[]` for none. Where
    /// the file holds several values, this is said once for each, in their order.
    pub fn old(mut self, event_type: &str, events: impl IntoIterator<Item = E>) -> Self {
        let events = events.into_iter().collect();
        match self.old.iter_mut().find(|old| old.event_type == event_type) {
            Some(old) => old.read_as.push(events),
            None => self.old.push(Old {
                event_type: event_type.to_owned(),
                read_as: vec![events],
            }),
        }
        self
    }

    /// Compares everything with the files.
    ///
    /// # Panics
    /// If anything is not as it was released, or not covered; all that is wrong is told at once.
    #[track_caller]
    pub fn check(self) {
        if let Some(text) = self.findings().into_text() {
            stop(&text);
        }
    }

    fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        for current in &self.current {
            current.check(&self.folder, &mut findings);
        }
        for old in &self.old {
            old.check(&self.folder, &mut findings);
        }
        self.check_names(&mut findings);
        self.check_files(&mut findings);
        findings
    }

    fn checked(&self) -> impl Iterator<Item = &str> {
        let current = self.current.iter().map(|current| -> &str { current.event_type });
        current.chain(self.old.iter().map(|old| old.event_type.as_str()))
    }

    /// Every name is checked, as current or as old, but for those that are skipped.
    fn check_names(&self, findings: &mut Findings) {
        let mut checked = HashSet::new();
        for name in self.checked().filter(|name| !checked.insert(name.to_owned())) {
            let what = format!("{name:?} is checked as current and as old");
            let help = "keep `.current(...)`: what is written under a name today is also what it is read as";
            findings.add(&what, "", help);
        }
        for name in self.names.iter().filter(|name| !checked.contains(**name)) {
            if is_skipped::<E>(name) {
                continue;
            }
            let what = format!("no golden file is checked for {name:?}");
            let help = format!(
                "add `.current(...)` with such an event, or, if it is an old name, `.old({name:?}, [...])` with what it is \
                 read as today"
            );
            findings.add(&what, "", &help);
        }
        if checked.is_empty() && self.names.is_empty() {
            findings.add(
                "no event is checked",
                "",
                "add `.current(...)` with an event of each kind",
            );
        }
    }

    fn check_files(&self, findings: &mut Findings) {
        let names = |name| ENCODINGS.map(|(_, ending)| file_name(name, ending));
        let known: HashSet<String> = self.checked().flat_map(names).collect();
        for file in self.folder.files(&ENCODINGS.map(|(_, ending)| ending)) {
            if known.contains(&file) {
                continue;
            }
            let name = file.rsplit_once('.').map_or(&*file, |(name, _)| name);
            let what = format!(
                "nothing checks the golden file {}",
                self.folder.path.join(&file).display()
            );
            let help = format!(
                "what was stored once is read for ever: keep the old name, and add `.old({name:?}, [...])` with what it is \
                 read as today"
            );
            findings.add(&what, "", &help);
        }
    }
}
