//! An order on one line.

use std::fmt;

use composable_rust::Version;

use crate::order::{Currency, Money, Order, OrderEvent};

/// How far an order has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nothing has happened yet.
    #[default]
    Draft,
    /// Bought.
    Placed,
    /// On its way.
    Shipped,
    /// Given up.
    Cancelled,
}

/// What is shown of an order: its state without the parts that grow, so that a list of a million of them fits into
/// memory. It can be had from a state, or follow the events by itself; both are the same.
///
/// ```
/// use order_processing::{Overview, order::Order};
/// let nothing = Overview::of(&Order::Draft, 0_u32.into());
/// assert_eq!(nothing.to_string(), "Status=Draft, Items=0, Total=$0.00, Version=0");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// How far it has come.
    pub status: Status,
    /// The number of its lines.
    pub items: usize,
    /// The price of it all.
    pub total: Money,
    /// What the price is in.
    pub currency: Currency,
    /// The number of its events.
    pub version: Version,
}

impl Overview {
    /// What is shown of `order` at `version`.
    #[must_use]
    pub fn of(order: &Order, version: Version) -> Self {
        let status = match order {
            Order::Draft => Status::Draft,
            Order::Placed(_) => Status::Placed,
            Order::Shipped(..) => Status::Shipped,
            Order::Cancelled(..) => Status::Cancelled,
        };
        let placement = order.placement();
        Self {
            status,
            items: placement.map_or(0, |placement| placement.items.len()),
            total: placement.map_or(Money::ZERO, |placement| placement.total),
            currency: placement.map_or_else(Currency::default, |placement| placement.currency),
            version,
        }
    }

    /// Follows one event. The version is the record's, and is set by whoever reads it.
    pub fn apply(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::OrderPlaced {
                items, total, currency, ..
            } => {
                (self.status, self.items) = (Status::Placed, items.len());
                (self.total, self.currency) = (*total, *currency);
            }
            OrderEvent::OrderShipped { .. } => self.becomes(Status::Shipped),
            OrderEvent::OrderCancelled { .. } => self.becomes(Status::Cancelled),
        }
    }

    fn becomes(&mut self, status: Status) {
        if self.status != Status::Draft {
            self.status = status;
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Draft => "Draft",
            Self::Placed => "Placed",
            Self::Shipped => "Shipped",
            Self::Cancelled => "Cancelled",
        })
    }
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            items,
            total,
            currency,
            version,
        } = self;
        let total = total.of(*currency);
        write!(f, "Status={status}, Items={items}, Total={total}, Version={version}")
    }
}
