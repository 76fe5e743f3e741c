//! Events as they are written today.

use std::{fmt::Debug, slice};

use composable_rust_core::{Decoded, EncodedEvent, Event};

use super::{
    bytes::difference as difference_of_bytes,
    file::File,
    findings::Findings,
    folder::Folder,
    reading::{ENCODINGS, Misread, check_reading, file, misread, nth},
};
use crate::failed::causes;

/// How often an event is written anew, to see whether its bytes are always the same: two entries of a hash map are in
/// the same order every other time.
const TRIES: usize = 16;

/// The events of one stored name, as they are written today.
#[derive(Debug)]
pub(super) struct Current<E> {
    pub(super) event_type: &'static str,
    pub(super) events: Vec<E>,
}

impl<E: Event + PartialEq + Debug> Current<E> {
    pub(super) fn check(&self, folder: &Folder, findings: &mut Findings) {
        let file = file(folder, self.event_type, E::ENCODING);
        let written: Option<Vec<_>> = (1..)
            .zip(&self.events)
            .map(|(n, event)| self.write(n, event, findings))
            .collect();
        if let Some(now) = written {
            self.compare(&file, &now, findings);
        }
        // Written once in another encoding: still to be read.
        let expected: Vec<&[E]> = self.events.iter().map(slice::from_ref).collect();
        for (encoding, _) in ENCODINGS.into_iter().filter(|(encoding, _)| *encoding != E::ENCODING) {
            check_reading(folder, (self.event_type, encoding), &expected, findings);
        }
    }

    fn nth(&self, n: usize) -> String {
        nth(self.event_type, n, self.events.len())
    }

    /// Its bytes, if they are always the same and are read as the event again.
    fn write(&self, n: usize, event: &E, findings: &mut Findings) -> Option<Vec<u8>> {
        let name = self.nth(n);
        let now = match event.encode() {
            Ok(now) => now,
            Err(error) => {
                let what = format!("{name} can't be written");
                findings.add(&what, &causes(&error), "see its serde attributes");
                return None;
            }
        };
        if let Some(problem) = misread(self.event_type, E::ENCODING, &now, slice::from_ref(event)) {
            let what = format!("{name} does not come back as it was written (- written, + read)");
            let help = "see its serde attributes, in the encoding of the event";
            findings.add(&what, problem.text(), help);
            return None;
        }
        if let Some(again) = self.written_otherwise(&now) {
            findings.unsteady(&format!("{name} is not written"), &now, &again);
            return None;
        }
        Some(now)
    }

    /// Other bytes of the same event: it is read anew each time, since a hash map keeps its order until then.
    fn written_otherwise(&self, now: &[u8]) -> Option<Vec<u8>> {
        let stored = EncodedEvent {
            event_type: self.event_type,
            encoding: E::ENCODING,
            data: now,
        };
        (0..TRIES).find_map(|_| match E::decode(stored) {
            Ok(Decoded::One(event)) => event.encode().ok().filter(|again| again != now),
            _ => None,
        })
    }

    fn compare(&self, file: &File<'_>, now: &[Vec<u8>], findings: &mut Findings) {
        let Some(released) = file.read(findings) else { return };
        let mut is_kept = true;
        for (n, ((event, now), released)) in (1..).zip(self.events.iter().zip(now).zip(&released)) {
            if now != released {
                is_kept = false;
                self.changed((n, event), released, now, findings);
            }
        }
        file.check_all_used(released.len(), now.len(), "event", findings);
        if is_kept && released.len() < now.len() {
            self.complete(file, now, released.len(), findings);
        }
    }

    fn complete(&self, file: &File<'_>, now: &[Vec<u8>], released: usize, findings: &mut Findings) {
        let event_type = self.event_type;
        let what = match released {
            0 => format!("the golden file of {event_type:?} is missing: {file}"),
            _ => format!("{} is not in {file}", self.nth(released + 1)),
        };
        let help = "if the event is new, run this test once with GOLDEN=write in the environment and commit the file; if the \
                    file was there before, get it back: logs hold such events";
        file.complete(now, &what, help, findings);
    }

    fn changed(&self, (n, event): (usize, &E), released: &[u8], now: &[u8], findings: &mut Findings) {
        let event_type = self.event_type;
        let what = format!("{} is not written as it was released", self.nth(n));
        let meaning = match misread(event_type, E::ENCODING, released, slice::from_ref(event)) {
            None => "the released bytes are still read as this event".to_owned(),
            Some(Misread::Not(why)) => format!("the released bytes can't be read any more: {why}"),
            Some(Misread::Otherwise(difference)) => {
                format!("the released bytes are read as something else (- this test, + read):\n{difference}")
            }
        };
        let details = format!(
            "{meaning}\n\n{}",
            difference_of_bytes(("released", released), ("now", now))
        );
        let next = next_version(event_type);
        let help = format!(
            "if only the example in this test has changed, change it back. Otherwise: logs hold events of the released \
             form, so give the new form a name of its own and keep the old one: `#[event({next:?}, from({event_type:?} = \
             TheOldPayload))]` with a `From<TheOldPayload>`, and `.old({event_type:?}, [...])` in this test. If no log \
             holds such an event yet, delete the file and run this test with GOLDEN=write"
        );
        findings.add(&what, &details, &help);
    }
}

/// `OrderPlaced.v2` after `OrderPlaced.v1`.
fn next_version(event_type: &str) -> String {
    let next = event_type.rsplit_once(".v").and_then(|(name, version)| {
        let version = version.parse::<u32>().ok()?.checked_add(1)?;
        Some(format!("{name}.v{version}"))
    });
    next.unwrap_or_else(|| format!("{event_type}.v2"))
}
