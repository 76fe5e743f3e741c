//! A history of 10,000 events, and an order that is kept in snapshots.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use composable_rust::{Aggregate, Event, EventId, SerializedEvent, SnapshotPolicy};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::order::{Currency, CustomerId, LineItem, Money, Order, OrderEvent, OrderId, RequestedItem};

/// How long the history is.
pub(crate) const LENGTH: u32 = 10_000;
/// Where its snapshot is.
pub(crate) const CUT: u32 = 9_950;

/// An order that was placed: written as the event `OrderPlaced.v2` is, and the state that snapshots keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Purchase {
    order_id: OrderId,
    customer_id: CustomerId,
    items: Vec<LineItem>,
    total: Money,
    currency: Currency,
    #[serde(with = "chrono::serde::ts_microseconds")]
    placed_at: DateTime<Utc>,
}

impl Purchase {
    /// Two lines, as an order has them.
    pub(crate) fn example() -> Self {
        let line = |sku: &str, quantity, cents| {
            let (sku, unit_price) = (sku.parse().unwrap(), Money::from_cents(cents));
            let asked = RequestedItem {
                sku,
                quantity,
                unit_price,
            };
            asked.accept(1).unwrap()
        };
        Self {
            order_id: "o-2026-000123".parse().unwrap(),
            customer_id: "c-4711".parse().unwrap(),
            items: vec![line("SKU-12345", 2, 2500), line("SKU-67890", 1, 9900)],
            total: Money::from_cents(14_900),
            currency: Currency::Eur,
            placed_at: at(),
        }
    }

    fn event(self) -> OrderEvent {
        OrderEvent::OrderPlaced {
            order_id: self.order_id,
            customer_id: self.customer_id,
            items: self.items,
            total: self.total,
            currency: self.currency,
            placed_at: self.placed_at,
        }
    }
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_780_000_000_123_456).unwrap()
}

/// Purchase, shipped, cancelled, and again: the mean of what orders are made of, in one stream.
pub(crate) fn event(number: u32) -> SerializedEvent {
    let placed = Purchase::example();
    let order_id = placed.order_id.clone();
    let event = match number % 3 {
        0 => placed.event(),
        1 => OrderEvent::OrderShipped {
            order_id,
            tracking: "JD014600006281234567".to_owned(),
            shipped_at: at(),
        },
        _ => OrderEvent::OrderCancelled {
            order_id,
            reason: "lost on its way".to_owned(),
            cancelled_at: at(),
        },
    };
    SerializedEvent::encode(&event, EventId::from_uuid(Uuid::now_v7())).unwrap()
}

/// The bytes of the order that was placed, as the event has them.
pub(crate) fn stored_example() -> Vec<u8> {
    Purchase::example().event().encode().unwrap()
}

/// An order of which the last purchase is remembered; with or without a snapshot, which is the only difference.
pub(crate) struct Kept<const SNAPSHOTS: bool>;

impl<const SNAPSHOTS: bool> Aggregate for Kept<SNAPSHOTS> {
    const CATEGORY: &'static str = Order::CATEGORY;
    // Never due: the benchmark saves it where it wants it.
    const SNAPSHOTS: SnapshotPolicy<Option<Purchase>> = if SNAPSHOTS {
        SnapshotPolicy::every(u64::MAX, 1)
    } else {
        SnapshotPolicy::never()
    };
    type State = Option<Purchase>;
    type Command = ();
    type Event = OrderEvent;
    type Rejection = Infallible;
    type Environment = ();

    fn decide(_: &Option<Purchase>, (): &(), (): &()) -> Result<Vec<OrderEvent>, Infallible> {
        Ok(vec![])
    }

    fn apply(state: &mut Option<Purchase>, event: &OrderEvent) {
        if let OrderEvent::OrderPlaced {
            order_id,
            customer_id,
            items,
            total,
            currency,
            placed_at,
        } = event.clone()
        {
            *state = Some(Purchase {
                order_id,
                customer_id,
                items,
                total,
                currency,
                placed_at,
            });
        }
    }
}
