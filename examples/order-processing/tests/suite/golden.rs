//! The bytes of every stored event that was ever released. A test that fails here says that old logs can't be read any
//! more: give the new shape a new name, and upcast the old one.

use std::{fs, path::Path};

use chrono::{DateTime, Utc};
use composable_rust::{Decoded, Encoded, Event};
use order_processing::order::{LineItem, Money, OrderEvent};

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

/// Every event, under the name of its file.
fn released() -> Vec<OrderEvent> {
    vec![
        OrderEvent::OrderPlaced {
            order_id: "o-1".parse().unwrap(),
            customer_id: "c-9".parse().unwrap(),
            items: vec![line("A-1", 2, 2_500), line("größe", 70_000, 1)],
            total: Money::from_cents(75_000),
            placed_at: at(),
        },
        OrderEvent::OrderShipped {
            order_id: "o-1".parse().unwrap(),
            tracking: "T1".to_owned(),
            shipped_at: at(),
        },
        OrderEvent::OrderCancelled {
            order_id: "o-1".parse().unwrap(),
            reason: "changed mind".to_owned(),
            cancelled_at: at(),
        },
    ]
}

fn golden(event_type: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{event_type}.hex"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let digits: Vec<u32> = text.chars().filter_map(|char| char.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

#[test]
fn every_event_is_written_as_it_was_released() {
    for event in released() {
        let encoded = event.encode().unwrap();
        assert_eq!(encoded, golden(event.event_type()), "{}", event.event_type());
    }
}

#[test]
fn every_released_event_is_still_read() {
    for event in released() {
        let stored = Encoded {
            event_type: event.event_type(),
            encoding: composable_rust::Encoding::BINCODE,
            data: &golden(event.event_type()),
        };
        assert_eq!(OrderEvent::decode(stored).unwrap(), Decoded::One(event));
    }
}

#[test]
fn the_golden_files_are_those_of_the_released_events() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        ["OrderCancelled.v1.hex", "OrderPlaced.v1.hex", "OrderShipped.v1.hex"]
    );
}
