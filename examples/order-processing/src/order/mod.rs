//! The domain: what an order is, what can be asked of it and what can have happened to it.
//!
//! All of it is pure. Time comes from the environment's clock, everything else from the command; nothing here knows a
//! store or a runtime, so the tests beside each rule need neither.

mod command;
mod currency;
mod decide;
mod environment;
mod event;
mod id;
mod item;
mod money;
mod rejection;
mod state;
mod upcast;

use composable_rust::Aggregate;

pub use command::OrderCommand;
pub use currency::{Currency, CurrencyError};
pub use environment::OrderEnvironment;
pub use event::OrderEvent;
pub use id::{CustomerId, IdError, OrderId, Sku};
pub use item::{LineItem, RequestedItem};
pub use money::{Money, MoneyError};
pub use rejection::OrderRejection;
pub use state::{Cancellation, Order, Placement, Shipment};

impl Aggregate for Order {
    const CATEGORY: &'static str = "order";

    type State = Self;
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Rejection = OrderRejection;
    type Environment = OrderEnvironment;

    fn decide(
        state: &Self,
        command: &OrderCommand,
        environment: &OrderEnvironment,
    ) -> Result<Vec<OrderEvent>, OrderRejection> {
        state.decide(command, environment.clock.now())
    }

    fn apply(state: &mut Self, event: &OrderEvent) {
        state.apply(event);
    }
}
