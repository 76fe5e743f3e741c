//! Every shape in both encodings, and the bytes that are stored.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use composable_rust_core::{Codec, Decoded, Encoding, Event, EventError, SerializedEvent};
use composable_rust_macros::Event;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{back, id, json, stored};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Payment {
    cents: u64,
    note: Option<String>,
}

/// The same events in both encodings.
macro_rules! every_shape {
    ($name:ident, $encoding:literal) => {
        #[derive(Clone, Debug, PartialEq, Event)]
        #[event(encoding = $encoding)]
        enum $name {
            #[event("Opened.v1")]
            Opened,
            #[event("Closed.v1")]
            Closed(),
            #[event("Emptied.v1")]
            Emptied {},
            #[event("Paid.v1")]
            Paid(Payment),
            #[event("Moved.v1")]
            Moved(i64, String, Vec<u8>),
            #[event("Placed.v1")]
            #[serde(rename_all = "camelCase")]
            Placed {
                order_id: String,
                r#type: u8,
                #[serde(with = "chrono::serde::ts_microseconds")]
                placed_at: DateTime<Utc>,
                #[serde(rename = "why")]
                reason: Option<String>,
            },
            #[event("Paused.v1")]
            Paused(#[serde(with = "chrono::serde::ts_microseconds")] DateTime<Utc>),
            #[event("Linked.v1")]
            Linked { to: PhantomData<Self> },
        }

        impl $name {
            fn one_of_each() -> Vec<Self> {
                vec![
                    Self::Opened,
                    Self::Closed(),
                    Self::Emptied {},
                    Self::Paid(Payment {
                        cents: 2500,
                        note: None,
                    }),
                    Self::Moved(-1, "höher".to_owned(), vec![0, 255]),
                    Self::Placed {
                        order_id: "o-1".to_owned(),
                        r#type: 7,
                        placed_at: at(),
                        reason: None,
                    },
                    Self::Paused(at()),
                    Self::Linked { to: PhantomData },
                ]
            }
        }
    };
}

every_shape!(Compact, "bincode");
every_shape!(Readable, "json");

/// [`Compact`] after years of work: variants removed, added, renamed and reordered.
#[derive(Debug, PartialEq, Event)]
enum Rearranged {
    #[event("Refunded.v1")]
    Refunded(u64),
    #[event("Paused.v1")]
    Halted(#[serde(with = "chrono::serde::ts_microseconds")] DateTime<Utc>),
    #[event("Paid.v1")]
    Settled(Payment),
    #[event("Opened.v1")]
    Opened,
}

#[derive(Debug, PartialEq, Event)]
#[event("Ticked.v1")]
struct Ticked;

#[derive(Debug, PartialEq, Event)]
#[event("Measured.v1")]
struct Measured(i32, bool);

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_234_567).unwrap()
}

#[test]
fn every_shape_comes_back_in_both_encodings() {
    for event in Compact::one_of_each() {
        assert_eq!(back(&event), Decoded::One(event));
    }
    for event in Readable::one_of_each() {
        assert_eq!(back(&event), Decoded::One(event));
    }
    assert_eq!(back(&Ticked), Decoded::One(Ticked));
    assert_eq!(back(&Measured(-7, true)), Decoded::One(Measured(-7, true)));
}

#[test]
fn each_variant_is_encoded_alone() {
    let encode = |event: &Compact| event.encode().unwrap();
    let payment = Payment { cents: 1, note: None };
    assert_eq!(encode(&Compact::Opened), Codec::BINCODE.encode(&()).unwrap());
    assert_eq!(
        encode(&Compact::Paid(payment.clone())),
        Codec::BINCODE.encode(&payment).unwrap()
    );
    let moved = Compact::Moved(1, "a".to_owned(), vec![2]);
    assert_eq!(
        encode(&moved),
        Codec::BINCODE.encode(&(1_i64, "a", vec![2_u8])).unwrap()
    );
}

#[test]
fn the_bytes_of_bincode_are_these() {
    let golden: [(&str, &[u8]); 8] = [
        ("Opened.v1", &[]),
        ("Closed.v1", &[]),
        ("Emptied.v1", &[]),
        ("Paid.v1", &[251, 196, 9, 0]),
        ("Moved.v1", &[1, 6, b'h', 0xc3, 0xb6, b'h', b'e', b'r', 2, 0, 255]),
        ("Placed.v1", &[3, b'o', b'-', b'1', 7, 252, 14, 173, 37, 0, 0]),
        ("Paused.v1", &[252, 14, 173, 37, 0]),
        ("Linked.v1", &[]),
    ];
    for (event, (event_type, data)) in Compact::one_of_each().into_iter().zip(golden) {
        assert_eq!(
            (event.event_type(), event.encode().unwrap().as_slice()),
            (event_type, data)
        );
        assert_eq!(
            Compact::decode(stored(event_type, Encoding::BINCODE, data)).unwrap(),
            Decoded::One(event)
        );
    }
}

