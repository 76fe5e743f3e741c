//! Settings of a host.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Aggregate, Clock, EventStore, IdGenerator};

use super::{Aggregates, Host, gate::Gate, hot::Hot, saving::Saving};
use crate::{Retries, SystemClock, SystemIds, persistent::Persistent};

/// Builds [`Aggregates`].
///
/// ```
/// # use composable_rust_core::Aggregate;
/// # use composable_rust_runtime::{Aggregates, SystemIds};
/// # use composable_rust_testing::InMemoryEventStore;
/// # use std::{sync::Arc, time::Duration};
/// fn small_host<A: Aggregate>(environment: A::Environment) -> Aggregates<A> {
///     Aggregates::builder(Arc::new(InMemoryEventStore::new()), environment)
///         .keep_hot(100)
///         .idle_after(Duration::from_mins(1))
///         .build()
/// }
/// # let _ = small_host::<NoAggregate>;
/// # enum NoAggregate {}
/// # use composable_rust_core::*;
/// # struct NoEvent;
/// # impl Event for NoEvent {
/// #     fn event_type(&self) -> &'static str { "Nothing.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Ok(vec![]) }
/// #     fn decode(_: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> { Ok(Decoded::Nothing) }
/// # }
/// # impl Aggregate for NoAggregate {
/// #     const CATEGORY: &'static str = "none";
/// #     type State = (); type Command = (); type Event = NoEvent;
/// #     type Rejection = std::convert::Infallible; type Environment = ();
/// #     fn decide(_: &(), _: &(), _: &()) -> Result<Vec<NoEvent>, Self::Rejection> { Ok(vec![]) }
/// #     fn apply(_: &mut (), _: &NoEvent) {}
/// # }
/// let host = small_host::<NoAggregate>(());
/// assert_eq!(host.hot(), 0);
/// ```
pub struct AggregatesBuilder<A: Aggregate> {
    store: Arc<dyn EventStore>,
    environment: A::Environment,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    retries: Retries,
    store_timeout: Duration,
    capacity: u32,
    keep_hot: usize,
    idle_after: Duration,
}

impl<A: Aggregate> AggregatesBuilder<A> {
    pub(super) fn new(store: Arc<dyn EventStore>, environment: A::Environment) -> Self {
        Self {
            store,
            environment,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            retries: Retries::default(),
            store_timeout: Duration::from_secs(30),
            capacity: 4096,
            keep_hot: 10_000,
            idle_after: Duration::from_mins(5),
        }
    }

    /// The clock for pauses, timeouts and idleness; by default the system's.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where event ids come from; by default the system's UUIDv7.
    #[must_use]
    pub fn ids(self, ids: Arc<dyn IdGenerator>) -> Self {
        Self { ids, ..self }
    }

    /// How often to try again.
    #[must_use]
    pub fn retries(self, retries: Retries) -> Self {
        Self { retries, ..self }
    }

    /// How long the store may take for one answer; by default 30 s. An append that takes longer counts as unknown, a
    /// step of a load as an outage.
    #[must_use]
    pub fn store_timeout(self, store_timeout: Duration) -> Self {
        Self { store_timeout, ..self }
    }

    /// How many commands may be in progress or waiting for their stream; further callers wait. By default 4096;
    /// 0 means 1.
    #[must_use]
    pub fn capacity(self, capacity: u32) -> Self {
        Self { capacity, ..self }
    }

    /// How many streams stay in memory: beyond that, those that were not used lately are let go. By default 10,000.
    #[must_use]
    pub fn keep_hot(self, keep_hot: usize) -> Self {
        Self { keep_hot, ..self }
    }

    /// How long a stream that is not used stays in memory; by default 5 minutes. They are let go when another command
    /// comes by, at the latest after twice that time.
    #[must_use]
    pub fn idle_after(self, idle_after: Duration) -> Self {
        Self { idle_after, ..self }
    }

    /// The host.
    #[must_use]
    pub fn build(self) -> Aggregates<A> {
        let hot = Hot::new(self.keep_hot, self.idle_after, self.clock.now());
        Aggregates {
            host: Arc::new(Host {
                store: Persistent {
                    store: self.store,
                    clock: self.clock,
                    ids: self.ids,
                    retries: self.retries,
                    timeout: self.store_timeout,
                },
                environment: self.environment,
                gate: Gate::new(self.capacity),
                hot,
                saving: Saving::new(),
            }),
        }
    }
}
