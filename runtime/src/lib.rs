//! The store that runs reducers, performs effects and hosts aggregates.
//!
//! Business logic is pure: a reducer of `composable-rust-core` changes its state and returns an effect, a value. A
//! [`Store`] runs the reducer, performs its effects on tokio and feeds their actions back; it keeps the order of
//! actions, the names by which effects are cancelled, and the order of appends to a stream. [`Aggregates`] hosts as
//! many event-sourced aggregates as there are and answers their callers; [`EventSourced`] puts one into a reducer.
//! Time and ids of the machine are [`SystemClock`] and [`SystemIds`].
//!
//! ```
//! use composable_rust_core::{Effect, Reducer};
//! use composable_rust_runtime::Store;
//! use std::time::Duration;
//!
//! struct Counter;
//!
//! impl Reducer for Counter {
//!     type State = u32;
//!     type Action = u32;
//!     type Environment = ();
//!
//!     fn reduce(&self, count: &mut u32, by: &u32, _: &()) -> Effect<u32> {
//!         *count += by;
//!         if *count < 40 { Effect::emit(10) } else { Effect::none() }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::builder(Counter, ()).build(0)?;
//! store.send(2).await?.settled().await?;
//! assert_eq!(store.state(|count| *count), 42);
//! assert!(store.shutdown(Duration::from_secs(1)).await.is_clean());
//! # Ok(())
//! # }
//! ```

mod aggregates;
mod engine;
mod envelope;
mod event_sourced;
mod panics;
mod retry_policy;
mod retrying;
mod snapshot;
mod snapshot_queue;
mod spans;
mod store;
mod system;
mod timeout;
mod wait_group;

pub use aggregates::{Aggregates, AggregatesBuilder, CommandContext, Committed, ExecuteError, LoadError, Versioned};
pub use envelope::Envelope;
pub use event_sourced::{EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState};
pub use retry_policy::RetryPolicy;
pub use store::{
    ActionHandle, BuildError, DispatchError, EffectPanic, ReducerPanic, SettleError, ShutdownReport, Store,
    StoreBuilder, Subscription, SubscriptionEnd, TryDispatchError,
};
pub use system::{SystemClock, SystemIds};

/// The seam through which the testing kit drives the engine: not covered by any promise.
#[doc(hidden)]
pub mod __testing {
    pub use crate::engine::{AbsentChild, RunningEffect, Spawn, Task};
}
