//! What attributes change: encoding, cap, crate path, and what serde was told about fields.

use composable_rust_core::{Codec, Decoded, Encoding, Event, EventError, Limit, SerializedEvent};
use composable_rust_macros::Event;
use serde::{Deserialize, Serialize};

use crate::{back, id, json, stored};

#[derive(Clone, Debug, PartialEq, Event)]
#[event("DoorLocked.v1", encoding = "json", max_bytes = 16 * 2)]
#[serde(rename_all = "UPPERCASE", deny_unknown_fields)]
struct DoorLocked {
    code: String,
}

#[derive(Debug, PartialEq, Event)]
#[event("Hidden.v1")]
struct Hidden(Noted);

/// The same, stored unchecked.
#[derive(Debug, PartialEq, Event)]
#[event("Unchecked.v1", verify_round_trip = false)]
struct Unchecked(Noted);

#[derive(Debug, PartialEq, Event)]
#[event(encoding = "json", verify_round_trip = true)]
enum Grown {
    #[event("Grown.v1")]
    Grown {
        cents: u64,
        #[serde(default)]
        note: Option<String>,
    },
}

/// What the derive does not see.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Noted {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<u8>,
    count: u8,
}

/// What the facade does with core: everything at its root.
mod facade {
    pub(crate) use composable_rust_core::*;
}

#[derive(Debug, PartialEq, Event)]
#[event(crate = "crate::attributes::facade", encoding = "json")]
#[serde(tag = "type", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Elsewhere {
    #[event("Measured.v1")]
    Measured {
        #[serde(with = "hexadecimal")]
        reading: u32,
        #[serde(
            serialize_with = "hexadecimal::serialize",
            deserialize_with = "hexadecimal::deserialize"
        )]
        other: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        #[serde(skip)]
        cached: u8,
    },
    #[event("Calibrated.v1")]
    Calibrated(u8, #[serde(with = "hexadecimal")] u32),
    #[event("Moved.v1")]
    Moved { by_steps: i8 },
    #[event("Renamed.v1")]
    #[serde(rename = "other", rename_all = "kebab-case")]
    Renamed { new_name: String },
}

/// What is left where nothing is chosen.
#[derive(Event)]
#[event("Plain.v1")]
struct Plain;

/// Functions that take a `&T`, but not a `&&T`.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) trait Number {
        fn hexadecimal(&self) -> String;
    }

    impl Number for u32 {
        fn hexadecimal(&self) -> String {
            format!("{self:x}")
        }
    }

    pub(crate) fn serialize<T: Number, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.hexadecimal())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(deserializer)?, 16).map_err(D::Error::custom)
    }
}

