//! Commands and questions, on an event store.

use std::sync::Arc;

use composable_rust::{Aggregates, Clock, Committed, EventLog, EventStore};

use crate::{
    Failure, Overview,
    order::{Order, OrderCommand, OrderEnvironment, OrderEvent, OrderId},
};

/// All orders of an event store. Cheap to clone; clones share what is in memory.
///
/// ```
/// use composable_rust::{SystemClock, prelude::InMemoryEventStore};
/// use order_processing::{Failure, Orders};
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = Orders::new(Arc::new(InMemoryEventStore::new()), Arc::new(SystemClock));
/// let unknown = orders.overview(&"o-1".parse()?).await;
/// assert!(matches!(unknown, Err(Failure::UnknownOrder(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Orders {
    aggregates: Aggregates<Order>,
    log: Arc<dyn EventLog>,
}

impl Orders {
    /// The orders in `log`; new events are timed by `clock`.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> Self {
        let store: Arc<dyn EventStore> = Arc::clone(&log) as Arc<dyn EventStore>;
        let aggregates = Aggregates::new(store, OrderEnvironment::new(clock));
        Self { aggregates, log }
    }

    /// Carries out a command, on the order that it names.
    ///
    /// # Errors
    /// [`Failure::Rejected`], which is final, or [`Failure::Store`]: look at the order before trying again.
    pub async fn execute(&self, command: OrderCommand) -> Result<Committed<OrderEvent>, Failure> {
        let order_id = command.order_id().clone();
        Ok(self.aggregates.execute(order_id.as_str(), command).await?)
    }

    /// The order as it is now.
    ///
    /// # Errors
    /// [`Failure::UnknownOrder`] if nothing has happened to it, or [`Failure::Store`].
    pub async fn overview(&self, order_id: &OrderId) -> Result<Overview, Failure> {
        let order = self.aggregates.state(order_id.as_str()).await?;
        match *order.state {
            Order::Draft => Err(Failure::UnknownOrder(order_id.clone())),
            ref state => Ok(Overview::of(state, order.version)),
        }
    }

    pub(crate) const fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }
}
