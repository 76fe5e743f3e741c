//! What is true of an order.

use chrono::{DateTime, Utc};

use super::{Currency, CustomerId, LineItem, Money, OrderEvent, OrderId};

/// What is true of an order. Each state carries only what exists in it.
///
/// ```
/// use order_processing::order::Order;
/// assert_eq!(Order::default(), Order::Draft);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Nothing has happened yet.
    #[default]
    Draft,
    /// Bought; waits to be shipped.
    Placed(Placement),
    /// On its way.
    Shipped(Placement, Shipment),
    /// Given up.
    Cancelled(Placement, Cancellation),
}

/// What is known since an order was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The order's name.
    pub order_id: OrderId,
    /// Who bought.
    pub customer_id: CustomerId,
    /// What was bought.
    pub items: Vec<LineItem>,
    /// The price of it all.
    pub total: Money,
    /// What the prices are in.
    pub currency: Currency,
    /// Since when.
    pub placed_at: DateTime<Utc>,
}

/// What is known since an order was shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// The carrier's number.
    pub tracking: String,
    /// Since when.
    pub shipped_at: DateTime<Utc>,
}

/// What is known since an order was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// Why, in somebody's words.
    pub reason: String,
    /// Since when.
    pub cancelled_at: DateTime<Utc>,
}

impl Order {
    /// What was bought, once it was.
    #[must_use]
    pub const fn placement(&self) -> Option<&Placement> {
        match self {
            Self::Draft => None,
            Self::Placed(placement) | Self::Shipped(placement, _) | Self::Cancelled(placement, _) => Some(placement),
        }
    }

    /// Makes `event` true. History cannot be refused; an event that `decide` would never put here (a shipment of
    /// what was not placed) makes nothing true that could be carried.
    pub(super) fn apply(&mut self, event: &OrderEvent) {
        match event.clone() {
            OrderEvent::OrderPlaced {
                order_id,
                customer_id,
                items,
                total,
                currency,
                placed_at,
            } => {
                *self = Self::Placed(Placement {
                    order_id,
                    customer_id,
                    items,
                    total,
                    currency,
                    placed_at,
                });
            }
            OrderEvent::OrderShipped {
                tracking, shipped_at, ..
            } => {
                self.becomes(|placement| Self::Shipped(placement, Shipment { tracking, shipped_at }));
            }
            OrderEvent::OrderCancelled {
                reason, cancelled_at, ..
            } => {
                self.becomes(|placement| Self::Cancelled(placement, Cancellation { reason, cancelled_at }));
            }
        }
    }

    fn becomes(&mut self, next: impl FnOnce(Placement) -> Self) {
        *self = match std::mem::take(self) {
            Self::Draft => Self::Draft,
            Self::Placed(placement) | Self::Shipped(placement, _) | Self::Cancelled(placement, _) => next(placement),
        };
    }
}