#[test]
fn what_serde_was_told_about_a_field_holds_for_its_stored_form() {
    let measured = Elsewhere::Measured {
        reading: 255,
        other: 16,
        unit: None,
        cached: 0,
    };
    assert_eq!(json(&measured), r#"{"reading":"ff","other":"10"}"#);
    assert_eq!(back(&measured), Decoded::One(measured));
}

#[test]
fn fields_are_named_in_json_as_serde_was_told() {
    let moved = Elsewhere::Moved { by_steps: -1 };
    let renamed = Elsewhere::Renamed {
        new_name: "n".to_owned(),
    };
    let locked = DoorLocked { code: "7".to_owned() };
    assert_eq!(json(&Elsewhere::Calibrated(1, 255)), r#"[1,"ff"]"#);
    assert_eq!(json(&moved), r#"{"bySteps":-1}"#);
    assert_eq!(json(&renamed), r#"{"new-name":"n"}"#);
    assert_eq!(json(&locked), r#"{"CODE":"7"}"#);
    for event in [Elsewhere::Calibrated(1, 255), moved, renamed] {
        assert_eq!(back(&event), Decoded::One(event));
    }
}

#[test]
fn fields_that_a_struct_denies_are_refused() {
    let read = DoorLocked::decode(stored("DoorLocked.v1", Encoding::JSON, br#"{"CODE":"1","MORE":1}"#));
    assert!(matches!(read, Err(EventError::Malformed(_))));
    let read = Elsewhere::decode(stored("Moved.v1", Encoding::JSON, br#"{"bySteps":1,"more":1}"#));
    assert!(matches!(read, Err(EventError::Malformed(_))));
}

#[test]
fn an_event_that_would_not_come_back_is_found_before_it_is_stored() {
    let hidden = |note| Hidden(Noted { note, count: 2 });
    assert_eq!(back(&hidden(Some(1))), Decoded::One(hidden(Some(1))));
    let lost = SerializedEvent::encode(&hidden(None), id());
    assert!(matches!(
        lost,
        Err(EventError::NotRoundTrippable {
            event_type: "Hidden.v1"
        })
    ));
}

/// Types of fields that serde reads by looking at the bytes, which bincode can't do.
#[test]
fn a_field_whose_type_does_not_suit_bincode_is_found_before_it_is_stored() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u64),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Named { number: u64 },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        number: u64,
    }
    #[derive(Debug, PartialEq, Event)]
    enum Holds {
        #[event("Untagged.v1")]
        Untagged { value: Untagged },
        #[event("Tagged.v1")]
        Tagged { value: Tagged },
        #[event("Flat.v1")]
        Flat { value: Flat },
    }
    let inner = Inner { number: 1 };
    for event in [
        Holds::Untagged {
            value: Untagged::Number(1),
        },
        Holds::Tagged {
            value: Tagged::Named { number: 1 },
        },
        Holds::Flat { value: Flat { inner } },
    ] {
        let refused = SerializedEvent::encode(&event, id());
        assert!(
            matches!(
                refused,
                Err(EventError::NotRoundTrippable { .. } | EventError::Malformed(_))
            ),
            "{event:?}: {refused:?}"
        );
    }
}

#[test]
fn the_check_can_be_turned_off() {
    let unchecked = Unchecked(Noted { note: None, count: 2 });
    assert_eq!(
        (
            Unchecked::VERIFY_ROUND_TRIP,
            Grown::VERIFY_ROUND_TRIP,
            Plain::VERIFY_ROUND_TRIP
        ),
        (false, true, true)
    );
    let stored = SerializedEvent::encode(&unchecked, id()).unwrap();
    assert_eq!(stored.data, [2]);
    assert!(Unchecked::decode(stored.encoded()).is_err());
}

#[test]
fn a_field_that_an_old_event_lacks_has_its_default_in_json() {
    let read = Grown::decode(stored("Grown.v1", Encoding::JSON, br#"{"cents":5}"#)).unwrap();
    assert_eq!(read, Decoded::One(Grown::Grown { cents: 5, note: None }));
}

#[test]
fn the_chosen_encoding_and_cap_are_the_types_own() {
    assert_eq!(
        (Plain::ENCODING, Plain::MAX_BYTES),
        (Encoding::BINCODE, Codec::DEFAULT_MAX_BYTES)
    );
    assert_eq!((DoorLocked::ENCODING, DoorLocked::MAX_BYTES), (Encoding::JSON, 32));
    let largest = DoorLocked {
        code: "x".repeat(32 - r#"{"CODE":""}"#.len()),
    };
    assert_eq!(back(&largest), Decoded::One(largest.clone()));
    let larger = DoorLocked {
        code: largest.code + "x",
    };
    assert!(matches!(
        larger.encode(),
        Err(EventError::TooLarge { bytes: 33, limit: 32 })
    ));
}

/// One byte more is refused: see `tests/ui/stored_names.rs`.
#[test]
fn the_longest_name_that_the_derive_takes_is_the_longest_that_stores_take() {
    #[derive(Event)]
    #[event(
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    )]
    struct Longest;

    assert_eq!(Longest.event_type().len(), Limit::BytesPerEventType.max());
}
