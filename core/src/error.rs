//! The errors of event stores: one enum for each operation. Each variant says what its caller does next.

use std::{error::Error, fmt, sync::Arc};

use crate::{Appended, CommandId, EventId, ExpectedVersion, Position, StreamId, Version};

/// The cause of an error, as the driver reported it. Shared, so that errors can be cloned.
pub type SharedError = Arc<dyn Error + Send + Sync>;

/// The stream is not as expected, because another writer was first. Nothing was written: load the stream and decide again.
///
/// ```
/// use composable_rust_core::{AppendError, Conflict, ExpectedVersion, StreamId, Version};
///
/// let conflict = Conflict {
///     stream_id: StreamId::new("order", 1)?,
///     expected: ExpectedVersion::NoStream,
///     actual: Version::from(2),
/// };
/// assert_eq!(AppendError::from(conflict).to_string(), "conflict on order-1: expected no stream, actual version 2");
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conflict on {stream_id}: expected {expected}, actual version {actual}")]
pub struct Conflict {
    /// The stream that is not as expected.
    pub stream_id: StreamId,
    /// The version that the writer expected.
    pub expected: ExpectedVersion,
    /// The stream's version, at the moment at which the append was refused.
    pub actual: Version,
}

/// The store can't serve the call now. Nothing was written.
///
/// ```
/// use std::time::Duration;
/// use composable_rust_core::{AppendError, UnavailableReason};
///
/// /// How long to wait before the same append is sent again, if that is worth it.
/// fn pause_before_retry(error: &AppendError) -> Option<Duration> {
///     match error {
///         AppendError::Unavailable(why) if why.reason.is_worth_a_retry() => Some(Duration::from_millis(100)),
///         _ => None,
///     }
/// }
/// # let closed = composable_rust_core::Unavailable::new(UnavailableReason::Closed, std::sync::Arc::new(std::fmt::Error));
/// # assert_eq!(pause_before_retry(&closed.into()), None);
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("the event store is unavailable: {reason}")]
#[non_exhaustive]
pub struct Unavailable {
    /// Why, and so whether the call is worth a retry.
    pub reason: UnavailableReason,
    /// The cause, as the driver or the store reported it.
    pub source: SharedError,
}

impl Unavailable {
    /// For authors of stores: the call was not served, for this reason and with this cause.
    #[must_use]
    pub fn new(reason: UnavailableReason, source: SharedError) -> Self {
        Self { reason, source }
    }
}

/// Why a store can't serve a call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnavailableReason {
    /// No connection to the database: it can't be reached, it is starting or stopping, or the connection was lost.
    Unreachable,
    /// The database answers, but refuses for now: a lock is held, connections or memory are used up, it is read-only.
    Busy,
    /// The store's own time limit passed before the call reached the database, or before the database answered a read.
    TimedOut,
    /// An older transaction is still open, and what the caller waits for becomes readable only after it.
    HeldBack,
    /// More appends are waiting than the store's limit. Not worth a retry, which would make it worse: send fewer.
    Overloaded,
    /// The store was closed, or the tokio runtime that it works on has ended. Not worth a retry: open the store again.
    Closed,
    /// The call needs a tokio runtime, and there is none. Not worth a retry: fix the program.
    NoRuntime,
}

impl UnavailableReason {
    /// Whether the same call may succeed after a pause: `false` for [`Overloaded`](Self::Overloaded),
    /// [`Closed`](Self::Closed) and [`NoRuntime`](Self::NoRuntime).
    #[must_use]
    pub const fn is_worth_a_retry(self) -> bool {
        !matches!(self, Self::Overloaded | Self::Closed | Self::NoRuntime)
    }
}

impl fmt::Display for UnavailableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the database can not be reached",
            Self::Busy => "the database refuses the call for now",
            Self::TimedOut => "a time limit passed",
            Self::HeldBack => "an older transaction is still open",
            Self::Overloaded => "too many appends are waiting",
            Self::Closed => "the store is closed, or its runtime has ended",
            Self::NoRuntime => "the call needs a tokio runtime",
        })
    }
}

/// A limit that every store has. [`Limit::max`] is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Entries in one batch, with and without events: at most 1,000.
    EntriesPerBatch,
    /// Events in one append or batch: at most 100,000.
    EventsPerAppend,
    /// Bytes of event data in one append or batch: at most 64 MiB.
    BytesPerAppend,
    /// Bytes of data of one event: at most 16 MiB.
    BytesPerEvent,
    /// Bytes of an event's stored name: at most 256.
    BytesPerEventType,
    /// Bytes of an event's metadata, written as JSON: at most 64 KiB.
    BytesPerMetadata,
    /// Bytes of all metadata in one append or batch, written as JSON: at most 64 MiB.
    MetadataBytesPerAppend,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EntriesPerBatch => "entries a batch",
            Self::EventsPerAppend => "events an append",
            Self::BytesPerAppend => "bytes an append",
            Self::BytesPerEvent => "bytes an event",
            Self::BytesPerEventType => "bytes an event type",
            Self::BytesPerMetadata => "bytes of metadata an event",
            Self::MetadataBytesPerAppend => "bytes of metadata an append",
        })
    }
}

