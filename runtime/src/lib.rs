//! The store that runs reducers, performs effects and hosts aggregates.

mod aggregates;
mod caught;
mod decided;
mod engine;
mod event_sourced;
mod retries;
mod store;
mod system;
mod within;

pub use aggregates::{Aggregates, AggregatesBuilder, CommandContext, Committed, ExecuteError, LoadError, Versioned};
pub use event_sourced::{EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState};
pub use retries::Retries;
pub use store::{
    BuildError, DispatchError, Fault, Sent, SettleError, ShutdownReport, Store, StoreBuilder, Subscription,
    SubscriptionEnd, TryDispatchError,
};
pub use system::{SystemClock, SystemIds};
