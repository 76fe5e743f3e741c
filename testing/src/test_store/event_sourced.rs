//! Test stores of event-sourced aggregates.

use std::{fmt, sync::Arc, time::Duration};

use composable_rust_core::{Aggregate, EventStore, IdGenerator, StreamId, Version};
use composable_rust_runtime::{EventSourced, EventSourcedEnvironment, EventSourcedState, RetryPolicy};

use super::{Exhaustivity, TestStore, TestStoreBuilder};
use crate::{InMemoryEventStore, SequentialIds, TestClock, clock::TestTime};

/// What a test asserts of an event-sourced aggregate: its own state, and what became of the last command.
///
/// See [`EventSourcedTest`].
pub struct HostedState<A: Aggregate> {
    /// The aggregate's state, as the stored events make it.
    pub state: A::State,
    /// The version of the last event that is part of the state.
    pub version: Version,
    /// Why the last command was refused, in words; `None` once a later one was accepted.
    pub rejection: Option<String>,
    /// Why the last command could not be carried out, in words; `None` once a later append was acknowledged.
    pub failure: Option<String>,
}

impl<A: Aggregate> HostedState<A> {
    /// What a test asserts of this state: for the view of a larger one that holds it.
    pub fn of(state: &EventSourcedState<A>) -> Self {
        Self {
            state: A::State::clone(state.state()),
            version: state.version(),
            rejection: state.last_rejection().map(ToString::to_string),
            failure: state.last_failure().map(ToString::to_string),
        }
    }
}

impl<A: Aggregate> Clone for HostedState<A> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            version: self.version,
            rejection: self.rejection.clone(),
            failure: self.failure.clone(),
        }
    }
}

impl<A: Aggregate<State: PartialEq>> PartialEq for HostedState<A> {
    fn eq(&self, other: &Self) -> bool {
        let outcome = |seen: &Self| (seen.version, seen.rejection.clone(), seen.failure.clone());
        self.state == other.state && outcome(self) == outcome(other)
    }
}

impl<A: Aggregate<State: fmt::Debug>> fmt::Debug for HostedState<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedState")
            .field("state", &self.state)
            .field("version", &self.version)
            .field("rejection", &self.rejection)
            .field("failure", &self.failure)
            .finish()
    }
}

/// Builds a [`TestStore`] of an event-sourced aggregate, over an [`InMemoryEventStore`], with a [`TestClock`] and
/// [`SequentialIds`] if nothing else is said.
///
/// ```
/// # use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError, Version};
/// # #[derive(Clone)] struct Deposited(u64);
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
/// use composable_rust_runtime::EventSourcedAction::{self, Loaded, Appended};
/// use composable_rust_testing::EventSourcedTest;
///
/// let mut store = EventSourcedTest::<Account>::new(Account::stream_id("a-1")?, ()).build();
/// store.send(EventSourcedAction::execute(50), |_| {});
/// store.receive_matching(|action| matches!(action, Loaded(Ok(_))), |_| {});
/// store.receive_matching(|action| matches!(action, Appended(Ok(_))), |account| {
///     account.state = 50;
///     account.version = Version::from(1);
/// });
/// store.finish();
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// ```
#[must_use]
pub struct EventSourcedTest<A: Aggregate> {
    stream_id: StreamId,
    environment: A::Environment,
    store: Arc<dyn EventStore>,
    ids: Arc<dyn IdGenerator>,
    time: TestTime,
    retry_policy: RetryPolicy,
    exhaustivity: Exhaustivity,
    patience: Duration,
}

impl<A: Aggregate> EventSourcedTest<A> {
    /// Of this stream, with what the aggregate's decisions may ask for.
    pub fn new(stream_id: StreamId, environment: A::Environment) -> Self {
        Self {
            stream_id,
            environment,
            store: Arc::new(InMemoryEventStore::new()),
            ids: Arc::new(SequentialIds::new()),
            time: TestClock::new().into(),
            retry_policy: RetryPolicy::default(),
            exhaustivity: Exhaustivity::On,
            patience: Duration::from_secs(10),
        }
    }

    /// Where the events are kept; keep a clone to look at them.
    pub fn store(self, store: Arc<dyn EventStore>) -> Self {
        Self { store, ..self }
    }

    /// Where event ids come from.
    pub fn ids(self, ids: Arc<dyn IdGenerator>) -> Self {
        Self { ids, ..self }
    }

    /// What pauses and timeouts sleep on.
    pub fn clock(self, clock: impl Into<TestTime>) -> Self {
        Self {
            time: clock.into(),
            ..self
        }
    }

    /// How the reducer tries again.
    pub fn retry_policy(self, retry_policy: RetryPolicy) -> Self {
        Self { retry_policy, ..self }
    }

    /// As [`TestStoreBuilder::exhaustivity`].
    pub fn exhaustivity(self, exhaustivity: Exhaustivity) -> Self {
        Self { exhaustivity, ..self }
    }

    /// As [`TestStoreBuilder::patience`].
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

impl<A: Aggregate<State: PartialEq + fmt::Debug>> EventSourcedTest<A> {
    /// The store.
    #[track_caller]
    #[must_use]
    pub fn build(self) -> TestStore<EventSourced<A>, HostedState<A>> {
        let environment =
            EventSourcedEnvironment::new(self.store, self.ids, self.environment).with_clock(self.time.clock());
        let (reducer, state) = (
            EventSourced::with_retry_policy(self.retry_policy),
            EventSourcedState::new(self.stream_id),
        );
        TestStoreBuilder::with_view(reducer, state, environment, HostedState::of)
            .clock(self.time)
            .exhaustivity(self.exhaustivity)
            .patience(self.patience)
            .build()
    }
}
