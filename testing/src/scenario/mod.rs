//! Given what has happened, when a command comes, then this happens: the rules of an aggregate, without a store.

mod answer;
mod fixed;
mod outcome;
mod restart;
mod setting;
mod stream;

use std::time::Duration;

use composable_rust_core::{Aggregate, Version};

pub use fixed::{Fixed, FixedEnvironment};
pub use outcome::Outcome;
pub use setting::Setting;

use crate::History;
use stream::Stream;

/// The rules of an aggregate as sentences: given what has happened, when a command comes, then this happens.
///
/// There is no store in it, and still it checks what a store would: given and decided events are written and read
/// again, limits and versions hold, states come back from their snapshots, and a decision that is asked for again, as
/// it is after a conflict, answers the same. Time stands still until [`Scenario::later`], and ids count from 1.
///
/// ```
/// use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError};
/// use composable_rust_testing::Scenario;
///
/// #[derive(Debug, PartialEq)]
/// struct Withdrawn(u64);
/// # impl Event for Withdrawn {
/// #     fn event_type(&self) -> &'static str { "Withdrawn.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Codec::BINCODE.encode(&self.0) }
/// #     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
/// #         Codec::new(stored.encoding).decode(stored.data).map(|amount| Self(amount).into())
/// #     }
/// # }
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("the limit of the day is reached")]
/// struct LimitReached;
///
/// struct CashMachine;
///
/// impl Aggregate for CashMachine {
///     const CATEGORY: &'static str = "machine";
///     type State = u64;
///     type Command = u64;
///     type Event = Withdrawn;
///     type Rejection = LimitReached;
///     type Environment = ();
///
///     fn decide(today: &u64, amount: &u64, (): &()) -> Result<Vec<Withdrawn>, LimitReached> {
///         if today + amount > 500 { Err(LimitReached) } else { Ok(vec![Withdrawn(*amount)]) }
///     }
///     fn apply(today: &mut u64, event: &Withdrawn) {
///         *today += event.0;
///     }
/// }
///
/// Scenario::<CashMachine>::given([Withdrawn(300)])
///     .when(200)
///     .then([Withdrawn(200)])
///     .state(|today| assert_eq!(*today, 500))
///     .and_when(1)
///     .then_rejected(&LimitReached);
/// ```
pub struct Scenario<A: Aggregate> {
    stream: Stream<A>,
}

#[expect(clippy::return_self_not_must_use, reason = "an assertion may be the last word")]
impl<A: Aggregate> Scenario<A> {
    /// A setting with the environment that `environment` makes from a fixed clock and sequential ids.
    ///
    /// ```
    /// # use composable_rust_core::*;
    /// # struct Alarm; struct Rang(String);
    /// # impl Event for Rang {
    /// #     fn event_type(&self) -> &'static str { "Rang.v1" }
    /// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Codec::BINCODE.encode(&self.0) }
    /// #     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
    /// #         Codec::new(stored.encoding).decode(stored.data).map(|at| Self(at).into())
    /// #     }
    /// # }
    /// # impl Aggregate for Alarm {
    /// #     const CATEGORY: &'static str = "alarm";
    /// #     type State = String; type Command = (); type Event = Rang;
    /// #     type Rejection = std::convert::Infallible; type Environment = Bell;
    /// #     fn decide(_: &String, (): &(), bell: &Bell) -> Result<Vec<Rang>, Self::Rejection> {
    /// #         Ok(vec![Rang(bell.clock.now().to_rfc3339())])
    /// #     }
    /// #     fn apply(last: &mut String, event: &Rang) { last.clone_from(&event.0); }
    /// # }
    /// use composable_rust_testing::{Scenario, Setting};
    /// use std::{sync::Arc, time::Duration};
    ///
    /// struct Bell { clock: Arc<dyn Clock> }
    ///
    /// /// What the scenarios of this file begin with.
    /// fn alarm() -> Setting<Alarm> {
    ///     Scenario::with(|fixed| Bell { clock: fixed.clock() })
    /// }
    ///
    /// alarm()
    ///     .given([])
    ///     .later(Duration::from_secs(90))
    ///     .when(())
    ///     .state(|last| assert_eq!(last, "2000-01-01T00:01:30+00:00"));
    /// ```
    pub fn with(environment: impl FnOnce(&Fixed) -> A::Environment) -> Setting<A> {
        Setting::new(environment)
    }

    /// These events have happened, and nothing else, in an environment with fixed time and ids.
    ///
    /// # Panics
    /// If one of them can't be stored, or not be read again.
    #[must_use = "a scenario says nothing until a command comes: `.when(...)`"]
    #[track_caller]
    pub fn given(events: impl IntoIterator<Item = A::Event>) -> Self
    where
        A::Environment: FixedEnvironment,
    {
        Setting::new(A::Environment::fixed).given(events)
    }

    /// What this history tells has happened, in an environment with fixed time and ids.
    ///
    /// # Panics
    /// If one of its events can't be read as an event of the aggregate.
    #[must_use = "a scenario says nothing until a command comes: `.when(...)`"]
    #[track_caller]
    pub fn given_history(history: &History) -> Self
    where
        A::Environment: FixedEnvironment,
    {
        Setting::new(A::Environment::fixed).given_history(history)
    }

    /// Lets time pass before the command comes.
    #[must_use = "a scenario says nothing until a command comes: `.when(...)`"]
    pub fn later(self, duration: Duration) -> Self {
        self.stream.pass(duration);
        self
    }

    /// This command comes.
    ///
    /// # Panics
    /// If the decision answers something else when it is asked again, if a decided event can't be stored and read again,
    /// or if the state can't be saved as the aggregate's snapshots say.
    #[must_use = "a command proves nothing until it is said what it leads to: `.then(...)`"]
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a command in a sentence, not a reference to one"
    )]
    pub fn when(self, command: A::Command) -> Outcome<A> {
        Outcome::nth(self.stream, &command, 1)
    }

    /// These commands have come; those that were rejected have changed nothing. For histories that are told by commands,
    /// and for properties of any commands at all.
    ///
    /// # Panics
    /// As [`Scenario::when`].
    #[must_use = "a scenario says nothing until a command comes: `.when(...)`"]
    #[track_caller]
    pub fn after(mut self, commands: impl IntoIterator<Item = A::Command>) -> Self {
        for (number, command) in (1..).zip(commands) {
            self = Self {
                stream: Outcome::nth(self.stream, &command, number).stream,
            };
        }
        self
    }

    /// The state is the same when it is replayed from what was stored, and restored from a snapshot if the aggregate has
    /// any: whatever has happened up to here is remembered.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn survives_a_restart(self) -> Self
    where
        A::State: PartialEq + std::fmt::Debug,
    {
        self.stream.must_be_the_same_after_a_restart("what has happened");
        self
    }

    /// The state that the events up to here make.
    #[must_use]
    pub fn current(&self) -> &A::State {
        self.stream.state()
    }

    /// All that has happened up to here, as it is read back from the store.
    #[must_use]
    pub fn history(&self) -> Vec<A::Event> {
        self.stream.history()
    }

    /// Looks at the state that the given events make.
    pub fn state(self, look: impl FnOnce(&A::State)) -> Self {
        look(self.stream.state());
        self
    }

    /// The version of the stream: the number of its events.
    #[must_use]
    pub fn version(&self) -> Version {
        self.stream.version()
    }
}
