//! What events were once, and how they are read today. Nothing here changes any more: logs hold these bytes.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Currency, CustomerId, LineItem, Money, OrderEvent, OrderId};

/// `OrderPlaced.v1`: everything was sold in dollars, and nobody said so.
#[derive(Deserialize)]
pub(super) struct OrderPlacedV1 {
    order_id: OrderId,
    customer_id: CustomerId,
    items: Vec<LineItem>,
    total: Money,
    #[serde(with = "chrono::serde::ts_microseconds")]
    placed_at: DateTime<Utc>,
}

impl From<OrderPlacedV1> for OrderEvent {
    fn from(old: OrderPlacedV1) -> Self {
        Self::OrderPlaced {
            order_id: old.order_id,
            customer_id: old.customer_id,
            items: old.items,
            total: old.total,
            currency: Currency::Usd,
            placed_at: old.placed_at,
        }
    }
}
