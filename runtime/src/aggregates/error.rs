//! Why a command was not carried out, or a state not loaded.

use composable_rust_core::{
    AppendError, ApplyError, Conflict, EventError, ReadError, SharedError, StreamId, StreamIdError, Unavailable,
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
    /// The stream is not at the version that the caller saw
    /// ([`CommandContext::expected_version`](crate::CommandContext::expected_version)): read it again. Or other writers kept
    /// winning, as often as [`RetryPolicy::on_conflict`](crate::RetryPolicy::on_conflict) allows: send the command again
    /// later, or find out what else writes to this stream. Nothing is stored.
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
    #[error(transparent)]
    Append(AppendError),
    /// The stream could not be read.
    #[error("the stream could not be read")]
    Read(#[source] SharedError),
    /// An event of the stream is not one that the aggregate knows: teach it the stored name.
    #[error("event {version} of {stream_id} can't be decoded")]
    Decode {
        /// The stream.
        stream_id: StreamId,
        /// The event's version.
        version: Version,
        /// What is wrong with it.
        source: EventError,
    },
    /// A decided event could not be encoded; final.
    #[error("a decided event can't be encoded")]
    Encode(#[source] EventError),
    /// `decide` panicked, or `apply` did on a stored event; a bug in the aggregate. The host goes on.
    #[error("the aggregate panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The command's time limit passed before its append was begun; nothing is stored. Send it again later.
    #[error("the time limit of the command passed before its append was begun")]
    NotStarted,
    /// The id does not name a stream.
    #[error(transparent)]
    InvalidId(#[from] StreamIdError),
    /// The host has been shut down.
    #[error("the host of the aggregates has been shut down")]
    Closed,
}

/// Why the state of a stream could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store can't serve the load now. Ask again later, if
    /// [`is_worth_a_retry`](composable_rust_core::UnavailableReason::is_worth_a_retry) says so.
    #[error(transparent)]
    Unavailable(Unavailable),
    /// The stream could not be read.
    #[error("the stream could not be read")]
    Read(#[source] SharedError),
    /// An event of the stream is not one that the aggregate knows: teach it the stored name.
    #[error("event {version} of {stream_id} can't be decoded")]
    Decode {
        /// The stream.
        stream_id: StreamId,
        /// The event's version.
        version: Version,
        /// What is wrong with it.
        source: EventError,
    },
    /// The stream has not reached the version that was asked for.
    #[error("{stream_id} is at version {actual}, not yet at {asked}")]
    VersionNotReached {
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

impl<R> ExecuteError<R> {
    /// Whether the same command, sent again as it is, meets the same error: give it up, or change the command or the program.
    /// After an error that is not final, the command may succeed later.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Rejected(_)
                | Self::Append(_)
                | Self::Decode { .. }
                | Self::Encode(_)
                | Self::Panicked { .. }
                | Self::InvalidId(_)
        )
    }
}

impl<R> From<LoadError> for ExecuteError<R> {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Unavailable(source) => Self::Unavailable(source),
            LoadError::Read(source) => Self::Read(source),
            LoadError::Decode {
                stream_id,
                version,
                source,
            } => Self::Decode {
                stream_id,
                version,
                source,
            },
            LoadError::Panicked { message } => Self::Panicked { message },
            LoadError::InvalidId(error) => Self::InvalidId(error),
            beyond @ LoadError::VersionNotReached { .. } => Self::Read(std::sync::Arc::new(beyond)),
        }
    }
}

impl<R> From<AppendError> for ExecuteError<R> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict(conflict) => Self::Conflict(conflict),
            AppendError::Unavailable(source) => Self::Unavailable(source),
            AppendError::OutcomeUnknown(source) => Self::OutcomeUnknown(source),
            refused => Self::Append(refused),
        }
    }
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(source) => Self::Unavailable(source),
            ReadError::Backend(source) => Self::Read(source),
            other => Self::Read(std::sync::Arc::new(other)),
        }
    }
}

impl From<ApplyError> for LoadError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Decode {
                stream_id,
                version,
                source,
            } => Self::Decode {
                stream_id,
                version,
                source,
            },
            other => Self::Read(std::sync::Arc::new(other)),
        }
    }
}
