//! The rules.

use chrono::{DateTime, SubsecRound, Utc};

use super::{LineItem, Money, Order, OrderCommand, OrderEvent, OrderId, OrderRejection, RequestedItem};

impl Order {
    /// What happens if `command` is carried out at `now`.
    ///
    /// What the order is comes first, then what is asked for: of an order that was shipped it is no use to know that
    /// the reason for the cancellation is blank.
    pub(super) fn decide(&self, command: &OrderCommand, now: DateTime<Utc>) -> Result<Vec<OrderEvent>, OrderRejection> {
        self.is_meant_by(command)?;
        // As fine as it is stored: what is decided equals what is read back, whatever the clock.
        let now = now.trunc_subsecs(6);
        let event = match command {
            OrderCommand::PlaceOrder {
                order_id,
                customer_id,
                items,
                currency,
            } => {
                self.must_be_draft(order_id)?;
                let items = accepted(items)?;
                OrderEvent::OrderPlaced {
                    order_id: order_id.clone(),
                    customer_id: customer_id.clone(),
                    total: total(&items)?,
                    items,
                    currency: *currency,
                    placed_at: now,
                }
            }
            OrderCommand::ShipOrder { order_id, tracking } => {
                self.must_be_placed(order_id)?;
                OrderEvent::OrderShipped {
                    order_id: order_id.clone(),
                    tracking: not_blank(tracking, OrderRejection::BlankTracking)?,
                    shipped_at: now,
                }
            }
            OrderCommand::CancelOrder { order_id, reason } => {
                self.must_be_placed(order_id)?;
                OrderEvent::OrderCancelled {
                    order_id: order_id.clone(),
                    reason: not_blank(reason, OrderRejection::BlankReason)?,
                    cancelled_at: now,
                }
            }
        };
        Ok(vec![event])
    }

    /// A draft knows no name yet: there, that the stream is chosen by the command's order id keeps them together.
    fn is_meant_by(&self, command: &OrderCommand) -> Result<(), OrderRejection> {
        match self.placement() {
            Some(placement) if placement.order_id != *command.order_id() => Err(OrderRejection::AnotherOrder {
                expected: placement.order_id.clone(),
                given: command.order_id().clone(),
            }),
            _ => Ok(()),
        }
    }

    fn must_be_draft(&self, order_id: &OrderId) -> Result<(), OrderRejection> {
        match self {
            Self::Draft => Ok(()),
            Self::Placed(_) | Self::Shipped(..) | Self::Cancelled(..) => Err(OrderRejection::AlreadyPlaced {
                order_id: order_id.clone(),
            }),
        }
    }

    fn must_be_placed(&self, order_id: &OrderId) -> Result<(), OrderRejection> {
        let order_id = || order_id.clone();
        match self {
            Self::Placed(_) => Ok(()),
            Self::Draft => Err(OrderRejection::NotPlaced { order_id: order_id() }),
            Self::Shipped(..) => Err(OrderRejection::AlreadyShipped { order_id: order_id() }),
            Self::Cancelled(..) => Err(OrderRejection::AlreadyCancelled { order_id: order_id() }),
        }
    }
}

fn accepted(items: &[RequestedItem]) -> Result<Vec<LineItem>, OrderRejection> {
    if items.is_empty() {
        return Err(OrderRejection::NoItems);
    }
    let lines = items.iter().zip(1..);
    lines.map(|(item, line)| item.accept(line)).collect()
}

fn total(items: &[LineItem]) -> Result<Money, OrderRejection> {
    let sum = items.iter().try_fold(Money::ZERO, |sum, item| sum.plus(item.price()?));
    sum.ok_or(OrderRejection::TotalTooLarge)
}

fn not_blank(text: &str, rejection: OrderRejection) -> Result<String, OrderRejection> {
    if text.trim().is_empty() {
        return Err(rejection);
    }
    Ok(text.to_owned())
}
