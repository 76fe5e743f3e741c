//! What is to be done, once that is known for certain.

use crate::{
    Apply, Failure, Subcommand,
    order::{Currency, OrderCommand, OrderId},
};

/// What a subcommand asks for, with everything at hand that it needs besides the store.
///
/// Made before the store is opened: an input that is not there must not leave a new, empty store behind.
pub(crate) enum Task {
    Execute(OrderCommand),
    Show(OrderId),
    History { order_id: OrderId, json: bool },
    List,
    Apply(Apply),
}

impl Task {
    /// Whether the store is only read: then a missing one is not created.
    pub(crate) const fn only_reads(&self) -> bool {
        matches!(self, Self::Show(_) | Self::History { .. } | Self::List)
    }
}

impl TryFrom<Subcommand> for Task {
    type Error = Failure;

    fn try_from(command: Subcommand) -> Result<Self, Failure> {
        Ok(match command {
            Subcommand::Place {
                order_id,
                customer_id,
                items,
            } => Self::Execute(OrderCommand::PlaceOrder {
                order_id,
                customer_id,
                items,
                currency: Currency::default(),
            }),
            Subcommand::Ship { order_id, tracking } => Self::Execute(OrderCommand::ShipOrder { order_id, tracking }),
            Subcommand::Cancel { order_id, reason } => Self::Execute(OrderCommand::CancelOrder { order_id, reason }),
            Subcommand::Show { order_id } => Self::Show(order_id),
            Subcommand::History { order_id, json } => Self::History { order_id, json },
            Subcommand::List => Self::List,
            Subcommand::Apply { file, from, jobs } => Self::Apply(Apply::open(file)?.from(from).jobs(jobs)),
        })
    }
}
