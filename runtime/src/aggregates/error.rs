//! Why a command was not carried out, or a state not loaded.

use composable_rust_core::{
    AppendError, Conflict, EventError, ObserveError, ReadError, SharedError, StreamId, StreamIdError, Unavailable,
    Version,
};

/// Why a command was not (or is not known to be) carried out. But for [`ExecuteError::OutcomeUnknown`], nothing was stored
/// by this call. A command with an id that was sent before may be stored by that sending: sent again until it is answered,
/// it is carried out once.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError<R> {
    /// The aggregate refused; final.
    #[error(transparent)]
    Rejected(R),
    /// The stream is not at the version that the caller saw ([`CommandContext::expected`](crate::CommandContext)): look at
    /// it again. Or other writers kept winning, as often as [`Retries::conflicts`](crate::Retries::conflicts) allows: send
    /// the command again later, or find out who else writes to this stream. Nothing is stored.
    #[error(transparent)]
    Conflict(Conflict),
    /// The store can't serve the command now; nothing is stored. Send the command again later, if
    /// [`is_worth_a_retry`](composable_rust_core::UnavailableReason::is_worth_a_retry) says so.
    #[error(transparent)]
    Unavailable(Unavailable),
    /// The events may be stored or not: look at the stream before sending the command again. A command with an id is sent
    /// again as it is.
    #[error("the outcome of the command is unknown: its events may be stored or not")]
    OutcomeUnknown(#[source] SharedError),
    /// The store refused the events (too large, invalid, or for a reason of its own); final.
    #[error("the event store refused the events")]
    Refused(#[source] AppendError),
    /// The stream could not be read.
    #[error("the stream could not be read")]
    Unreadable(#[source] SharedError),
    /// An event of the stream is not one that the aggregate knows: teach it the stored name.
    #[error("event {version} of {stream_id} can't be decoded")]
    Undecodable {
        /// The stream.
        stream_id: StreamId,
        /// The event's version.
        version: Version,
        /// What is wrong with it.
        source: EventError,
    },
    /// A decided event could not be encoded; final.
    #[error("a decided event can't be encoded")]
    Unencodable(#[source] EventError),
    /// `decide` panicked, or `apply` did on a stored event; a bug in the aggregate. The host goes on.
    #[error("the aggregate panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The caller's deadline passed before the command was begun; nothing is stored. Send it again, or let it be.
    #[error("the deadline passed before the command was begun")]
    Expired,
    /// The id does not name a stream.
    #[error(transparent)]
    InvalidId(#[from] StreamIdError),
    /// The host has been shut down.
    #[error("the host of the aggregates has been shut down")]
    Closed,
}

/// Why the state of a stream could not be had.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store can't serve the load now. Ask again later, if
    /// [`is_worth_a_retry`](composable_rust_core::UnavailableReason::is_worth_a_retry) says so.
    #[error(transparent)]
    Unavailable(Unavailable),
    /// The stream could not be read.
    #[error("the stream could not be read")]
    Unreadable(#[source] SharedError),
    /// An event of the stream is not one that the aggregate knows: teach it the stored name.
    #[error("event {version} of {stream_id} can't be decoded")]
    Undecodable {
        /// The stream.
        stream_id: StreamId,
        /// The event's version.
        version: Version,
        /// What is wrong with it.
        source: EventError,
    },
    /// The stream has not come to the version that was asked for.
    #[error("{stream_id} is at version {actual}, not yet at {asked}")]
    BeyondStream {
        /// The stream.
        stream_id: StreamId,
        /// The version that was asked for.
        asked: Version,
        /// The version that it is at.
        actual: Version,
    },
    /// `apply` panicked on a stored event; a bug in the aggregate.
    #[error("the aggregate panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The id does not name a stream.
    #[error(transparent)]
    InvalidId(#[from] StreamIdError),
}

impl<R> From<LoadError> for ExecuteError<R> {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Unavailable(source) => Self::Unavailable(source),
            LoadError::Unreadable(source) => Self::Unreadable(source),
            LoadError::Undecodable {
                stream_id,
                version,
                source,
            } => Self::Undecodable {
                stream_id,
                version,
                source,
            },
            LoadError::Panicked { message } => Self::Panicked { message },
            LoadError::InvalidId(error) => Self::InvalidId(error),
            beyond @ LoadError::BeyondStream { .. } => Self::Unreadable(std::sync::Arc::new(beyond)),
        }
    }
}

impl<R> From<AppendError> for ExecuteError<R> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict(conflict) => Self::Conflict(conflict),
            AppendError::Unavailable(source) => Self::Unavailable(source),
            AppendError::OutcomeUnknown(source) => Self::OutcomeUnknown(source),
            refused => Self::Refused(refused),
        }
    }
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(source) => Self::Unavailable(source),
            ReadError::Backend(source) => Self::Unreadable(source),
            other => Self::Unreadable(std::sync::Arc::new(other)),
        }
    }
}

impl From<ObserveError> for LoadError {
    fn from(error: ObserveError) -> Self {
        match error {
            ObserveError::Undecodable {
                stream_id,
                version,
                source,
            } => Self::Undecodable {
                stream_id,
                version,
                source,
            },
            other => Self::Unreadable(std::sync::Arc::new(other)),
        }
    }
}
