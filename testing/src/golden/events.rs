//! The bytes of events.

use std::{collections::HashSet, fmt::Debug, path::PathBuf};

use composable_rust_core::{Decoded, Encoded, Encoding, Event, EventError};

use super::{
    bytes::{difference as difference_of_bytes, from_hex, to_hex},
    findings::Findings,
    folder::{Folder, file_name},
};
use crate::failed::{causes, difference, stop};

const ENCODINGS: [(Encoding, &str); 2] = [(Encoding::BINCODE, "hex"), (Encoding::JSON, "json")];

/// Checks the golden files of an event type; [`golden_events!`](crate::golden_events) makes one.
#[must_use = "call `check`"]
#[derive(Debug)]
pub struct GoldenEvents<E> {
    folder: Folder,
    names: &'static [&'static str],
    current: Vec<E>,
    old: Vec<(String, Vec<E>)>,
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

    /// An event as it is written today: always the same value.
    pub fn current(mut self, event: E) -> Self {
        self.current.push(event);
        self
    }

    /// An old stored name, and what the bytes of its file are read as today: one event, several, or `[]` for none.
    pub fn old(mut self, event_type: &str, events: impl IntoIterator<Item = E>) -> Self {
        self.old.push((event_type.to_owned(), events.into_iter().collect()));
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

    pub(super) fn findings(&self) -> Findings {
        let mut findings = Findings::default();
        for event in &self.current {
            self.check_current(event, &mut findings);
        }
        for (event_type, events) in &self.old {
            self.check_old(event_type, events, &mut findings);
        }
        self.check_names(&mut findings);
        self.check_files(&mut findings);
        findings
    }

    fn check_current(&self, event: &E, findings: &mut Findings) {
        let event_type = event.event_type();
        let now = match event.encode() {
            Ok(now) => now,
            Err(error) => {
                let what = format!("{event_type:?} can't be written");
                return findings.add(&what, &causes(&error), "see its serde attributes");
            }
        };
        if let Some(problem) = misread(event_type, E::ENCODING, &now, std::slice::from_ref(event)) {
            let what = format!("{event_type:?} does not come back as it was written (- written, + read)");
            let help = "see its serde attributes, in the encoding of the event";
            return findings.add(&what, problem.text(), help);
        }
        match self.released(event_type, E::ENCODING, findings) {
            Some(File::Missing) => self.write(event_type, &now, findings),
            Some(File::Holds(released)) if released != now => changed(event, &released, &now, findings),
            Some(File::Holds(_)) | None => {}
        }
        // Written once in another encoding: still to be read.
        for (encoding, _) in ENCODINGS.into_iter().filter(|(encoding, _)| *encoding != E::ENCODING) {
            self.check_read(event_type, encoding, std::slice::from_ref(event), findings);
        }
    }

    fn write(&self, event_type: &str, now: &[u8], findings: &mut Findings) {
        let name = file_name(event_type, ending(E::ENCODING));
        let file = self.folder.file(&name);
        if self.folder.writes() {
            let text = match E::ENCODING {
                Encoding::JSON => String::from_utf8_lossy(now).into_owned(),
                _ => to_hex(now),
            };
            if let Err(error) = self.folder.write(&name, &text) {
                findings.unreadable(&file, &error);
            }
            return;
        }
        let what = format!("the golden file of {event_type:?} is missing: {}", file.display());
        let help = "if the event is new, run this test once with GOLDEN=write in the environment and commit the file; if \
                    the file was there before, get it back: logs hold such events";
        findings.add(&what, "", help);
    }

    fn check_old(&self, event_type: &str, events: &[E], findings: &mut Findings) {
        let checked = ENCODINGS.map(|(encoding, _)| self.check_read(event_type, encoding, events, findings));
        if checked.contains(&true) {
            return;
        }
        let file = self.folder.file(&file_name(event_type, "hex"));
        let what = format!(
            "the golden file of the old event {event_type:?} is missing: {}",
            file.display()
        );
        let help = "get it back from version control, or write the bytes of such an event there in hexadecimal digits, as a \
                    log holds them: this program can't write it any more";
        findings.add(&what, "", help);
    }

    /// Whether there is such a file; it is read as these events.
    fn check_read(&self, event_type: &str, encoding: Encoding, events: &[E], findings: &mut Findings) -> bool {
        let released = match self.released(event_type, encoding, findings) {
            Some(File::Missing) => return false,
            Some(File::Holds(released)) => released,
            None => return true,
        };
        if let Some(problem) = misread(event_type, encoding, &released, events) {
            let what = format!("the released bytes of {event_type:?} are not read as expected (- expected, + read)");
            let help = "an old form stays as it was, with the `From` that leads from it to the event of today; see that \
                        `From` and the type of the old payload";
            findings.add(&what, problem.text(), help);
        }
        true
    }

    /// `None` if the file can't be made out, which is a finding.
    fn released(&self, event_type: &str, encoding: Encoding, findings: &mut Findings) -> Option<File> {
        let name = file_name(event_type, ending(encoding));
        let text = match self.folder.read(&name) {
            Ok(Some(text)) => text,
            Ok(None) => return Some(File::Missing),
            Err(error) => {
                findings.unreadable(&self.folder.file(&name), &error);
                return None;
            }
        };
        if encoding == Encoding::JSON {
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            return Some(File::Holds(text.as_bytes().to_vec()));
        }
        let bytes = from_hex(&text);
        if bytes.is_none() {
            findings.not_hex(&self.folder.file(&name));
        }
        bytes.map(File::Holds)
    }

    fn checked(&self) -> impl Iterator<Item = &str> {
        let current = self.current.iter().map(|event| -> &str { event.event_type() });
        current.chain(self.old.iter().map(|(event_type, _)| event_type.as_str()))
    }

    /// Every name is checked once, but for those that are skipped.
    fn check_names(&self, findings: &mut Findings) {
        let mut checked = HashSet::new();
        for name in self.checked().filter(|name| !checked.insert(name.to_owned())) {
            let what = format!("{name:?} is checked twice");
            findings.add(
                &what,
                "",
                "keep one: a file holds one event, and a name is current or old",
            );
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
            let what = format!("nothing checks the golden file {}", self.folder.file(&file).display());
            let help = format!(
                "what was stored once is read for ever: keep the old name, and add `.old({name:?}, [...])` with what it is \
                 read as today"
            );
            findings.add(&what, "", &help);
        }
    }
}

