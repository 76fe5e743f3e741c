//! Old stored names: upcast to the present, or skipped.

use composable_rust_core::{Decoded, Encoding, Event, EventError};
use composable_rust_macros::Event;
use serde::{Deserialize, Serialize};

use crate::{read, stored};

#[derive(Clone, Debug, PartialEq, Event)]
#[event(skip("OrderViewed.v1", "OrderViewed.v2"))]
enum OrderEvent {
    #[event("OrderPlaced.v3", from("OrderPlaced.v1" = PlacedV1, "OrderPlaced.v2" = PlacedV2))]
    Placed(Placed),
    #[event("OrderShipped.v2", from("OrderShipped.v1" = String))]
    Shipped { tracking: String },
    #[event("ItemReturned.v1", from("ItemsReturned.v1" = ItemsReturned))]
    Returned(u32),
    #[event("OrderClosed.v1", from("order_closed" = Closed))]
    Closed(Closed),
    #[event("OrderHeld.v1", alias("OrderPaused.v1", "order_paused"))]
    Held { by: String, days: u8 },
    #[event("OrderResumed.v1", alias("OrderContinued.v1"))]
    Resumed,
}

#[derive(Serialize, Deserialize)]
struct PlacedV1(u8);

#[derive(Serialize, Deserialize)]
struct PlacedV2(u16);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Placed {
    lines: u32,
    way: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ItemsReturned(Vec<u32>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Closed(bool);

impl From<PlacedV1> for PlacedV2 {
    fn from(old: PlacedV1) -> Self {
        Self(old.0.into())
    }
}

impl From<PlacedV2> for Placed {
    fn from(old: PlacedV2) -> Self {
        Self {
            lines: old.0.into(),
            way: vec!["v2".to_owned()],
        }
    }
}

/// A way that is longer than the nearest hop, and is not taken.
impl From<PlacedV1> for Placed {
    fn from(old: PlacedV1) -> Self {
        Self {
            lines: old.0.into(),
            way: vec!["straight from v1".to_owned()],
        }
    }
}

impl From<String> for OrderEvent {
    fn from(tracking: String) -> Self {
        Self::Shipped { tracking }
    }
}

impl From<ItemsReturned> for Vec<OrderEvent> {
    fn from(old: ItemsReturned) -> Self {
        old.0.into_iter().map(OrderEvent::Returned).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Event)]
#[event("Renamed.v2", alias("Named.v2"), from("Renamed.v1" = u8))]
struct Renamed(i64);

impl From<u8> for Renamed {
    fn from(old: u8) -> Self {
        Self(-i64::from(old))
    }
}

#[test]
fn an_old_form_takes_the_nearest_hop_to_the_present() {
    let placed = |lines| {
        Decoded::One(OrderEvent::Placed(Placed {
            lines,
            way: vec!["v2".to_owned()],
        }))
    };
    assert_eq!(read("OrderPlaced.v1", &PlacedV1(3)).unwrap(), placed(3));
    assert_eq!(read("OrderPlaced.v2", &PlacedV2(300)).unwrap(), placed(300));
}

#[test]
fn an_old_form_becomes_the_event_where_the_payload_has_no_type_of_its_own() {
    let shipped = Decoded::One(OrderEvent::Shipped {
        tracking: "T1".to_owned(),
    });
    assert_eq!(read("OrderShipped.v1", &"T1").unwrap(), shipped);
    assert_eq!(read("Renamed.v1", &7_u8).unwrap(), Decoded::One(Renamed::from(7)));
}

#[test]
fn an_old_form_may_become_several_events_or_none() {
    let returned = |items: &[u32]| read::<OrderEvent>("ItemsReturned.v1", &ItemsReturned(items.to_vec())).unwrap();
    assert_eq!(
        returned(&[1, 2]).as_slice(),
        [OrderEvent::Returned(1), OrderEvent::Returned(2)]
    );
    assert_eq!(returned(&[]).as_slice(), []);
}

#[test]
fn an_event_that_was_only_renamed_is_read_under_both_names() {
    for name in ["order_closed", "OrderClosed.v1"] {
        assert_eq!(
            read(name, &Closed(true)).unwrap(),
            Decoded::One(OrderEvent::Closed(Closed(true)))
        );
    }
    assert_eq!(OrderEvent::Closed(Closed(true)).event_type(), "OrderClosed.v1");
}

#[test]
fn aliases_are_read_as_the_event_of_today_whatever_its_shape() {
    let held = OrderEvent::Held {
        by: "clerk".to_owned(),
        days: 3,
    };
    for name in ["OrderHeld.v1", "OrderPaused.v1", "order_paused"] {
        assert_eq!(read(name, &("clerk", 3_u8)).unwrap(), Decoded::One(held.clone()));
    }
    assert_eq!(
        held.event_type(),
        "OrderHeld.v1",
        "what is written has the name of today"
    );
    assert_eq!(
        read("OrderContinued.v1", &()).unwrap(),
        Decoded::One(OrderEvent::Resumed)
    );
    assert_eq!(read("Named.v2", &-7_i64).unwrap(), Decoded::One(Renamed(-7)));
}

#[test]
fn skipped_names_mean_nothing_whatever_their_bytes() {
    assert_eq!(read::<OrderEvent>("OrderViewed.v1", &1).unwrap(), Decoded::Nothing);
    assert_eq!(
        read::<OrderEvent>("OrderViewed.v2", &"anything").unwrap(),
        Decoded::Nothing
    );
    assert!(matches!(
        read::<OrderEvent>("OrderViewed.v3", &1),
        Err(EventError::UnknownType { .. })
    ));
}

#[test]
fn an_old_form_is_read_to_its_last_byte() {
    assert!(matches!(
        read::<OrderEvent>("OrderPlaced.v1", &[1_u8, 2]),
        Err(EventError::TrailingBytes { .. })
    ));
}

#[derive(Debug, PartialEq, Event)]
enum PriceEvent {
    #[event("Priced.v3", from("Priced.v1" = Cents, "Priced.v2" = Euros))]
    Priced(Price),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Price(String);

#[derive(Serialize, Deserialize)]
struct Cents(u32);

#[derive(Serialize, Deserialize)]
struct Euros(u32);

/// Every way there is, each of which tells which it was.
macro_rules! ways {
    ($($old:ty => $target:ty: $value:expr;)*) => {
        $(impl From<$old> for $target {
            fn from(_: $old) -> Self {
                $value
            }
        })*
    };
}

ways! {
    Cents => Price: Price("the payload".to_owned());
    Cents => PriceEvent: PriceEvent::Priced(Price("the event".to_owned()));
    Cents => Vec<PriceEvent>: vec![];
    Euros => PriceEvent: PriceEvent::Priced(Price("the event".to_owned()));
    Euros => Vec<PriceEvent>: vec![];
}

#[test]
fn the_payload_is_nearer_than_the_event_and_the_event_nearer_than_several() {
    let priced = |way: &str| Decoded::One(PriceEvent::Priced(Price(way.to_owned())));
    assert_eq!(read("Priced.v1", &Cents(1)).unwrap(), priced("the payload"));
    assert_eq!(read("Priced.v2", &Euros(1)).unwrap(), priced("the event"));
}

#[test]
fn an_old_form_is_read_in_the_encoding_it_was_written_with() {
    for (encoding, data) in [(Encoding::BINCODE, b"\x02T1".as_slice()), (Encoding::JSON, br#""T1""#)] {
        let shipped = OrderEvent::decode(stored("OrderShipped.v1", encoding, data)).unwrap();
        let tracking = "T1".to_owned();
        assert_eq!(shipped, Decoded::One(OrderEvent::Shipped { tracking }));
    }
    let returned = OrderEvent::decode(stored("ItemsReturned.v1", Encoding::JSON, b"[1,2]")).unwrap();
    assert_eq!(returned.as_slice(), [OrderEvent::Returned(1), OrderEvent::Returned(2)]);
}
