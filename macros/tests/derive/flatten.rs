//! `#[event(flatten)]`: events of another type among one's own.

use composable_rust_core::{Decoded, EncodedEvent, Encoding, Event, EventError, SerializedEvent};
use composable_rust_macros::Event;

use crate::{id, stored};

#[derive(Debug, PartialEq, Event)]
enum OrderEvent {
    #[event("OrderPlaced.v1")]
    Placed { lines: u32 },
    #[event(flatten)]
    Payment(PaymentEvent),
    #[event(flatten)]
    Handmade(Handmade),
    #[event("OrderClosed.v1")]
    Closed,
}

#[derive(Debug, PartialEq, Event)]
enum PaymentEvent {
    #[event("PaymentTaken.v1")]
    Taken(u64),
    #[event(flatten)]
    Refund(Refunded),
}

#[derive(Debug, PartialEq, Event)]
#[event("PaymentRefunded.v1", skip("PaymentViewed.v1"))]
struct Refunded {
    cents: u64,
}

/// Only other types' events.
#[derive(Debug, PartialEq, Event)]
enum Everything {
    #[event(flatten)]
    Order(OrderEvent),
    #[event(flatten)]
    Other(Other),
}

#[derive(Debug, PartialEq, Event)]
#[event("Other.v1")]
struct Other;

/// What a reader without the derive would write.
#[derive(Debug, PartialEq)]
struct Handmade;

impl Event for Handmade {
    fn event_type(&self) -> &'static str {
        "Handmade.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Ok(vec![])
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        match stored.event_type {
            "Handmade.v1" => Ok(Decoded::Many(vec![Self, Self])),
            _ => Err(EventError::unknown_type(stored)),
        }
    }
}

fn bare(event_type: &str) -> EncodedEvent<'_> {
    stored(event_type, Encoding::BINCODE, &[])
}

#[test]
fn a_flattened_event_is_stored_as_if_it_stood_alone() {
    let refunded = || PaymentEvent::Refund(Refunded { cents: 7 });
    for (inner, outer) in [
        (PaymentEvent::Taken(5), PaymentEvent::Taken(5)),
        (refunded(), refunded()),
    ] {
        let outer = OrderEvent::Payment(outer);
        assert_eq!(outer.event_type(), inner.event_type());
        assert_eq!(outer.encode().unwrap(), inner.encode().unwrap());
    }
    assert_eq!(OrderEvent::Payment(refunded()).event_type(), "PaymentRefunded.v1");
}

#[test]
fn a_flattened_event_is_read_through_every_layer() {
    let events = || {
        [
            OrderEvent::Placed { lines: 2 },
            OrderEvent::Payment(PaymentEvent::Taken(5)),
            OrderEvent::Payment(PaymentEvent::Refund(Refunded { cents: 7 })),
            OrderEvent::Closed,
        ]
    };
    for (event, same) in events().into_iter().zip(events()) {
        let serialized = SerializedEvent::encode(&event, id()).unwrap();
        assert_eq!(OrderEvent::decode(serialized.encoded()).unwrap(), Decoded::One(event));
        assert_eq!(
            Everything::decode(serialized.encoded()).unwrap(),
            Decoded::One(Everything::Order(same))
        );
    }
    assert_eq!(
        Everything::decode(bare("Other.v1")).unwrap(),
        Decoded::One(Everything::Other(Other))
    );
}

#[test]
fn what_a_flattened_event_splits_or_drops_is_split_and_dropped() {
    let split = OrderEvent::decode(bare("Handmade.v1")).unwrap();
    assert_eq!(
        split,
        Decoded::Many(vec![OrderEvent::Handmade(Handmade), OrderEvent::Handmade(Handmade)])
    );
    assert_eq!(Everything::decode(bare("PaymentViewed.v1")).unwrap(), Decoded::Nothing);
}

#[test]
fn a_name_that_no_layer_knows_is_an_error() {
    let read = Everything::decode(bare("Lost.v1"));
    assert!(matches!(read, Err(EventError::UnknownType { event_type }) if event_type == "Lost.v1"));
}

#[test]
fn an_error_of_a_flattened_event_is_not_taken_for_an_unknown_name() {
    let read = Everything::decode(stored("PaymentTaken.v1", Encoding::BINCODE, &[1, 2]));
    assert!(matches!(read, Err(EventError::TrailingBytes { unread: 1 })));
}
