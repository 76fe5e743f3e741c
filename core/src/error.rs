//! The errors of a store: one enum for each operation. Each variant says what its caller does next.

use std::{error::Error, fmt, sync::Arc};

use crate::{Appended, CommandId, EventId, ExpectedVersion, Position, StreamId, Version};

/// The cause of an error, as the driver reported it. Shared, so that errors can be cloned.
pub type SharedError = Arc<dyn Error + Send + Sync>;

/// Another writer was first; nothing was written. Reload, decide again.
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
    /// What the writer believed.
    pub expected: ExpectedVersion,
    /// What is true.
    pub actual: Version,
}

/// The store can't serve the call now; certainly nothing was written.
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
    /// What kept the store from serving the call.
    pub reason: UnavailableReason,
    /// The cause, as the driver or the store reported it.
    pub source: SharedError,
}

impl Unavailable {
    /// For authors of stores: the call was not served for this reason and cause.
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
    /// The store's own time limit passed before the database did the work.
    TimedOut,
    /// An older transaction is still open and holds back what the caller waits for.
    HeldBack,
    /// More appends are waiting than the store's bound allows. Not worth a retry: send less.
    Overloaded,
    /// The store was closed, or the tokio runtime that it works on has ended. Not worth a retry: open the store again.
    Closed,
    /// The call needs a tokio runtime, and there is none. Not worth a retry: it is a mistake of the program.
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

/// A limit of every store; see [`Limit::max`] for the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Entries in one batch, with and without events.
    EntriesPerBatch,
    /// Events in one append or batch.
    EventsPerAppend,
    /// Bytes of event data in one append or batch.
    BytesPerAppend,
    /// Bytes of data of one event.
    BytesPerEvent,
    /// Bytes of an event's stored name.
    BytesPerEventType,
    /// Bytes of an event's metadata, written as JSON.
    BytesPerMetadata,
    /// Bytes of all metadata in one append or batch, written as JSON.
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

/// An append is beyond a limit; nothing was written. Split it, or keep large content elsewhere and refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{actual} exceeds the limit of {} {limit}", limit.max())]
pub struct TooLarge {
    /// Which limit.
    pub limit: Limit,
    /// The number that exceeds it.
    pub actual: usize,
}

/// An append that no store can accept; nothing was written. It is a mistake of the program.
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
    /// Another writer was first; nothing was written. Reload, decide again.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The stream (or this append) already holds an event with this id and other content; nothing was written.
    /// Ids are chosen once for each event: take new ones for new events.
    #[error("stream {stream_id} already holds another event with the id {id}")]
    DuplicateId {
        /// The stream.
        stream_id: StreamId,
        /// The id that is taken.
        id: EventId,
    },
    /// The command's events are stored already; nothing was written again. `first` is the answer to give.
    #[error("command {command_id} is already stored in {stream_id} up to version {}", first.version)]
    DuplicateCommand {
        /// The stream.
        stream_id: StreamId,
        /// The command.
        command_id: CommandId,
        /// Where the command's last event was stored.
        first: Appended,
    },
    /// The append holds no events; nothing was written. Skip the call instead.
    #[error("an append needs at least one event")]
    NoEvents,
    /// The append is beyond a limit; nothing was written.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The append is one that no store can accept; nothing was written.
    #[error(transparent)]
    Invalid(#[from] InvalidAppend),
    /// The store can't serve the append now; certainly nothing was written. Worth a retry after a pause, if
    /// [`is_worth_a_retry`](UnavailableReason::is_worth_a_retry) says so.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The events may be written or not. Send the *identical* append again until it is known: same ids, same bytes.
    #[error("the outcome of the append is unknown: it may be written or not")]
    OutcomeUnknown(#[source] SharedError),
    /// The store failed for a reason of its own (full disk, read-only file, missing permission); nothing was written.
    #[error("the event store refused the append; nothing was written")]
    Backend(#[source] SharedError),
}

/// Why events could not be read. What came before it is good.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store can't serve the call now. Worth a retry after a pause, if
    /// [`is_worth_a_retry`](UnavailableReason::is_worth_a_retry) says so.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The log no longer holds the event that stood at this position: it was restored from a backup, or another server
    /// took over that had not received its end. What the reader did after the last event that is still there rests on
    /// events that are gone, and new ones may stand before the position: build anew what was derived from the log, or
    /// go back to an earlier position and repeat from there.
    #[error("the log no longer holds the event at {after}: it was restored or failed over to an earlier end")]
    LogRewound {
        /// The position that the reader wanted to go on from.
        after: Position,
    },
    /// The store failed for a reason of its own, or holds a row that is not a valid event.
    #[error("the event store could not be read")]
    Backend(#[source] SharedError),
}

/// Why a snapshot could not be saved or loaded. The history is whole: carry on from the events.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The snapshot is larger than [`Snapshot::MAX_BYTES`](crate::Snapshot::MAX_BYTES).
    #[error(
        "a snapshot of {bytes} bytes is too large: at most {} are allowed",
        crate::Snapshot::MAX_BYTES
    )]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// The store can't serve the call now. Worth a retry after a pause, if
    /// [`is_worth_a_retry`](UnavailableReason::is_worth_a_retry) says so.
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
