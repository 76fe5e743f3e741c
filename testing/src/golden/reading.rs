//! What the bytes of events are read as today.

use std::fmt::Debug;

use composable_rust_core::{Decoded, EncodedEvent, Encoding, Event, EventError};

use super::{file::File, findings::Findings, folder::Folder, format::Format};
use crate::failed::{causes, difference};

/// The encodings that golden files may be in, with the endings of their names.
pub(super) const ENCODINGS: [(Encoding, &str); 2] = [(Encoding::BINCODE, "hex"), (Encoding::JSON, "json")];

/// The file of a stored name's events in this encoding.
pub(super) fn file<'a>(folder: &'a Folder, event_type: &str, encoding: Encoding) -> File<'a> {
    let known = ENCODINGS.into_iter().find(|(known, _)| *known == encoding);
    let ending = known.map_or("hex", |(_, ending)| ending);
    let format = match encoding {
        Encoding::JSON => Format::Text,
        _ => Format::Hex,
    };
    folder.file(event_type, ending, format)
}

/// The nth event of a stored name, or the name alone where it has one.
pub(super) fn nth(event_type: &str, n: usize, of: usize) -> String {
    match of {
        1 => format!("{event_type:?}"),
        _ => format!("event {n} of {event_type:?}"),
    }
}

/// What is wrong with what bytes are read as.
pub(super) enum Misread {
    Not(String),
    Otherwise(String),
}

impl Misread {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Not(why) => why,
            Self::Otherwise(difference) => difference,
        }
    }
}

pub(super) fn misread<E: Event + PartialEq + Debug>(
    event_type: &str,
    encoding: Encoding,
    data: &[u8],
    expected: &[E],
) -> Option<Misread> {
    let stored = EncodedEvent {
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

/// Each value of the file is to be read as the events at its place. How many values there are, if that can be made out.
pub(super) fn check_reading<E: Event + PartialEq + Debug>(
    folder: &Folder,
    (event_type, encoding): (&str, Encoding),
    expected: &[&[E]],
    findings: &mut Findings,
) -> Option<usize> {
    let file = file(folder, event_type, encoding);
    let released = file.read(findings)?;
    for (n, (released, events)) in (1..).zip(released.iter().zip(expected)) {
        if let Some(problem) = misread(event_type, encoding, released, events) {
            let what = format!(
                "the released bytes of {} are not read as expected (- expected, + read)",
                nth(event_type, n, expected.len())
            );
            let help = "an old form stays as it was, with the `From` that leads from it to the event of today; see that \
                        `From` and the type of the old payload";
            findings.add(&what, problem.text(), help);
        }
    }
    file.check_all_used(released.len(), expected.len(), "event", findings);
    Some(released.len())
}

/// A name that is skipped decodes to nothing whatever its bytes.
pub(super) fn is_skipped<E: Event>(event_type: &str) -> bool {
    let skipped = |data| {
        let stored = EncodedEvent {
            event_type,
            encoding: E::ENCODING,
            data,
        };
        matches!(E::decode(stored), Ok(Decoded::Nothing))
    };
    skipped(&[]) && skipped(&[0xff; 9])
}