/// An append exceeds a limit. Nothing was written: split it, or keep large content elsewhere and refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{actual} exceeds the limit of {} {limit}", limit.max())]
pub struct TooLarge {
    /// Which limit.
    pub limit: Limit,
    /// The number of the append, in the limit's unit.
    pub actual: usize,
}

/// An append is malformed, and no store accepts it. Nothing was written: fix the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAppend {
    /// A batch names a stream twice: merge the entries.
    #[error("stream {stream_id} occurs twice in the batch")]
    DuplicateStream {
        /// The stream.
        stream_id: StreamId,
    },
    /// An event's stored name is empty or holds a NUL.
    #[error("an event type must not be empty and must not hold a NUL character")]
    EventType,
    /// Metadata holds a NUL, an own entry is named as one of the fields (`correlation_id`, `causation_id`, `actor`,
    /// `traceparent`, `tracestate`), or its value nests deeper than
    /// [`EventMetadata::MAX_DEPTH`](crate::EventMetadata::MAX_DEPTH).
    #[error(
        "metadata must not hold a NUL character, own entries named correlation_id, causation_id, actor, traceparent or \
         tracestate, nor values nested deeper than {} levels",
        crate::EventMetadata::MAX_DEPTH
    )]
    Metadata,
    /// A command's mark covers no event, too many events, or those of another command, or the command occurs twice.
    #[error("a command's mark must cover events of its own, and a command occurs once in an append")]
    CommandMark,
}

/// Why an append was not (or is not known to be) written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The stream is not as expected: another writer was first. Nothing was written. Load the stream and decide again.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The stream (or this append) already holds an event with this id, and this is no repetition. Nothing was written. Choose
    /// an id once for each event, and new ids for new events.
    #[error("stream {stream_id} already holds another event with the id {id}")]
    DuplicateId {
        /// The stream.
        stream_id: StreamId,
        /// The id that is taken.
        id: EventId,
    },
    /// The stream holds the events of this command already. Nothing was written. Answer the caller with `first`, or with the
    /// events that [`EventStore::load_command`](crate::EventStore::load_command) returns.
    #[error("command {command_id} is already stored in {stream_id} up to version {}", first.version)]
    DuplicateCommand {
        /// The stream.
        stream_id: StreamId,
        /// The command.
        command_id: CommandId,
        /// Where the command's last event is stored. `repeated` is false: it is the first result.
        first: Appended,
    },
    /// The append has no events. Nothing was written. Skip the call instead.
    #[error("an append needs at least one event")]
    NoEvents,
    /// The append exceeds a limit. Nothing was written. Split it.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The append is malformed. Nothing was written. Fix the program.
    #[error(transparent)]
    Invalid(#[from] InvalidAppend),
    /// The store can't serve the append now. Nothing was written. Send it again after a pause, if the reason
    /// [is worth a retry](UnavailableReason::is_worth_a_retry).
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The append was sent, and its answer was lost: it may be written, or be written later. Send the *identical* append again
    /// (same ids, same bytes) until the answer is another one.
    #[error("the outcome of the append is unknown: it may be written or not")]
    OutcomeUnknown(#[source] SharedError),
    /// The store failed for a reason of its own, such as a full disk or a missing permission. Nothing was written. A retry is
    /// of no use before an operator has repaired the store.
    #[error("the event store refused the append; nothing was written")]
    Backend(#[source] SharedError),
}

/// Why events could not be read. Events that were returned before the error are right.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store can't serve the call now. Repeat it after a pause, if the reason
    /// [is worth a retry](UnavailableReason::is_worth_a_retry).
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The log no longer holds the event at this position: it was restored from a backup, or another server took over that
    /// lacked the log's end. The reader has processed events that are gone, and new events may stand before its position.
    /// Rebuild what was derived from the log, or go back to an earlier position and repeat from there.
    #[error("the log no longer holds the event at {after}: it was restored or failed over to an earlier end")]
    LogRewound {
        /// The position after which the reader asked for events.
        after: Position,
    },
    /// The store failed for a reason of its own, or found that a row is missing or not a valid event. A retry is of no use
    /// before an operator has looked at the store.
    #[error("the event store could not be read")]
    Backend(#[source] SharedError),
}

/// Why a snapshot could not be saved, loaded or deleted. The events are not affected: go on without the snapshot.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The snapshot is larger than [`Snapshot::MAX_BYTES`](crate::Snapshot::MAX_BYTES).
    #[error(
        "a snapshot of {bytes} bytes is too large: at most {} are allowed",
        crate::Snapshot::MAX_BYTES
    )]
    TooLarge {
        /// The size of its data in bytes.
        bytes: usize,
    },
    /// The store can't serve the call now. Repeat it after a pause, if the reason
    /// [is worth a retry](UnavailableReason::is_worth_a_retry).
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The store failed for a reason of its own.
    #[error("the event store refused the snapshot")]
    Backend(#[source] SharedError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_clone_and_cross_threads() {
        fn assert_shareable<T: Clone + Send + Sync + 'static>() {}
        assert_shareable::<AppendError>();
        assert_shareable::<ReadError>();
        assert_shareable::<SnapshotError>();
    }

    #[test]
    fn a_limit_is_reported_in_words() {
        let error = AppendError::from(TooLarge {
            limit: Limit::EventsPerAppend,
            actual: 100_001,
        });
        assert_eq!(error.to_string(), "100001 exceeds the limit of 100000 events an append");
    }
}
