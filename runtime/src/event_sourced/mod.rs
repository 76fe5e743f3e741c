//! An aggregate as a reducer.

mod action;
mod decide;
mod load;
mod reduce;
mod snapshots;
mod state;

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use composable_rust_core::{Aggregate, Clock, EventStore, IdGenerator};

pub use action::EventSourcedAction;
pub use state::EventSourcedState;

use crate::{
    RetryPolicy, SystemClock,
    retrying::{ATTEMPT_TIMEOUT, RetryingStore},
};

/// An [`Aggregate`] as a reducer: commands in, append effects out, events applied only after they were stored.
///
/// It composes like any other reducer. The stream is loaded when the first command comes; commands that come while an
/// append is in flight wait, and then share the next append, each decided against what those before it decided. What was
/// decided on events that are not stored yet is held until they are; if they are not, it is decided again.
/// A rejection changes nothing in the log and is visible as [`EventSourcedState::last_rejection`], any other failure as
/// [`EventSourcedState::last_failure`]. A command that finds the stream idle carries on for those that come meanwhile: its
/// [`settled`](crate::ActionHandle::settled) waits for their appends, too.
///
/// **Decisions rest on what is known here.** If another process has written meanwhile, a command with events finds out: its
/// append meets a conflict, and it is decided again. One without (a rejection, or nothing to do) appends nothing and does
/// not. Where that matters, send [`EventSourcedAction::Load`] first: commands sent after it are decided after it.
///
/// **Snapshots** are those of [`Aggregate::SNAPSHOTS`]. The stream is loaded from its snapshot and the events since; one that
/// can't be used (of another schema, damaged, beyond its stream) is ignored with a warning, and replaced after the replay.
/// One that is due is encoded by the reduce that applies the events, and saved by an effect of it: no other command waits for
/// that, and none fails whatever comes of it. One is saved at a time, and of those that fall due meanwhile only the newest.
/// It is an effect like others: who waits for `settled` of the command that made it due waits for it,
/// too, and a test store wants its [`EventSourcedAction::SnapshotSaved`] received. Without a policy there are no such
/// actions.
///
/// **Command ids, expected versions and timeouts** are those of the [`CommandContext`](crate::CommandContext) that
/// [`EventSourcedAction::execute_with`] takes. A command whose id the stream holds already stores nothing again; one that
/// would be rejected by now is shown as rejected, since rejections are not looked up in the stream. A command that was not
/// decided within its timeout is not carried out ([`ExecuteError::NotStarted`](crate::ExecuteError::NotStarted)).
///
/// For many streams, and for an answer to each caller, use [`Aggregates`](crate::Aggregates): also in an effect of a reducer.
///
/// ```
/// # use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError, Version};
/// # use composable_rust_runtime::{
/// #     EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState, Store, SystemIds,
/// # };
/// # use composable_rust_testing::InMemoryEventStore;
/// # use std::sync::Arc;
/// # struct Deposited(u64);
/// # impl Event for Deposited {
/// #     fn event_type(&self) -> &'static str { "Deposited.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Codec::BINCODE.encode(&self.0) }
/// #     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
/// #         Codec::new(stored.encoding).decode(stored.data).map(|amount| Self(amount).into())
/// #     }
/// # }
/// # struct Account;
/// # impl Aggregate for Account {
/// #     const CATEGORY: &'static str = "account";
/// #     type State = u64;
/// #     type Command = u64;
/// #     type Event = Deposited;
/// #     type Rejection = std::convert::Infallible;
/// #     type Environment = ();
/// #     fn decide(_: &u64, amount: &u64, (): &()) -> Result<Vec<Deposited>, Self::Rejection> {
/// #         Ok(vec![Deposited(*amount)])
/// #     }
/// #     fn apply(balance: &mut u64, event: &Deposited) { *balance += event.0; }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let events = Arc::new(InMemoryEventStore::new());
/// let environment = EventSourcedEnvironment::new(events, Arc::new(SystemIds), ());
/// let account = EventSourcedState::<Account>::new(Account::stream_id("a-1")?);
///
/// let store = Store::builder(EventSourced::<Account>::new(), environment).build(account)?;
/// store.send(EventSourcedAction::execute(50)).await?.settled().await?;
///
/// assert_eq!(store.state(|account| (**account.state(), account.version())), (50, Version::from(1)));
/// # Ok(())
/// # }
/// ```
pub struct EventSourced<A> {
    policy: RetryPolicy,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate> EventSourced<A> {
    /// The reducer, with [`RetryPolicy::default`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_retry_policy(RetryPolicy::default())
    }

    /// The reducer, retrying as `policy` says.
    #[must_use]
    pub const fn with_retry_policy(policy: RetryPolicy) -> Self {
        Self {
            policy,
            aggregate: PhantomData,
        }
    }
}

impl<A: Aggregate> Default for EventSourced<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> fmt::Debug for EventSourced<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSourced")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// What [`EventSourced`] needs beside the aggregate's own environment.
///
/// ```
/// use composable_rust_runtime::{EventSourcedEnvironment, SystemIds};
/// use composable_rust_testing::InMemoryEventStore;
/// use std::sync::Arc;
/// let events = Arc::new(InMemoryEventStore::new());
/// let environment = EventSourcedEnvironment::new(events, Arc::new(SystemIds), "price list");
/// assert_eq!(environment.aggregate, "price list");
/// ```
#[non_exhaustive]
pub struct EventSourcedEnvironment<E> {
    /// Where the events are kept.
    pub store: Arc<dyn EventStore>,
    /// Where event ids come from.
    pub ids: Arc<dyn IdGenerator>,
    /// The clock for the pauses between attempts and for timeouts; by default the system's.
    pub clock: Arc<dyn Clock>,
    /// How long the store may take for one call. Default 15 s. The identical append is sent again after that. Keep the limit of
    /// the [`Store`](crate::Store) that runs the reducer longer.
    pub attempt_timeout: Duration,
    /// What the aggregate's decisions may ask for.
    pub aggregate: E,
}

impl<E> EventSourcedEnvironment<E> {
    /// From its parts.
    pub fn new(store: Arc<dyn EventStore>, ids: Arc<dyn IdGenerator>, aggregate: E) -> Self {
        Self {
            store,
            ids,
            clock: Arc::new(SystemClock),
            attempt_timeout: ATTEMPT_TIMEOUT,
            aggregate,
        }
    }

    /// Sets the clock for the pauses between attempts.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets how long the store may take for one call.
    #[must_use]
    pub fn with_attempt_timeout(self, attempt_timeout: Duration) -> Self {
        Self {
            attempt_timeout,
            ..self
        }
    }

    /// The store, with retries. A load begins with the pause after so many conflicts.
    fn retrying(&self, policy: RetryPolicy, conflicts: u32) -> Arc<RetryingStore> {
        Arc::new(RetryingStore {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            policy,
            attempt_timeout: self.attempt_timeout,
            conflicts,
            snapshots: None,
        })
    }
}
