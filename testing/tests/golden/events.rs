//! Golden files of events.

use std::{collections::HashMap, path::Path};

use composable_rust_core::{Codec, Decoded, Encoded, Encoding, Event, EventError};
use composable_rust_testing::{GoldenEvents, golden_events};
use serde::{Deserialize, Serialize};

use crate::{Folder, said_by, told, writing, writing_with};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Locked {
    code: u32,
    by: String,
}

/// Events whose written form a test chooses.
#[derive(Clone, Debug, PartialEq)]
enum DoorEvent {
    Opened,
    Locked(Locked),
    /// As somebody has written it who changed the form and kept the name.
    Swapped(Locked),
    /// Comes back as something else.
    Forgetful(u8),
}

fn locked(code: u32, by: &str) -> Locked {
    let by = by.to_owned();
    Locked { code, by }
}

impl Event for DoorEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Opened => "DoorOpened.v1",
            Self::Locked(_) | Self::Swapped(_) => "DoorLocked.v2",
            Self::Forgetful(_) => "DoorForgot.v1",
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        match self {
            Self::Opened => Ok(vec![]),
            Self::Locked(locked) => Codec::BINCODE.encode(locked),
            Self::Swapped(Locked { code, by }) => Codec::BINCODE.encode(&(by, code)),
            Self::Forgetful(number) => Codec::BINCODE.encode(number),
        }
    }

    fn decode(stored: Encoded<'_>) -> Result<Decoded<Self>, EventError> {
        let codec = Codec::new(stored.encoding);
        Ok(match stored.event_type {
            "DoorOpened.v1" => codec.decode::<()>(stored.data).map(|()| Self::Opened.into())?,
            "DoorLocked.v1" => Self::Locked(locked(codec.decode(stored.data)?, "nobody")).into(),
            // What `Swapped` writes of "ada" is one byte shorter than what `Locked` writes of "adas".
            "DoorLocked.v2" if stored.data.len() == 5 => {
                let (by, code) = codec.decode(stored.data)?;
                Self::Swapped(Locked { code, by }).into()
            }
            "DoorLocked.v2" => Self::Locked(codec.decode(stored.data)?).into(),
            "DoorSlammed.v1" => Decoded::Many(vec![Self::Opened, Self::Opened]),
            "DoorLookedAt.v1" => Decoded::Nothing,
            "DoorForgot.v1" => Self::Forgetful(0).into(),
            _ => return Err(EventError::unknown_type(stored)),
        })
    }
}

const OPENED: (&str, &str) = ("DoorOpened.v1.hex", "\n");
const LOCKED: (&str, &str) = ("DoorLocked.v2.hex", "07 03 61 64 61");

fn door(folder: &Path) -> GoldenEvents<DoorEvent> {
    golden_events!(DoorEvent, folder).current(DoorEvent::Opened)
}

fn current() -> DoorEvent {
    DoorEvent::Locked(locked(7, "adas"))
}

#[test]
fn what_is_as_it_was_released_passes_old_forms_included() {
    let folder = Folder::with(&[
        OPENED,
        ("DoorLocked.v2.hex", "070461646173\n"),
        ("DoorLocked.v1.hex", "07"),
        ("DoorSlammed.v1.hex", ""),
        ("DoorLookedAt.v1.hex", "ff"),
        ("README.md", "not a golden file"),
    ]);
    door(folder.path())
        .current(current())
        .old("DoorLocked.v1", [DoorEvent::Locked(locked(7, "nobody"))])
        .old("DoorSlammed.v1", [DoorEvent::Opened, DoorEvent::Opened])
        .old("DoorLookedAt.v1", [])
        .check();
}

