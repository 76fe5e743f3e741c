//! What can go wrong with a store: one enum an operation, each variant saying what to do next.

use std::{error::Error, fmt, sync::Arc};

use crate::{Appended, CommandId, EventId, ExpectedVersion, Position, StreamId, Version};

/// The cause of an error, as the driver reported it; shared, so that errors can be cloned.
pub type Source = Arc<dyn Error + Send + Sync>;

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

/// A limit of every store; see [`Limit::most`] for the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
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
#[error("{actual} exceeds the limit of {} {limit}", limit.most())]
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
    /// The store can't be reached or is busy; certainly nothing was written. Worth a retry after a pause.
    #[error("the event store is unavailable; nothing was written")]
    Unavailable(#[source] Source),
    /// The events may be written or not. Send the *identical* append again until it is known: same ids, same bytes.
    #[error("the outcome of the append is unknown: it may be written or not")]
    OutcomeUnknown(#[source] Source),
    /// The store failed for a reason of its own (full disk, read-only file, missing permission); nothing was written.
    #[error("the event store refused the append; nothing was written")]
    Backend(#[source] Source),
}

/// Why events could not be read. What came before it is good.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store can't be reached or is busy. Worth a retry after a pause.
    #[error("the event store is unavailable")]
    Unavailable(#[source] Source),
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
    Backend(#[source] Source),
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
    /// The store can't be reached or is busy. Worth a retry after a pause.
    #[error("the event store is unavailable")]
    Unavailable(#[source] Source),
    /// The store failed for a reason of its own.
    #[error("the event store refused the snapshot")]
    Backend(#[source] Source),
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
