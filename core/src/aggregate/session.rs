//! The one place where versions are tracked and events are applied.

use std::{mem, sync::Arc};

use super::Aggregate;
use crate::{EventError, RecordedEvent, StreamId, Version};

/// One stream of an [`Aggregate`] while it is worked with: its state, its version, and the events that are decided but
/// not stored yet. A pure state machine; the runtime's shells drive it.
///
/// Commands decided while events are staged see the *tentative* state, with those events applied; the state itself
/// changes only when the store has acknowledged them.
///
/// ```
/// # use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError};
/// # #[derive(Clone, Debug, PartialEq)]
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
/// use composable_rust_core::{AggregateSession, Version};
///
/// let mut session = AggregateSession::<Account>::new();
/// let events = session.decide(&5, &())?;
/// session.stage(events);
/// assert_eq!((**session.state(), *session.tentative_state()), (0, 5));
///
/// session.commit_staged(Version::from(1));
/// assert_eq!((**session.state(), session.version()), (5, Version::from(1)));
/// # Ok::<(), std::convert::Infallible>(())
/// ```
pub struct AggregateSession<A: Aggregate> {
    version: Version,
    state: Arc<A::State>,
    staged: Vec<A::Event>,
    /// The state with the staged events applied; made only when something is decided on top of them, so that the
    /// usual command (one at a time) never clones the state.
    tentative: Option<A::State>,
}

impl<A: Aggregate> AggregateSession<A> {
    /// A stream without events.
    #[must_use]
    pub fn new() -> Self {
        Self::restored(Version::INITIAL, A::State::default())
    }

    /// A stream as a snapshot remembers it; [`AggregateSession::apply_recorded`] what was recorded since.
    #[must_use]
    pub fn restored(version: Version, state: A::State) -> Self {
        Self {
            version,
            state: Arc::new(state),
            staged: Vec::new(),
            tentative: None,
        }
    }

    /// The version up to which events are applied.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The state that the stored events make.
    #[must_use]
    pub const fn state(&self) -> &Arc<A::State> {
        &self.state
    }

    /// The events that are decided, but not stored yet.
    #[must_use]
    pub fn staged(&self) -> &[A::Event] {
        &self.staged
    }

    /// The state that the next command is decided against: with the staged events applied.
    pub fn tentative_state(&mut self) -> &A::State {
        if self.staged.is_empty() {
            return &self.state;
        }
        let (state, staged) = (&self.state, &self.staged);
        self.tentative.get_or_insert_with(|| {
            let mut tentative = A::State::clone(state);
            apply_all::<A>(&mut tentative, staged);
            tentative
        })
    }

    /// Decides `command` against the tentative state. Nothing changes until the events are staged.
    ///
    /// # Errors
    /// The aggregate's rejection.
    pub fn decide(
        &mut self,
        command: &A::Command,
        environment: &A::Environment,
    ) -> Result<Vec<A::Event>, A::Rejection> {
        A::decide(self.tentative_state(), command, environment)
    }

    /// Takes decided events in; append them next.
    pub fn stage(&mut self, events: Vec<A::Event>) {
        // Taken out meanwhile: should `apply` panic, it is made again from what was staged.
        if let Some(mut tentative) = self.tentative.take() {
            apply_all::<A>(&mut tentative, &events);
            self.tentative = Some(tentative);
        }
        if self.staged.is_empty() {
            self.staged = events;
        } else {
            self.staged.extend(events);
        }
    }

    /// The staged events are stored, the last of them at `version`: applies them and gives them back.
    /// Should `apply` panic, they are still staged: [`AggregateSession::discard_staged`] gives them back, and the state is half
    /// changed: drop the session.
    pub fn commit_staged(&mut self, version: Version) -> Vec<A::Event> {
        match self.tentative.take() {
            Some(tentative) => self.state = Arc::new(tentative),
            None => apply_all::<A>(Arc::make_mut(&mut self.state), &self.staged),
        }
        self.version = version;
        mem::take(&mut self.staged)
    }

    /// The staged events are not stored: forgets them and gives them back.
    pub fn discard_staged(&mut self) -> Vec<A::Event> {
        self.tentative = None;
        mem::take(&mut self.staged)
    }

    /// Applies a recorded event. One that is applied already is ignored, so that overlapping reads do no harm.
    /// The version moves on by one whatever the event decodes to.
    ///
    /// # Errors
    /// [`ApplyError::Decode`]: teach the event type this stored name. [`ApplyError::Gap`]: load from
    /// [`AggregateSession::version`] on. Nothing was applied.
    pub fn apply_recorded(&mut self, recorded: &RecordedEvent) -> Result<(), ApplyError> {
        if recorded.version <= self.version {
            return Ok(());
        }
        if self.version.next() != Some(recorded.version) {
            return Err(ApplyError::Gap {
                stream_id: recorded.stream_id.clone(),
                after: self.version,
                found: recorded.version,
            });
        }
        let events = recorded.decode::<A::Event>().map_err(|source| ApplyError::Decode {
            stream_id: recorded.stream_id.clone(),
            version: recorded.version,
            source,
        })?;
        let state = Arc::make_mut(&mut self.state);
        apply_all::<A>(state, events.as_slice());
        self.version = recorded.version;
        Ok(())
    }
}

fn apply_all<A: Aggregate>(state: &mut A::State, events: &[A::Event]) {
    for event in events {
        A::apply(state, event);
    }
}

impl<A: Aggregate> Default for AggregateSession<A> {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a recorded event could not be applied.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The event is not one that the aggregate's event type knows.
    #[error("event {version} of {stream_id} can't be decoded")]
    Decode {
        /// The stream.
        stream_id: StreamId,
        /// The event's version.
        version: Version,
        /// What is wrong with it.
        source: EventError,
    },
    /// Events between the last applied one and this one are missing.
    #[error("event {found} of {stream_id} does not follow version {after}")]
    Gap {
        /// The stream.
        stream_id: StreamId,
        /// The version of the last event that was applied.
        after: Version,
        /// The version of the event that came.
        found: Version,
    },
}