#[test]
fn a_missing_file_fails_and_is_not_written() {
    let folder = Folder::with(&[]);
    let said = folder.said(|path| door(path).check());
    assert_eq!(
        said,
        "the golden file of \"DoorOpened.v1\" is missing: golden/DoorOpened.v1.hex\n\n\
         help: if the event is new, run this test once with GOLDEN=write in the environment and commit the file; if the \
         file was there before, get it back: logs hold such events"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn nothing_is_written_where_ci_runs_and_it_is_said_why() {
    if let Some(told) = told() {
        let said = said_by(|| door(&told).check());
        assert!(
            said.ends_with("; CI is set in the environment, where GOLDEN=write is not heeded"),
            "{said}"
        );
        return;
    }
    let folder = Folder::with(&[]);
    let test = "events::nothing_is_written_where_ci_runs_and_it_is_said_why";
    writing_with(test, &folder, &[("CI", "true")]);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn what_is_missing_is_written_when_asked_for_and_what_is_there_never() {
    if let Some(told) = told() {
        return door(&told).current(current()).check();
    }
    let folder = Folder::with(&[]);
    let test = "events::what_is_missing_is_written_when_asked_for_and_what_is_there_never";
    writing(test, &folder);
    assert_eq!(folder.read("DoorLocked.v2.hex"), "070461646173\n");
    assert_eq!(folder.read("DoorOpened.v1.hex"), "-\n");
    door(folder.path()).current(current()).check();

    let other = DoorEvent::Locked(locked(8, "adas"));
    let said = folder.said(|path| door(path).current(other).check());
    assert!(
        said.starts_with("\"DoorLocked.v2\" is not written as it was released"),
        "{said}"
    );
}

#[test]
fn writing_leaves_a_changed_file_as_it_was_released() {
    if let Some(told) = told() {
        let other = DoorEvent::Locked(locked(8, "adas"));
        said_by(|| door(&told).current(other).check());
        return;
    }
    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "070461646173\n")]);
    writing("events::writing_leaves_a_changed_file_as_it_was_released", &folder);
    assert_eq!(folder.read("DoorLocked.v2.hex"), "070461646173\n");
}

#[test]
fn a_changed_form_is_explained_by_type_difference_and_way_out() {
    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "070461646173\n")]);
    let swapped = DoorEvent::Swapped(locked(7, "ada"));
    let said = folder.said(|path| door(path).current(swapped).check());
    assert_eq!(
        said,
        "\"DoorLocked.v2\" is not written as it was released

the released bytes are read as something else (- this test, + read):
- Swapped(
+ Locked(
      Locked {
          code: 7,
-         by: \"ada\",
+         by: \"adas\",
      },

the bytes differ from byte 1 on (- released, + now):
- 070461646173 (6 bytes)
+ 0361646107 (5 bytes)

help: if only the example in this test has changed, change it back. Otherwise: logs hold events of the released form, so \
         give the new form a name of its own and keep the old one: `#[event(\"DoorLocked.v3\", from(\"DoorLocked.v2\" = \
         TheOldPayload))]` with a `From<TheOldPayload>`, and `.old(\"DoorLocked.v2\", [...])` in this test. If no log \
         holds such an event yet, delete the file and run this test with GOLDEN=write"
            .replace("\\\n         ", "")
    );
}

#[test]
fn released_bytes_that_can_not_be_read_are_said_to_be_so() {
    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "07046164617300\n")]);
    let said = folder.said(|path| door(path).current(current()).check());
    assert!(
        said.contains(
            "the released bytes can't be read any more: 1 bytes are left over after the event\n\nthe bytes differ"
        ),
        "{said}"
    );
}

#[test]
fn an_old_event_that_is_lost_misread_or_unknown_is_named() {
    let folder = Folder::with(&[OPENED, ("DoorLocked.v1.hex", "07"), ("DoorShut.v1.hex", "07")]);
    let said = folder.said(|path| {
        door(path)
            .old("DoorLocked.v1", [DoorEvent::Locked(locked(7, "somebody"))])
            .old("DoorShut.v1", [DoorEvent::Opened])
            .old("DoorSlammed.v1", [])
            .check();
    });
    let parts: Vec<&str> = said.split("\n\n---\n\n").collect();
    assert_eq!(
        parts,
        [
            "the released bytes of \"DoorLocked.v1\" are not read as expected (- expected, + read)

          code: 7,
-         by: \"somebody\",
+         by: \"nobody\",
      },

help: an old form stays as it was, with the `From` that leads from it to the event of today; see that `From` and the type \
of the old payload",
            "the released bytes of \"DoorShut.v1\" are not read as expected (- expected, + read)

unknown event type \"DoorShut.v1\": list it, as `from(\"DoorShut.v1\" = ...)`, `alias(\"DoorShut.v1\")` or \
`skip(\"DoorShut.v1\")`

help: an old form stays as it was, with the `From` that leads from it to the event of today; see that `From` and the type \
of the old payload",
            "the golden file of the old event \"DoorSlammed.v1\" is missing: golden/DoorSlammed.v1.hex

help: get it back from version control, or write the bytes of such an event there in hexadecimal digits, as a log holds \
them: this program can't write it any more",
        ]
    );
}

