//! The bytes of every event that was ever released. A test that fails here says that old logs can't be read any more, and
//! what to do about it.

use chrono::{DateTime, Utc};
use composable_rust::testing::golden_events;
use order_processing::order::{Currency, LineItem, Money, OrderEvent};

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap()
}

fn line(sku: &str, quantity: u64, cents: i64) -> LineItem {
    LineItem {
        sku: sku.parse().unwrap(),
        quantity: quantity.try_into().unwrap(),
        unit_price: Money::from_cents(cents),
    }
}

fn placed(currency: Currency) -> OrderEvent {
    OrderEvent::OrderPlaced {
        order_id: "o-1".parse().unwrap(),
        customer_id: "c-9".parse().unwrap(),
        items: vec![line("A-1", 2, 2_500), line("größe", 70_000, 1)],
        total: Money::from_cents(75_000),
        currency,
        placed_at: at(),
    }
}

#[test]
fn every_event_is_written_and_read_as_it_was_released() {
    golden_events!(OrderEvent, "tests/golden")
        .current(placed(Currency::Eur))
        .current(OrderEvent::OrderShipped {
            order_id: "o-1".parse().unwrap(),
            tracking: "T1".to_owned(),
            shipped_at: at(),
        })
        .current(OrderEvent::OrderCancelled {
            order_id: "o-1".parse().unwrap(),
            reason: "changed mind".to_owned(),
            cancelled_at: at(),
        })
        .old("OrderPlaced.v1", [placed(Currency::Usd)])
        .check();
}
