//! Settings of a host.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Aggregate, Clock, EventStore, IdGenerator};

use super::{Aggregates, Host, admission::Admission, cache::StreamCache};
use crate::{
    RetryPolicy, SystemClock, SystemIds,
    retrying::{ATTEMPT_TIMEOUT, COMMAND_TIMEOUT, RetryingStore},
};

/// Builds [`Aggregates`].
///
/// ```
/// # use composable_rust_core::Aggregate;
/// # use composable_rust_runtime::{Aggregates, SystemIds};
/// # use composable_rust_testing::InMemoryEventStore;
/// # use std::{sync::Arc, time::Duration};
/// fn small_host<A: Aggregate>(environment: A::Environment) -> Aggregates<A> {
///     Aggregates::builder(Arc::new(InMemoryEventStore::new()), environment)
///         .max_cached_streams(100)
///         .cache_time_to_idle(Duration::from_mins(1))
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
/// assert_eq!(host.cached_streams(), 0);
/// ```
pub struct AggregatesBuilder<A: Aggregate> {
    store: Arc<dyn EventStore>,
    environment: A::Environment,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    retry_policy: RetryPolicy,
    attempt_timeout: Duration,
    command_timeout: Duration,
    max_pending_commands: u32,
    max_cached_streams: usize,
    cache_time_to_idle: Duration,
}

impl<A: Aggregate> AggregatesBuilder<A> {
    pub(super) fn new(store: Arc<dyn EventStore>, environment: A::Environment) -> Self {
        Self {
            store,
            environment,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            retry_policy: RetryPolicy::default(),
            attempt_timeout: ATTEMPT_TIMEOUT,
            command_timeout: COMMAND_TIMEOUT,
            max_pending_commands: 4096,
            max_cached_streams: 10_000,
            cache_time_to_idle: Duration::from_mins(5),
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

    /// How often to try again after a conflict or an outage, and with which pauses.
    #[must_use]
    pub fn retry_policy(self, retry_policy: RetryPolicy) -> Self {
        Self { retry_policy, ..self }
    }

    /// How long the store may take for one call. Default 15 s. The identical append is sent again after that, and a read
    /// repeated, as the [`RetryPolicy`] says.
    #[must_use]
    pub fn attempt_timeout(self, attempt_timeout: Duration) -> Self {
        Self {
            attempt_timeout,
            ..self
        }
    }

    /// How long a whole command may take, with all retries and with the time that it waits for commands before it. Default
    /// 60 s. Then the caller gets [`ExecuteError::NotStarted`](crate::ExecuteError::NotStarted), or
    /// [`OutcomeUnknown`](crate::ExecuteError::OutcomeUnknown) if its append was sent. Longer than
    /// [`attempt_timeout`](Self::attempt_timeout), so that an append whose answer was lost can be sent again.
    #[must_use]
    pub fn command_timeout(self, command_timeout: Duration) -> Self {
        Self {
            command_timeout,
            ..self
        }
    }

    /// The largest number of commands that run or wait in this host. Further `execute` calls wait in order. Default 4,096;
    /// 0 means 1.
    #[must_use]
    pub fn max_pending_commands(self, max_pending_commands: u32) -> Self {
        Self {
            max_pending_commands,
            ..self
        }
    }

    /// The largest number of streams whose state stays in memory; those that were not used lately are dropped first. A stream
    /// with work is never dropped. Default 10,000; 0 means none.
    #[must_use]
    pub fn max_cached_streams(self, max_cached_streams: usize) -> Self {
        Self {
            max_cached_streams,
            ..self
        }
    }

    /// How long the state of an unused stream stays in memory. Default 5 minutes. Dropped by a later command on any stream, at
    /// the latest after twice that time.
    #[must_use]
    pub fn cache_time_to_idle(self, cache_time_to_idle: Duration) -> Self {
        Self {
            cache_time_to_idle,
            ..self
        }
    }

    /// The host. Needs no runtime.
    #[must_use]
    pub fn build(self) -> Aggregates<A> {
        let cache = StreamCache::new(self.max_cached_streams, self.cache_time_to_idle, self.clock.now());
        Aggregates {
            host: Arc::new(Host {
                store: RetryingStore {
                    store: self.store,
                    clock: self.clock,
                    ids: self.ids,
                    policy: self.retry_policy,
                    attempt_timeout: self.attempt_timeout,
                    conflicts: 0,
                    snapshots: None,
                },
                command_timeout: self.command_timeout,
                environment: self.environment,
                admission: Admission::new(self.max_pending_commands),
                cache,
                saves: Arc::default(),
            }),
        }
    }
}
