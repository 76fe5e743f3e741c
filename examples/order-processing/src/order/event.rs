//! What can have happened to an order.

use chrono::{DateTime, Utc};
use composable_rust::Event;

use super::{Currency, CustomerId, LineItem, Money, OrderId, upcast::OrderPlacedV1};

/// What can have happened to an order.
///
/// The stored names are chosen and stay: `tests/golden` keeps the bytes of each of them. A change of a shape is a new
/// name, with the old one upcast.
#[derive(Clone, Debug, PartialEq, Eq, Event)]
pub enum OrderEvent {
    /// It was bought.
    #[event("OrderPlaced.v2", from("OrderPlaced.v1" = OrderPlacedV1))]
    OrderPlaced {
        /// The order's name.
        order_id: OrderId,
        /// Who bought.
        customer_id: CustomerId,
        /// What was bought: at least one line.
        items: Vec<LineItem>,
        /// The price of it all.
        total: Money,
        /// What the prices are in.
        currency: Currency,
        /// When it was decided.
        #[serde(with = "chrono::serde::ts_microseconds")]
        placed_at: DateTime<Utc>,
    },
    /// The carrier has it.
    #[event("OrderShipped.v1")]
    OrderShipped {
        /// The order.
        order_id: OrderId,
        /// The carrier's number.
        tracking: String,
        /// When it was decided.
        #[serde(with = "chrono::serde::ts_microseconds")]
        shipped_at: DateTime<Utc>,
    },
    /// It was given up.
    #[event("OrderCancelled.v1")]
    OrderCancelled {
        /// The order.
        order_id: OrderId,
        /// Why, in somebody's words.
        reason: String,
        /// When it was decided.
        #[serde(with = "chrono::serde::ts_microseconds")]
        cancelled_at: DateTime<Utc>,
    },
}

impl OrderEvent {
    /// When it was decided.
    #[must_use]
    pub const fn occurred_at(&self) -> DateTime<Utc> {
        match *self {
            Self::OrderPlaced { placed_at, .. } => placed_at,
            Self::OrderShipped { shipped_at, .. } => shipped_at,
            Self::OrderCancelled { cancelled_at, .. } => cancelled_at,
        }
    }
}
