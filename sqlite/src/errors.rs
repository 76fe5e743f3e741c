//! What a failed call means to its caller: decided by SQLite's result codes, never by an error's text.

use std::{path::Path, sync::Arc};

use composable_rust_core::{AppendError, ReadError, SharedError, SnapshotError, Unavailable, UnavailableReason};

use crate::{DamagedFile, FileMismatch, ReadOnlyStore, deadline::Elapsed};

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
mod code {
    pub(super) const ERROR: i32 = 1;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const PROTOCOL: i32 = 15;
    pub(super) const TOOBIG: i32 = 18;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const MISMATCH: i32 = 20;
    pub(super) const RANGE: i32 = 25;
    pub(super) const NOTADB: i32 = 26;
    // Extended ones that mean something else than their primary code.
    pub(super) const CANTOPEN_ISDIR: i32 = 526;
    pub(super) const READONLY_DBMOVED: i32 = 1032;
    /// As text, which is what the driver has.
    pub(super) const CONSTRAINT_COMMITHOOK: &str = "531";
}

/// The classes of errors that the store treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    /// Another connection holds the lock.
    Busy,
    /// The connection's thread is gone or can't be started.
    ConnectionLost,
    /// The file, or this connection, may not be written.
    ReadOnly,
    /// The disk, or the allowed size, is used up.
    Full,
    /// A trigger or a unique index refused.
    Constraint,
    /// The file, or one that belongs to it, can't be opened: permissions are only one reason of many.
    CannotOpen,
    /// The file is a directory.
    Directory,
    /// Another file lies, or none, where the file was that is open.
    Moved,
    /// The file is no database.
    NotADatabase,
    /// The file is damaged, or the disk failed.
    Damaged,
    /// SQLite refused the statement itself.
    Statement,
    /// Anything else.
    Other,
}

impl ErrorClass {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => error
                .code()
                .and_then(|code| code.parse().ok())
                .map_or(Self::Other, Self::of_code),
            sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => Self::ConnectionLost,
            _ => Self::Other,
        }
    }

    fn of_code(extended: i32) -> Self {
        match extended {
            code::CANTOPEN_ISDIR => Self::Directory,
            code::READONLY_DBMOVED => Self::Moved,
            _ => Self::of_primary_code(extended),
        }
    }

    /// The low byte of an extended code is its primary code.
    fn of_primary_code(extended: i32) -> Self {
        match extended & 0xff {
            code::BUSY | code::LOCKED | code::PROTOCOL => Self::Busy,
            code::READONLY => Self::ReadOnly,
            code::FULL => Self::Full,
            code::CONSTRAINT => Self::Constraint,
            code::CANTOPEN => Self::CannotOpen,
            code::NOTADB => Self::NotADatabase,
            code::IOERR | code::CORRUPT => Self::Damaged,
            code::ERROR | code::TOOBIG | code::MISMATCH | code::RANGE => Self::Statement,
            _ => Self::Other,
        }
    }
}

