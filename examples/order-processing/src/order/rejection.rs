//! Why a command is refused.

use super::{OrderId, Sku};

/// Why a command is refused, in words that a person understands.
///
/// ```
/// use order_processing::order::OrderRejection;
/// let rejection = OrderRejection::AlreadyShipped { order_id: "o-1".parse()? };
/// assert_eq!(rejection.to_string(), "order o-1 has already been shipped");
/// # Ok::<(), order_processing::order::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderRejection {
    /// The command names another order than the one that was asked.
    #[error("the command is for order {given}, but this is order {expected}")]
    AnotherOrder {
        /// The order that was asked.
        expected: OrderId,
        /// The order that the command names.
        given: OrderId,
    },
    /// An order is placed once.
    #[error("order {order_id} has already been placed")]
    AlreadyPlaced {
        /// The order.
        order_id: OrderId,
    },
    /// Only a placed order can be shipped or cancelled.
    #[error("order {order_id} has not been placed")]
    NotPlaced {
        /// The order.
        order_id: OrderId,
    },
    /// It is on its way.
    #[error("order {order_id} has already been shipped")]
    AlreadyShipped {
        /// The order.
        order_id: OrderId,
    },
    /// It was given up.
    #[error("order {order_id} has been cancelled")]
    AlreadyCancelled {
        /// The order.
        order_id: OrderId,
    },
    /// An order has at least one item.
    #[error("an order needs at least one item")]
    NoItems,
    /// A quantity is below 1.
    #[error("the quantity of item {line} ({sku}) must be at least 1")]
    Quantity {
        /// Which item, 1 for the first.
        line: usize,
        /// Its article.
        sku: Sku,
    },
    /// A price is zero or below.
    #[error("the price of item {line} ({sku}) must be positive")]
    Price {
        /// Which item, 1 for the first.
        line: usize,
        /// Its article.
        sku: Sku,
    },
    /// The total is more than can be counted in cents.
    #[error("the total of the order is too large")]
    TotalTooLarge,
    /// A shipment needs the carrier's number.
    #[error("the tracking number must not be blank")]
    BlankTracking,
    /// A cancellation needs a reason.
    #[error("the reason must not be blank")]
    BlankReason,
}