#[test]
fn a_file_that_nobody_checks_is_named() {
    let folder = Folder::with(&[OPENED, LOCKED]);
    let said = folder.said(|path| door(path).check());
    assert_eq!(
        said,
        "nothing checks the golden file golden/DoorLocked.v2.hex\n\nhelp: what was stored once is read for ever: keep the \
         old name, and add `.old(\"DoorLocked.v2\", [...])` with what it is read as today"
    );
}

#[test]
fn a_file_that_is_not_hexadecimal_is_named() {
    let folder = Folder::with(&[("DoorOpened.v1.hex", "0x7")]);
    let said = folder.said(|path| door(path).check());
    assert!(
        said.starts_with("golden/DoorOpened.v1.hex does not hold pairs of hexadecimal digits"),
        "{said}"
    );
}

#[test]
fn an_event_that_does_not_come_back_is_no_golden_event() {
    let folder = Folder::with(&[OPENED]);
    let said = folder.said(|path| door(path).current(DoorEvent::Forgetful(7)).check());
    assert!(
        said.starts_with("\"DoorForgot.v1\" does not come back as it was written (- written, + read)\n\n  Forgetful(\n-     7,\n+     0,"),
        "{said}"
    );
}

/// Two of them, as many payloads need: an enum among their fields has variants.
fn two(folder: &Path) -> GoldenEvents<DoorEvent> {
    door(folder)
        .current(current())
        .current(DoorEvent::Locked(locked(8, "bobs")))
}

#[test]
fn several_events_of_one_name_share_its_file() {
    let good = ("DoorLocked.v2.hex", "070461646173\n\n0804626f6273\n");
    two(Folder::with(&[OPENED, good]).path()).check();
    let windows = ("DoorLocked.v2.hex", "070461646173\r\n\r\n0804626f6273\r\n");
    two(Folder::with(&[OPENED, windows]).path()).check();

    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "070461646173\n\n0904626f6273\n")]);
    let said = folder.said(|path| two(path).check());
    assert!(
        said.starts_with("event 2 of \"DoorLocked.v2\" is not written as it was released"),
        "{said}"
    );
    let folder = Folder::with(&[OPENED, good]);
    let said = folder.said(|path| door(path).current(current()).check());
    assert!(
        said.starts_with("golden/DoorLocked.v2.hex holds more than 1 event\n\nhelp: get the events back"),
        "{said}"
    );
}

#[test]
fn a_new_event_of_a_known_name_is_written_after_those_that_are_there() {
    if let Some(told) = told() {
        return two(&told).check();
    }
    let folder = Folder::with(&[OPENED, ("DoorLocked.v2.hex", "070461646173\n")]);
    let said = folder.said(|path| two(path).check());
    assert!(
        said.starts_with(
            "event 2 of \"DoorLocked.v2\" is not in golden/DoorLocked.v2.hex\n\nhelp: if the event is new, run"
        ),
        "{said}"
    );
    let test = "events::a_new_event_of_a_known_name_is_written_after_those_that_are_there";
    writing(test, &folder);
    assert_eq!(folder.read("DoorLocked.v2.hex"), "070461646173\n\n0804626f6273\n");
}

