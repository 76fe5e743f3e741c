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
    /// No connection could be opened, so nothing was sent.
    Unreachable,
    /// A time limit of the store passed: before a connection was free, or after a statement was sent.
    TimedOut,
    /// The store was closed, or its runtime has ended.
    Stopped,
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
    /// The connection's prepared statements were made for tables that have been replaced: nothing was done.
    StalePlan,
    /// Anything else.
    Other,
}

impl ErrorClass {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => error.code().map_or(Self::Other, |code| Self::of_code(&code)),
            sqlx::Error::PoolTimedOut => Self::TimedOut,
            sqlx::Error::PoolClosed => Self::Stopped,
            sqlx::Error::Io(error) => Self::of_io(error),
            sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Self::ConnectionLost,
            _ => Self::Other,
        }
    }

    /// The store's own failures pass through the driver's error type as errors of input and output.
    fn of_io(error: &io::Error) -> Self {
        let own = error.get_ref();
        let is = |found: bool, class| found.then_some(class);
        own.and_then(|own| {
            is(own.is::<TimeLimit>(), Self::TimedOut)
                .or_else(|| is(own.is::<StoreStopped>(), Self::Stopped))
                .or_else(|| is(own.is::<ConnectFailure>(), Self::Unreachable))
        })
        .unwrap_or(Self::ConnectionLost)
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_code(code: &str) -> Self {
        match code {
            "0A000" => Self::StalePlan,
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
        ErrorClass::Other | ErrorClass::StalePlan => AppendError::Backend(source(error)),
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
        _ if is_fatal(&error) => AppendError::OutcomeUnknown(source(error)),
        ErrorClass::Other | ErrorClass::StalePlan if is_refusal => AppendError::Backend(source(error)),
        ErrorClass::ConnectionLost | ErrorClass::TimedOut | ErrorClass::Stopped | ErrorClass::Other => {
            AppendError::OutcomeUnknown(source(error))
        }
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
    Unavailable::new(reason(&error), source(error))
}

fn reason(error: &sqlx::Error) -> UnavailableReason {
    match ErrorClass::of(error) {
        ErrorClass::Busy | ErrorClass::ReadOnly => UnavailableReason::Busy,
        ErrorClass::TimedOut => UnavailableReason::TimedOut,
        ErrorClass::Stopped => UnavailableReason::Closed,
        // The server answered, and is full.
        ErrorClass::Unreachable
            if connect_failure(error).is_some_and(|cause| ErrorClass::of(cause) == ErrorClass::Busy) =>
        {
            UnavailableReason::Busy
        }
        _ => UnavailableReason::Unreachable,
    }
}

pub(crate) fn of_read(error: sqlx::Error) -> ReadError {
    if let Some(after) = rewound(&error) {
        return ReadError::LogRewound { after };
    }
    match ErrorClass::of(&error) {
        ErrorClass::Other | ErrorClass::StalePlan => ReadError::Backend(source(error)),
        _ => unavailable(error).into(),
    }
}

pub(crate) fn of_snapshot(error: sqlx::Error) -> SnapshotError {
    match ErrorClass::of(&error) {
        ErrorClass::Other | ErrorClass::StalePlan => SnapshotError::Backend(source(error)),
        _ => unavailable(error).into(),
    }
}

/// The error that callers see. Without the wrappers that carried it through the driver's error type: each of those would
/// say "error communicating with database" once more.
pub(crate) fn source(error: sqlx::Error) -> SharedError {
    let error = match error {
        sqlx::Error::Io(error) => error,
        other => return Arc::new(other),
    };
    let Some(own) = error.get_ref() else {
        return Arc::new(sqlx::Error::Io(error));
    };
    if let Some(limit) = own.downcast_ref::<TimeLimit>() {
        return Arc::new(*limit);
    }
    if let Some(stopped) = own.downcast_ref::<StoreStopped>() {
        return Arc::new(*stopped);
    }
    if own.is::<ConnectFailure>() {
        let failure = error.into_inner().and_then(|own| own.downcast::<ConnectFailure>().ok());
        return failure.map_or_else(|| StoreStopped::RuntimeEnded.source(), |failure| source(failure.0));
    }
    Arc::new(sqlx::Error::Io(error))
}

/// A connection could not be opened, so nothing was sent; on its way through the driver's error type. Whatever the cause is,
/// it is never the answer to a statement.
#[derive(Debug, thiserror::Error)]
#[error("no connection could be opened")]
pub(crate) struct ConnectFailure(#[source] sqlx::Error);

impl From<ConnectFailure> for sqlx::Error {
    fn from(failure: ConnectFailure) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::NotConnected, failure))
    }
}

impl ConnectFailure {
    /// The server did not accept the connection within the acquire timeout.
    pub(crate) fn timed_out() -> sqlx::Error {
        Self(TimeLimit::Connect.into()).into()
    }

    /// Marks a failure to connect. One for which a retry is of no use stays what it is: a wrong password, a bad name.
    pub(crate) fn mark(error: sqlx::Error) -> sqlx::Error {
        match ErrorClass::of(&error) {
            ErrorClass::Other | ErrorClass::TimedOut | ErrorClass::Stopped => error,
            _ => Self(error).into(),
        }
    }
}

/// Why a connection could not be opened, if that is what this error says.
pub(crate) fn connect_failure(error: &sqlx::Error) -> Option<&sqlx::Error> {
    let sqlx::Error::Io(error) = error else { return None };
    let failure = error.get_ref()?.downcast_ref::<ConnectFailure>()?;
    Some(&failure.0)
}

/// A time limit of the store that passed; on its way through the driver's error type.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum TimeLimit {
    #[error("no connection became free within the acquire timeout")]
    Queue,
    #[error("the server did not accept a connection within the acquire timeout")]
    Connect,
    #[error("the server did not answer within the statement timeout")]
    Statement,
}

impl TimeLimit {
    /// The limit that this error says has passed, if it says so.
    pub(crate) fn of(error: &sqlx::Error) -> Option<Self> {
        let cause = connect_failure(error).unwrap_or(error);
        let sqlx::Error::Io(cause) = cause else { return None };
        cause.get_ref()?.downcast_ref().copied()
    }
}

impl From<TimeLimit> for sqlx::Error {
    fn from(limit: TimeLimit) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::TimedOut, limit))
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
        Unavailable::new(UnavailableReason::Closed, Arc::new(self))
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
