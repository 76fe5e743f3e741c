//! What the benchmarks share: an aggregate whose events look like those of an order.
//!
//! `cargo bench -p composable-rust-benches` runs them all; see `docs/performance.md` for what they showed.

use std::convert::Infallible;

use composable_rust::{Aggregate, Encoding, Event, EventId, SerializedEvent, StreamId, StreamIdError};

/// An event of the size of a small order.
#[derive(Debug, Event)]
#[event("LineAdded.v1")]
pub struct LineAdded {
    /// Which thing.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// What one costs.
    pub cents: u64,
}

/// Adds up what was ordered.
pub struct Basket;

impl Aggregate for Basket {
    const CATEGORY: &'static str = "basket";
    type State = u64;
    type Command = u32;
    type Event = LineAdded;
    type Rejection = Infallible;
    type Environment = ();

    fn decide(_: &u64, quantity: &u32, (): &()) -> Result<Vec<LineAdded>, Infallible> {
        Ok(vec![LineAdded {
            sku: "SKU-12345".to_owned(),
            quantity: *quantity,
            cents: 2500,
        }])
    }

    fn apply(total: &mut u64, event: &LineAdded) {
        *total = total.wrapping_add(event.cents.wrapping_mul(event.quantity.into()));
    }
}

/// A serialized event of 66 bytes, the size of an order with two lines.
#[must_use]
pub fn event(id: u128) -> SerializedEvent {
    let id = EventId::from_uuid(uuid::Uuid::from_u128(id));
    SerializedEvent::new(id, "OrderPlaced.v1", Encoding::BINCODE, vec![7; 66])
}

/// A stream of its own for each number.
///
/// # Errors
/// None in practice: the name is valid.
pub fn stream(number: u32) -> Result<StreamId, StreamIdError> {
    StreamId::new("bench", number)
}

/// What the rounds showed of one quantity: the tenth, fiftieth and ninetieth percentile; NaN if there were none.
#[must_use]
pub fn quantiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    [1, 5, 9].map(|tenth| values.get(last * tenth / 10).copied().unwrap_or(f64::NAN))
}