/// Why a call did not get its answer from the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatementError {
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
    #[error(transparent)]
    Stopped(#[from] StoreStopped),
    #[error(transparent)]
    Files(#[from] FileMismatch),
    #[error(transparent)]
    ReadOnly(#[from] ReadOnlyStore),
}

impl From<Elapsed> for StatementError {
    fn from(_: Elapsed) -> Self {
        Self::Stopped(StoreStopped::TimedOut)
    }
}

impl StatementError {
    /// Whether the database can't serve the call now; otherwise the source of a `Backend` error.
    fn classify(self, path: &Path) -> Result<Unavailable, SharedError> {
        match self {
            Self::Driver(error) => driver(error, path),
            Self::Stopped(StoreStopped::Panicked) => Err(Arc::new(StoreStopped::Panicked)),
            Self::Stopped(stopped) => Ok(stopped.unavailable()),
            Self::Files(mismatch) => Err(Arc::new(mismatch)),
            Self::ReadOnly(error) => Err(Arc::new(error)),
        }
    }
}

fn driver(error: sqlx::Error, path: &Path) -> Result<Unavailable, SharedError> {
    match ErrorClass::of(&error) {
        ErrorClass::Busy => Ok(Unavailable::new(UnavailableReason::Busy, Arc::new(error))),
        ErrorClass::ConnectionLost => Ok(Unavailable::new(UnavailableReason::Unreachable, Arc::new(error))),
        _ => Err(named(error, path)),
    }
}

/// The store's commit hook has refused the commit.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the database did not insert every event: a trigger that is not the store's dropped some")]
struct DroppedEvents;

/// SQLite says that a file is damaged, but not which: there may be several, of several stores.
fn named(error: sqlx::Error, path: &Path) -> SharedError {
    if matches!(&error, sqlx::Error::Database(error) if error.code().as_deref() == Some(code::CONSTRAINT_COMMITHOOK)) {
        return Arc::new(DroppedEvents);
    }
    match ErrorClass::of(&error) {
        ErrorClass::Damaged | ErrorClass::NotADatabase => Arc::new(DamagedFile::new(path, Arc::new(error))),
        _ => Arc::new(error),
    }
}

/// An append that failed before its COMMIT was tried: certainly not written.
pub(crate) fn before_commit(error: impl Into<StatementError>, path: &Path) -> AppendError {
    match error.into().classify(path) {
        Ok(unavailable) => unavailable.into(),
        Err(source) => AppendError::Backend(source),
    }
}

/// An append whose COMMIT failed. If the lock or the space is missing, SQLite says so before it writes. What a disk
/// keeps of a write that it reported as failed is unknown.
pub(crate) fn at_commit(error: sqlx::Error, path: &Path) -> AppendError {
    match ErrorClass::of(&error) {
        ErrorClass::Busy
        | ErrorClass::ReadOnly
        | ErrorClass::Moved
        | ErrorClass::Full
        | ErrorClass::Constraint
        | ErrorClass::Statement => before_commit(error, path),
        _ => AppendError::OutcomeUnknown(named(error, path)),
    }
}

pub(crate) fn of_read(error: impl Into<StatementError>, path: &Path) -> ReadError {
    match error.into().classify(path) {
        Ok(unavailable) => unavailable.into(),
        Err(source) => ReadError::Backend(source),
    }
}

pub(crate) fn of_snapshot(error: impl Into<StatementError>, path: &Path) -> SnapshotError {
    match error.into().classify(path) {
        Ok(unavailable) => unavailable.into(),
        Err(source) => SnapshotError::Backend(source),
    }
}

/// Why the store itself, rather than its driver, can't serve a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreStopped {
    #[error("the store is closed")]
    Closed,
    #[error("the tokio runtime that the store works on has ended")]
    RuntimeEnded,
    #[error("the queue of the store is full")]
    Overloaded,
    #[error("the time limit of the call passed")]
    TimedOut,
    #[error("the store's code panicked: this is a bug")]
    Panicked,
}

impl StoreStopped {
    pub(crate) fn source(self) -> SharedError {
        Arc::new(self)
    }

    pub(crate) fn unavailable(self) -> Unavailable {
        let reason = match self {
            Self::Closed | Self::RuntimeEnded => UnavailableReason::Closed,
            Self::Overloaded => UnavailableReason::Overloaded,
            Self::TimedOut => UnavailableReason::TimedOut,
            Self::Panicked => UnavailableReason::Unreachable,
        };
        Unavailable::new(reason, self.source())
    }

    /// The answer to an append of which nothing was sent to the database.
    pub(crate) fn not_written(self) -> AppendError {
        match self {
            Self::Panicked => AppendError::Backend(self.source()),
            _ => self.unavailable().into(),
        }
    }
}

/// A row that is not an event, though the schema allows it: another program than a store has written it.
#[derive(Debug, thiserror::Error)]
#[error("the row at position {position} is not a valid event")]
pub(crate) struct InvalidRow {
    pub(crate) position: i64,
    pub(crate) source: SharedError,
}

impl From<InvalidRow> for sqlx::Error {
    fn from(row: InvalidRow) -> Self {
        Self::Decode(Box::new(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_codes_mean_what_their_primary_code_means_with_two_exceptions() {
        let table = [
            (5, ErrorClass::Busy),
            (261, ErrorClass::Busy),
            (517, ErrorClass::Busy),
            (8, ErrorClass::ReadOnly),
            (264, ErrorClass::ReadOnly),
            (1032, ErrorClass::Moved),
            (1544, ErrorClass::ReadOnly),
            (14, ErrorClass::CannotOpen),
            (526, ErrorClass::Directory),
            (782, ErrorClass::CannotOpen),
            (1550, ErrorClass::CannotOpen),
            (13, ErrorClass::Full),
            (1811, ErrorClass::Constraint),
            (2067, ErrorClass::Constraint),
            (26, ErrorClass::NotADatabase),
            (1, ErrorClass::Statement),
            (18, ErrorClass::Statement),
            (20, ErrorClass::Statement),
            (10, ErrorClass::Damaged),
            (11, ErrorClass::Damaged),
            (1034, ErrorClass::Damaged),
            (21, ErrorClass::Other),
        ];
        for (code, kind) in table {
            assert_eq!(ErrorClass::of_code(code), kind, "{code}");
        }
    }

    #[test]
    fn a_connection_that_is_lost_leaves_only_a_commit_in_doubt() {
        assert!(matches!(
            before_commit(sqlx::Error::WorkerCrashed, Path::new("orders.db")),
            AppendError::Unavailable(_)
        ));
        assert!(matches!(
            at_commit(sqlx::Error::WorkerCrashed, Path::new("orders.db")),
            AppendError::OutcomeUnknown(_)
        ));
    }
}