#[test]
fn the_text_of_json_is_this() {
    let texts: Vec<_> = Readable::one_of_each().iter().map(json).collect();
    let golden = [
        "null",
        "null",
        "{}",
        r#"{"cents":2500,"note":null}"#,
        r#"[-1,"höher",[0,255]]"#,
        r#"{"orderId":"o-1","type":7,"placedAt":1234567,"why":null}"#,
        "1234567",
        r#"{"to":null}"#,
    ];
    assert_eq!(texts, golden);
}

#[test]
fn stored_bytes_keep_their_meaning_when_variants_come_go_and_move() {
    let read = |event: &Compact| Rearranged::decode(SerializedEvent::encode(event, id()).unwrap().encoded());
    let payment = Payment {
        cents: 5,
        note: Some("n".to_owned()),
    };
    assert_eq!(read(&Compact::Opened).unwrap(), Decoded::One(Rearranged::Opened));
    assert_eq!(
        read(&Compact::Paid(payment.clone())).unwrap(),
        Decoded::One(Rearranged::Settled(payment))
    );
    assert_eq!(
        read(&Compact::Paused(at())).unwrap(),
        Decoded::One(Rearranged::Halted(at()))
    );
    let gone = read(&Compact::Closed());
    assert!(matches!(gone, Err(EventError::UnknownType { event_type }) if event_type == "Closed.v1"));
    assert_eq!(Rearranged::Refunded(1).event_type(), "Refunded.v1");
}

#[test]
fn an_event_is_read_in_the_encoding_it_was_written_with() {
    let text = br#"{"cents":3,"note":"n"}"#;
    let read = Compact::decode(stored("Paid.v1", Encoding::JSON, text)).unwrap();
    assert_eq!(
        read,
        Decoded::One(Compact::Paid(Payment {
            cents: 3,
            note: Some("n".to_owned())
        }))
    );
    let unknown = Compact::decode(stored("Paid.v1", Encoding::from_code(99), text));
    assert!(matches!(unknown, Err(EventError::UnknownEncoding(_))));
}

#[test]
fn a_field_with_a_default_may_be_missing_in_json() {
    let text = br#"{"orderId":"o-1","type":7,"placedAt":1234567}"#;
    let read = Readable::decode(stored("Placed.v1", Encoding::JSON, text)).unwrap();
    assert_eq!(read.as_slice(), &Readable::one_of_each()[5..6]);
}

#[test]
fn bytes_that_are_left_over_are_refused() {
    let opened = Compact::decode(stored("Opened.v1", Encoding::BINCODE, &[0]));
    assert!(matches!(opened, Err(EventError::TrailingBytes { unread: 1 })));
    let paused = Compact::decode(stored("Paused.v1", Encoding::BINCODE, &[2, 0, 0]));
    assert!(matches!(paused, Err(EventError::TrailingBytes { unread: 2 })));
    let text = Compact::decode(stored("Opened.v1", Encoding::JSON, b"null 1"));
    assert!(matches!(text, Err(EventError::Malformed(_))));
}

#[test]
fn names_that_are_not_known_are_an_error_and_never_a_guess() {
    for name in ["Paid.v2", "paid.v1", "Paid.v1 ", ""] {
        let read = Compact::decode(stored(name, Encoding::BINCODE, &[0, 0]));
        assert!(matches!(read, Err(EventError::UnknownType { event_type }) if event_type == name));
    }
}

fn any_event() -> impl Strategy<Value = Compact> {
    let payment = (any::<u64>(), any::<Option<String>>()).prop_map(|(cents, note)| Payment { cents, note });
    let time = any::<i32>().prop_map(|seconds| DateTime::from_timestamp(seconds.into(), 0).unwrap());
    prop_oneof![
        Just(Compact::Opened),
        payment.prop_map(Compact::Paid),
        any::<(i64, String, Vec<u8>)>().prop_map(|(by, to, data)| Compact::Moved(by, to, data)),
        (any::<(String, u8, Option<String>)>(), time).prop_map(|((order_id, r#type, reason), placed_at)| {
            Compact::Placed {
                order_id,
                r#type,
                placed_at,
                reason,
            }
        }),
    ]
}

proptest! {
    #[test]
    fn any_event_comes_back(event in any_event()) {
        prop_assert_eq!(back(&event), Decoded::One(event));
    }

    #[test]
    fn any_bytes_are_read_or_refused(name in 0..8_usize, json: bool, data: Vec<u8>) {
        let event_type = Compact::one_of_each()[name].event_type();
        let encoding = if json { Encoding::JSON } else { Encoding::BINCODE };
        if let Ok(read) = Compact::decode(stored(event_type, encoding, &data)) {
            prop_assert!(read.as_slice().iter().all(|event| event.event_type() == event_type));
        }
    }
}