enum File {
    Missing,
    Holds(Vec<u8>),
}

fn ending(encoding: Encoding) -> &'static str {
    let known = ENCODINGS.into_iter().find(|(known, _)| *known == encoding);
    known.map_or("hex", |(_, ending)| ending)
}

/// A name that is skipped decodes to nothing whatever its bytes.
fn is_skipped<E: Event>(event_type: &str) -> bool {
    let skipped = |data| {
        let stored = Encoded {
            event_type,
            encoding: E::ENCODING,
            data,
        };
        matches!(E::decode(stored), Ok(Decoded::Nothing))
    };
    skipped(&[]) && skipped(&[0xff; 9])
}

/// What is wrong with what bytes are read as.
enum Misread {
    Not(String),
    Otherwise(String),
}

impl Misread {
    fn text(&self) -> &str {
        match self {
            Self::Not(why) => why,
            Self::Otherwise(difference) => difference,
        }
    }
}

fn misread<E: Event + PartialEq + Debug>(
    event_type: &str,
    encoding: Encoding,
    data: &[u8],
    expected: &[E],
) -> Option<Misread> {
    let stored = Encoded {
        event_type,
        encoding,
        data,
    };
    match E::decode(stored) {
        Ok(read) if read.as_slice() == expected => None,
        Ok(read) => Some(Misread::Otherwise(match (expected, read.as_slice()) {
            ([expected], [read]) => difference(expected, read),
            (expected, read) => difference(expected, read),
        })),
        Err(error @ EventError::UnknownType { .. }) => Some(Misread::Not(format!(
            "{error}: list it, as `from({event_type:?} = ...)`, `alias({event_type:?})` or `skip({event_type:?})`"
        ))),
        Err(error) => Some(Misread::Not(causes(&error))),
    }
}

fn changed<E: Event + PartialEq + Debug>(event: &E, released: &[u8], now: &[u8], findings: &mut Findings) {
    let event_type = event.event_type();
    let what = format!("{event_type:?} is not written as it was released");
    let meaning = match misread(event_type, E::ENCODING, released, std::slice::from_ref(event)) {
        None => "the released bytes are still read as this event".to_owned(),
        Some(Misread::Not(why)) => format!("the released bytes can't be read any more: {why}"),
        Some(Misread::Otherwise(difference)) => {
            format!("the released bytes are read as something else (- this test, + read):\n{difference}")
        }
    };
    let details = format!("{meaning}\n\n{}", difference_of_bytes(released, now));
    let next = next_version(event_type);
    let help = format!(
        "if only the example in this test has changed, change it back. Otherwise: logs hold events of the released form, so \
         give the new form a name of its own and keep the old one: `#[event({next:?}, from({event_type:?} = TheOldPayload))]` \
         with a `From<TheOldPayload>`, and `.old({event_type:?}, [...])` in this test. If no log holds such an event yet, \
         delete the file and run this test with GOLDEN=write"
    );
    findings.add(&what, &details, &help);
}

/// `OrderPlaced.v2` after `OrderPlaced.v1`.
fn next_version(event_type: &str) -> String {
    let next = event_type.rsplit_once(".v").and_then(|(name, version)| {
        let version = version.parse::<u32>().ok()?.checked_add(1)?;
        Some(format!("{name}.v{version}"))
    });
    next.unwrap_or_else(|| format!("{event_type}.v2"))
}
