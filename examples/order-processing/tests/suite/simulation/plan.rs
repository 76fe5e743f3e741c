//! What users want.

use std::{fmt, time::Duration};

use composable_rust::{Aggregate, CommandContext, CommandId, StreamId, Version};
use order_processing::order::{Currency, Money, Order, OrderCommand, OrderId, RequestedItem};

use super::dice::Dice;

/// A command that a user wants to be carried out once. With an id it is sent until there is an answer; without one only
/// while it is certain that it was not carried out.
pub(super) struct Intent {
    nth: usize,
    pub(super) id: Option<CommandId>,
    pub(super) command: OrderCommand,
    expecting: Option<Version>,
    deadline: Option<Duration>,
    /// How often it is sent at once: twice, by an impatient user.
    pub(super) sent_at_once: usize,
}

impl Intent {
    /// The nth of all, so many in a hundred with an id; what users want goes from one order to the next, so that they
    /// meet.
    pub(super) fn any(nth: usize, turn: usize, with_id: usize, dice: &mut Dice) -> Self {
        // Where none has an id, all want the same at once: their commands share appends.
        let order = if with_id == 0 { turn } else { turn / 2 + dice.below(2) };
        // What has no id may share an append with a rejection that stands on it; what has one is rejected alone.
        let id = dice.shows(with_id).then(|| id(nth));
        Self {
            nth,
            id,
            command: command(&format!("o-{order}").parse().unwrap(), nth, dice),
            expecting: dice.shows(15).then(|| version(dice.below(3))),
            deadline: dice
                .shows(25)
                .then(|| Duration::from_millis(100 * (1 + dice.below(30)) as u64)),
            sent_at_once: if id.is_some() && dice.shows(15) { 2 } else { 1 },
        }
    }

    pub(super) fn context(&self) -> CommandContext {
        let mut context = CommandContext::default().with_actor(self.user());
        (context.command_id, context.expected_version, context.timeout) = (self.id, self.expecting, self.deadline);
        context
    }

    /// What the events of this command, and of no other, have as their actor.
    pub(super) fn user(&self) -> String {
        format!("user with wish {}", self.nth)
    }

    pub(super) fn expects(&self) -> Option<Version> {
        self.expecting
    }

    pub(super) fn order(&self) -> &str {
        self.command.order_id().as_str()
    }

    pub(super) fn stream(&self) -> StreamId {
        Order::stream_id(self.order()).unwrap()
    }
}

fn id(nth: usize) -> CommandId {
    format!("00000000-0000-7000-8000-{nth:012}").parse().unwrap()
}

pub(super) fn version(n: usize) -> Version {
    Version::try_from(n as u64).unwrap()
}

fn command(order_id: &OrderId, nth: usize, dice: &mut Dice) -> OrderCommand {
    let order_id = order_id.clone();
    match dice.below(8) {
        0..=3 => place(order_id, nth),
        4 | 5 => OrderCommand::ShipOrder {
            order_id,
            tracking: format!("T{nth}"),
        },
        6 => OrderCommand::CancelOrder {
            order_id,
            reason: format!("reason {nth}"),
        },
        _ => OrderCommand::ShipOrder {
            order_id,
            tracking: " ".to_owned(),
        },
    }
}

pub(super) fn place(order_id: OrderId, nth: usize) -> OrderCommand {
    OrderCommand::PlaceOrder {
        order_id,
        customer_id: format!("c-{nth}").parse().unwrap(),
        items: vec![RequestedItem {
            sku: "A".parse().unwrap(),
            quantity: 1,
            unit_price: Money::from_cents(100),
        }],
        currency: Currency::Usd,
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.command {
            OrderCommand::PlaceOrder { .. } => "place",
            OrderCommand::ShipOrder { .. } => "ship",
            OrderCommand::CancelOrder { .. } => "cancel",
        };
        write!(f, "wish {}: {verb} {}", self.nth, self.order())?;
        if let Some(id) = self.id {
            write!(f, " as {id}")?;
        }
        if let Some(expected) = self.expecting {
            write!(f, ", expecting {expected}")?;
        }
        if let Some(deadline) = self.deadline {
            write!(f, ", within {deadline:?}")?;
        }
        Ok(())
    }
}
