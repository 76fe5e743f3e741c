//! What a failure of the driver means for the caller: decided by SQLSTATE and by the kind of failure, never by text, which
//! a localised server writes in its own language.

use std::{io, sync::Arc};

use composable_rust_core::{
    AppendError, Position, ReadError, SharedError, SnapshotError, Unavailable, UnavailableReason,
};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// The kinds of failure that callers are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    /// No connection could be had: nothing was sent.
    Unreachable,
    /// The connection was lost, or the server ended it: what was under way may have happened or not.
    ConnectionLost,
    /// The server had ended the session for its idleness before it looked at the statement: nothing was done.
    IdleTimeout,
    /// The server refuses for now: it is starting, stopping, full or out of connections, or a statement took too long.
    Busy,
    /// The server can't be written: a standby, or a primary that was demoted.
    ReadOnly,
    /// A deadlock, or a transaction that could not be serialized: the same again will do.
    Serialization,
    /// A unique index refused: somebody was first.
    UniqueViolation,
    /// Anything else.
    Other,
}

impl ErrorClass {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => error.code().map_or(Self::Other, |code| Self::of_code(&code)),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Unreachable,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                Self::ConnectionLost
            }
            _ => Self::Other,
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_code(code: &str) -> Self {
        match code {
            "23505" => Self::UniqueViolation,
            "25006" => Self::ReadOnly,
            "40001" | "40P01" => Self::Serialization,
            "57P01" | "57P02" | "57P03" => Self::ConnectionLost,
            // 57P05 idle_session_timeout, 25P03 idle_in_transaction_session_timeout.
            "57P05" | "25P03" => Self::IdleTimeout,
            // 57014 query_canceled (also statement_timeout), 55P03 lock_not_available.
            "57014" | "55P03" => Self::Busy,
            _ if code.starts_with("08") => Self::ConnectionLost,
            _ if code.starts_with("53") => Self::Busy,
            _ => Self::Other,
        }
    }
}

/// An append of which nothing was sent: certainly not written.
pub(crate) fn before_sending(error: sqlx::Error) -> AppendError {
    match ErrorClass::of(&error) {
        ErrorClass::Other => AppendError::Backend(Arc::new(error)),
        _ => unavailable(error).into(),
    }
}

/// An append whose statement was sent, and which commits itself. Only the server's own word that it refused says that
/// nothing was written: an answer that can't be read is none, and a server that gives up may do so after the commit.
pub(crate) fn of_append(error: sqlx::Error) -> AppendError {
    let is_refusal = matches!(error, sqlx::Error::Database(_) | sqlx::Error::Encode(_));
    match ErrorClass::of(&error) {
        ErrorClass::IdleTimeout => unavailable(error).into(),
        // Whatever the code: a full disk under the write-ahead log ends the server with the code of a full disk, and by
        // then the commit may be on it.
        _ if is_fatal(&error) => AppendError::OutcomeUnknown(Arc::new(error)),
        ErrorClass::Other if is_refusal => AppendError::Backend(Arc::new(error)),
        ErrorClass::ConnectionLost | ErrorClass::Other => AppendError::OutcomeUnknown(Arc::new(error)),
        _ => unavailable(error).into(),
    }
}

/// Whether the server has ended the connection with this error.
pub(crate) fn is_fatal(error: &sqlx::Error) -> bool {
    let error = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    error.is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

fn unavailable(error: sqlx::Error) -> Unavailable {
    let reason = match ErrorClass::of(&error) {
        ErrorClass::Busy => UnavailableReason::Busy,
        _ => UnavailableReason::Unreachable,
    };
    Unavailable::new(reason, Arc::new(error))
}

pub(crate) fn of_read(error: sqlx::Error) -> ReadError {
    if let Some(after) = rewound(&error) {
        return ReadError::LogRewound { after };
    }
    match ErrorClass::of(&error) {
        ErrorClass::Other => ReadError::Backend(Arc::new(error)),
        _ => unavailable(error).into(),
    }
}

pub(crate) fn of_snapshot(error: sqlx::Error) -> SnapshotError {
    match ErrorClass::of(&error) {
        ErrorClass::Other => SnapshotError::Backend(Arc::new(error)),
        _ => unavailable(error).into(),
    }
}

/// The log has lost the event that a reader wants to go on from; on its way through the driver's error type.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the log no longer holds the event at {after}")]
pub(crate) struct Rewound {
    pub(crate) after: Position,
}

impl From<Rewound> for sqlx::Error {
    fn from(rewound: Rewound) -> Self {
        Self::Decode(Box::new(rewound))
    }
}

fn rewound(error: &sqlx::Error) -> Option<Position> {
    match error {
        sqlx::Error::Decode(source) => source.downcast_ref::<Rewound>().map(|rewound| rewound.after),
        _ => None,
    }
}

/// Why the store itself, rather than its driver, can't serve a call.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum StoreStopped {
    #[error("the store is closed")]
    Closed,
    #[error("the store was called outside of a tokio runtime")]
    NoRuntime,
    #[error("the runtime that did the work has ended")]
    RuntimeEnded,
    #[error("the store panicked while it wrote")]
    Panicked,
}

impl StoreStopped {
    pub(crate) fn source(self) -> SharedError {
        Arc::new(self)
    }

    /// For an append of which nothing was sent.
    pub(crate) fn into_append_error(self) -> AppendError {
        match self {
            Self::Panicked => AppendError::Backend(self.source()),
            _ => self.unavailable().into(),
        }
    }

    pub(crate) fn unavailable(self) -> Unavailable {
        let reason = match self {
            Self::NoRuntime => UnavailableReason::NoRuntime,
            Self::Closed | Self::RuntimeEnded | Self::Panicked => UnavailableReason::Closed,
        };
        Unavailable::new(reason, Arc::new(self))
    }
}

impl From<StoreStopped> for sqlx::Error {
    fn from(stopped: StoreStopped) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::NotConnected, stopped))
    }
}

/// A row that holds no valid event; on its way through the driver's error type.
#[derive(Debug, thiserror::Error)]
#[error("the row at {position} is no valid event")]
pub(crate) struct InvalidRow {
    pub(crate) position: Position,
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

impl From<InvalidRow> for sqlx::Error {
    fn from(invalid: InvalidRow) -> Self {
        Self::Decode(Box::new(invalid))
    }
}