#[test]
fn several_events_of_an_old_name_are_read_in_the_order_of_its_file() {
    let folder = Folder::with(&[OPENED, ("DoorLocked.v1.hex", "07\n\n08")]);
    let old = |path: &Path, codes: &[u32]| {
        let door = door(path);
        codes.iter().fold(door, |door, &code| {
            door.old("DoorLocked.v1", [DoorEvent::Locked(locked(code, "nobody"))])
        })
    };
    old(folder.path(), &[7, 8]).check();
    let said = folder.said(|path| old(path, &[7, 9]).check());
    assert!(
        said.starts_with("the released bytes of event 2 of \"DoorLocked.v1\" are not read as expected"),
        "{said}"
    );
    let said = folder.said(|path| old(path, &[7]).check());
    assert!(
        said.starts_with("golden/DoorLocked.v1.hex holds more than 1 event"),
        "{said}"
    );
    let said = folder.said(|path| old(path, &[7, 8, 9]).check());
    assert!(
        said.starts_with("event 3 of the old event \"DoorLocked.v1\" is not in golden/DoorLocked.v1.hex"),
        "{said}"
    );
}

/// Written in whatever order the map has.
#[derive(Debug, PartialEq)]
struct Tagged(HashMap<u8, u8>);

impl Event for Tagged {
    fn event_type(&self) -> &'static str {
        "Tagged.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Codec::BINCODE.encode(&self.0)
    }

    fn decode(stored: Encoded<'_>) -> Result<Decoded<Self>, EventError> {
        Codec::new(stored.encoding)
            .decode(stored.data)
            .map(|tags| Self(tags).into())
    }
}

#[test]
fn bytes_that_are_not_the_same_every_time_are_no_golden_bytes() {
    let tagged = || Tagged((0..50).map(|tag| (tag, tag)).collect());
    let folder = Folder::with(&[]);
    let said = folder.said(|path| golden_events!(Tagged, path).current(tagged()).check());
    assert!(
        said.starts_with("\"Tagged.v1\" is not written in the same bytes every time\n\nthe bytes differ from byte "),
        "{said}"
    );
    assert!(said.contains(" on (- once, + again):\n- "), "{said}");
    assert!(
        said.ends_with("help: a hash map or set has no order of its own: use a `BTreeMap` or a `BTreeSet`"),
        "{said}"
    );
}

#[test]
fn a_name_that_is_both_current_and_old_and_a_check_of_nothing_are_mistakes() {
    let folder = Folder::with(&[OPENED]);
    let said = folder.said(|path| door(path).old("DoorOpened.v1", [DoorEvent::Opened]).check());
    assert!(
        said.starts_with("\"DoorOpened.v1\" is checked as current and as old"),
        "{said}"
    );
    let folder = Folder::with(&[]);
    let said = folder.said(|path| golden_events!(DoorEvent, path).check());
    assert!(said.starts_with("no event is checked"), "{said}");
}

/// Once bincode, now JSON: as it is in many a log.
#[derive(Debug, PartialEq)]
struct Noted(String);

impl Event for Noted {
    const ENCODING: Encoding = Encoding::JSON;

    fn event_type(&self) -> &'static str {
        "Noted/here.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Ok(format!("[{:?}]", self.0).into_bytes())
    }

    fn decode(stored: Encoded<'_>) -> Result<Decoded<Self>, EventError> {
        match stored.encoding {
            Encoding::JSON => {
                let text = String::from_utf8_lossy(stored.data);
                Ok(Self(text.trim_matches(['[', ']', '"']).to_owned()).into())
            }
            encoding => Codec::new(encoding).decode(stored.data).map(|text| Self(text).into()),
        }
    }
}

#[test]
fn json_is_kept_as_text_and_bytes_of_another_encoding_stay_readable() {
    let (name, old) = ("Noted%2fhere.v1.json", "Noted%2fhere.v1.hex");
    let folder = Folder::with(&[(name, "[\"hello\"]\r\n"), (old, "0568656c6c6f")]);
    let check = |path: &Path| golden_events!(Noted, path).current(Noted("hello".to_owned())).check();
    check(folder.path());
    let folder = Folder::with(&[(name, "[\"hello\"]\n"), (old, "0568656c6c70")]);
    let said = folder.said(check);
    assert!(
        said.starts_with("the released bytes of \"Noted/here.v1\" are not read as expected"),
        "{said}"
    );
    let folder = Folder::with(&[(name, "[\"hullo\"]")]);
    assert!(
        folder
            .said(check)
            .starts_with("\"Noted/here.v1\" is not written as it was released")
    );
}
