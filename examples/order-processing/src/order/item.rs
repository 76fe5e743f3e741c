//! The lines of an order, as they are asked for and as they are sold.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::{Money, OrderRejection, Sku};

/// A line as a customer asks for it: any numbers at all.
///
/// ```
/// use order_processing::order::{Money, OrderRejection, RequestedItem};
///
/// let item = RequestedItem { sku: "A-1".parse()?, quantity: 0, unit_price: Money::from_cents(2500) };
/// assert!(matches!(item.accept(1), Err(OrderRejection::Quantity { line: 1, .. })));
/// # Ok::<(), order_processing::order::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedItem {
    /// Which article.
    pub sku: Sku,
    /// How many.
    pub quantity: i64,
    /// The price of one.
    pub unit_price: Money,
}

impl RequestedItem {
    /// The line of an order that this becomes, as its `line`-th.
    ///
    /// # Errors
    /// The rejection, if the quantity is below 1 or the price not positive.
    pub fn accept(&self, line: usize) -> Result<LineItem, OrderRejection> {
        let sku = || self.sku.clone();
        let quantity = u64::try_from(self.quantity).ok().and_then(NonZeroU64::new);
        let quantity = quantity.ok_or_else(|| OrderRejection::Quantity { line, sku: sku() })?;
        if self.unit_price <= Money::ZERO {
            return Err(OrderRejection::Price { line, sku: sku() });
        }
        Ok(LineItem {
            sku: sku(),
            quantity,
            unit_price: self.unit_price,
        })
    }
}

/// A line of a placed order: at least one, at a positive price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineItem {
    /// Which article.
    pub sku: Sku,
    /// How many.
    pub quantity: NonZeroU64,
    /// The price of one.
    pub unit_price: Money,
}

impl LineItem {
    /// The price of the line, unless it is more than can be counted.
    #[must_use]
    pub fn price(&self) -> Option<Money> {
        self.unit_price.times(self.quantity.get())
    }
}
