//! How golden files keep the bytes of an encoding.

use std::{collections::HashMap, path::Path};

use composable_rust_core::{Codec, Decoded, EncodedEvent, Encoding, Event, EventError};
use composable_rust_testing::golden_events;

use crate::Folder;

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

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
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

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
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
