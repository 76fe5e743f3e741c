//! What a store was made to do, in words.

use std::{fmt, time::Duration};

use composable_rust_core::{Position, StreamId, UnavailableReason, Version};

/// A kind of call that a [`FaultyEventStore`](crate::FaultyEventStore) can be made to fail.
///
/// ```
/// use composable_rust_testing::Operation;
/// assert_eq!(Operation::Append.to_string(), "append");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// An append or a batch: they are counted together.
    Append,
    /// A read of a stream.
    Read,
    /// A page of the log.
    Page,
    /// A wait for more of the log.
    Wait,
    /// A snapshot on its way in.
    Save,
    /// A snapshot on its way out.
    Load,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Append => "append",
            Self::Read => "read",
            Self::Page => "page",
            Self::Wait => "wait",
            Self::Save => "save",
            Self::Load => "load",
        })
    }
}

/// What can happen to a call. Each is something that a store which keeps its promises may do to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Another writer's append is written first, and ends here. Whether that is a conflict, the store decides.
    RaceLost {
        /// The stream that the other writer wrote to.
        stream_id: StreamId,
        /// Its version after that.
        version: Version,
    },
    /// Held until the test lets it go on.
    Held,
    /// Held for so long, on the clock that was given.
    Delayed(Duration),
    /// Not written, and `Unavailable` says so: the database can't be reached.
    FailsBeforeCommit,
    /// Not carried out, and `Unavailable` says so with this reason.
    Unavailable(UnavailableReason),
    /// Written, and answered with `OutcomeUnknown`.
    FailsAfterCommit,
    /// Never written, and answered with `OutcomeUnknown`: the request was lost on its way.
    RequestLost,
    /// Written, and never answered: the caller's own patience has to end it.
    AnswerLost,
    /// Not written, and `Backend` says so: a full disk.
    Refused,
    /// `Unavailable` after so many events of a read; at once where something else is asked for.
    Fails {
        /// How many events are given before.
        after: u64,
    },
    /// Nothing is done, and no answer comes.
    Silent,
    /// The store's future panics.
    Panics,
    /// The readable end of the log stays here for a while, whatever is appended.
    Stalled {
        /// Where readers get to.
        at: Position,
    },
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RaceLost { stream_id, version } => {
                write!(
                    f,
                    "loses a race: another writer brings {stream_id} to version {version}"
                )
            }
            Self::Held => f.write_str("is held"),
            Self::Delayed(by) => write!(f, "is delayed by {by:?}"),
            Self::Unavailable(reason) => write!(f, "is not carried out: {reason}"),
            Self::FailsBeforeCommit => f.write_str("fails before its commit"),
            Self::FailsAfterCommit => f.write_str("fails after its commit"),
            Self::RequestLost => f.write_str("is lost before it reaches the store"),
            Self::AnswerLost => f.write_str("is written and never answered"),
            Self::Refused => f.write_str("is refused by a broken store"),
            Self::Fails { after: 0 } => f.write_str("fails"),
            Self::Fails { after: 1 } => f.write_str("fails after 1 event"),
            Self::Fails { after } => write!(f, "fails after {after} events"),
            Self::Silent => f.write_str("is never answered"),
            Self::Panics => f.write_str("panics"),
            Self::Stalled { at } => write!(f, "finds the log stalled at {at}"),
        }
    }
}

/// One fault that came to pass.
///
/// ```
/// use composable_rust_core::{Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent};
/// use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, SequentialIds};
///
/// # futures::executor::block_on(async {
/// let store = FaultyEventStore::new(InMemoryEventStore::new()).nth_append(1).fails_before_commit();
/// let opened = SerializedEvent::new(SequentialIds::new().event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
/// let refused = store.append_events("door-1".parse()?, ExpectedVersion::NoStream, vec![opened]).await;
/// assert!(refused.is_err());
/// assert_eq!(store.faults()[0].to_string(), "append 1 to door-1 fails before its commit");
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The kind of call it happened to.
    pub operation: Operation,
    /// Which call of this kind, 1 for the first.
    pub nth: u64,
    /// The streams of the call: none for the log, several for a batch.
    pub streams: Vec<StreamId>,
    /// What happened.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operation, self.nth)?;
        for (place, stream) in self.streams.iter().enumerate() {
            let before = match (place, self.operation) {
                (0, Operation::Append) => " to ",
                (0, _) => " of ",
                _ => " and ",
            };
            write!(f, "{before}{stream}")?;
        }
        write!(f, " {}", self.kind)
    }
}
