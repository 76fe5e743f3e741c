//! What can be asked of an order.

use super::{Currency, CustomerId, OrderId, RequestedItem};

/// What can be asked of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderCommand {
    /// Buy these items.
    PlaceOrder {
        /// The order's name.
        order_id: OrderId,
        /// Who buys.
        customer_id: CustomerId,
        /// What is bought.
        items: Vec<RequestedItem>,
        /// What the prices are in.
        currency: Currency,
    },
    /// Hand it to the carrier.
    ShipOrder {
        /// The order.
        order_id: OrderId,
        /// The carrier's number.
        tracking: String,
    },
    /// Give it up.
    CancelOrder {
        /// The order.
        order_id: OrderId,
        /// Why, in somebody's words.
        reason: String,
    },
}

impl OrderCommand {
    /// The order that is meant: its stream is chosen by this, so a command can't reach another one's.
    #[must_use]
    pub const fn order_id(&self) -> &OrderId {
        match self {
            Self::PlaceOrder { order_id, .. }
            | Self::ShipOrder { order_id, .. }
            | Self::CancelOrder { order_id, .. } => order_id,
        }
    }
}
