//! Consistency boundaries: commands in, events out, state from events.

mod batch;
mod encode;
mod outcome;
mod panics;
mod policy;
mod session;

pub use batch::CommandBatch;
pub use outcome::{AcknowledgedBatch, BatchCommand, CommandOutcome, FailedBatch};
pub use policy::SnapshotPolicy;
pub use session::{AggregateSession, ApplyError};

use crate::{Event, StreamId, StreamIdError, stream_id::is_category};

/// A consistency boundary, such as one order: it decides commands into events, and its state comes from events only.
///
/// Both functions are pure. The shells that host it (`EventSourced` and `Aggregates` in the runtime) track versions, handle
/// conflicts and retry, so an application can't get them wrong.
///
/// ```
/// use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError};
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Deposited(u64);
///
/// impl Event for Deposited {
///     fn event_type(&self) -> &'static str {
///         "Deposited.v1"
///     }
///     fn encode(&self) -> Result<Vec<u8>, EventError> {
///         Codec::BINCODE.encode(&self.0)
///     }
///     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
///         Codec::new(stored.encoding).decode(stored.data).map(|amount| Self(amount).into())
///     }
/// }
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("a deposit must be positive")]
/// struct NotPositive;
///
/// struct Account;
///
/// impl Aggregate for Account {
///     const CATEGORY: &'static str = "account";
///     type State = u64;
///     type Command = u64;
///     type Event = Deposited;
///     type Rejection = NotPositive;
///     type Environment = ();
///
///     fn decide(_: &u64, amount: &u64, (): &()) -> Result<Vec<Deposited>, NotPositive> {
///         if *amount == 0 { Err(NotPositive) } else { Ok(vec![Deposited(*amount)]) }
///     }
///
///     fn apply(balance: &mut u64, event: &Deposited) {
///         *balance += event.0;
///     }
/// }
///
/// assert_eq!(Account::decide(&10, &5, &()), Ok(vec![Deposited(5)]));
/// assert_eq!(Account::decide(&10, &0, &()), Err(NotPositive));
/// ```
pub trait Aggregate: Send + Sync + 'static {
    /// The category of its streams: not empty, without `-` and NUL. A wrong one does not compile: `cargo build` and
    /// `cargo test` report it where [`Aggregate::stream_id`] is used. `cargo check` and clippy don't, because the compiler
    /// evaluates the constants of an implementation only when it generates code.
    const CATEGORY: &'static str;
    /// When the shells save the state as a snapshot. Default: never. [`SnapshotPolicy::every`] 100 events suits most
    /// aggregates whose streams grow longer than that.
    const SNAPSHOTS: SnapshotPolicy<Self::State> = SnapshotPolicy::never();

    /// The state that decisions are made on. Its default is the state before the first event.
    type State: Default + Clone + Send + Sync + 'static;
    /// The commands, in the imperative.
    type Command: Send + Sync + 'static;
    /// The events, in the past tense.
    type Event: Event;
    /// Why a command is rejected, in words of the business.
    type Rejection: std::error::Error + Send + Sync + 'static;
    /// What decisions read besides the state: clocks, price lists.
    type Environment: Send + Sync + 'static;

    /// Returns the events that `command` causes in `state`. None (`vec![]`) is a valid decision: nothing is stored.
    /// After a conflict it is called again with a newer state, so it must not keep anything from one call to the next.
    ///
    /// # Errors
    /// The rejection, which is final: nothing is stored.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
        environment: &Self::Environment,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// Applies `event` to `state`. Must not panic: the event is already stored.
    fn apply(state: &mut Self::State, event: &Self::Event);

    /// The stream of the aggregate with this id: `category-id`.
    ///
    /// # Errors
    /// See [`StreamIdError`]: the id is too long or holds a NUL.
    fn stream_id(id: &str) -> Result<StreamId, StreamIdError> {
        const {
            assert!(
                is_category(Self::CATEGORY),
                "an aggregate's CATEGORY must not be empty, nor hold '-' or NUL"
            );
        };
        StreamId::new(Self::CATEGORY, id)
    }
}
