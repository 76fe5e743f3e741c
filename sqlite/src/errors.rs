//! What a failure of the driver means for the caller: decided by SQLite's result codes, never by text.

use std::{io, sync::Arc};

use composable_rust_core::{AppendError, ReadError, SharedError, SnapshotError, Unavailable, UnavailableReason};

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
mod code {
    pub(super) const ERROR: i32 = 1;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
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
}

/// The kinds of failure that callers are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Another connection holds the lock, or ours is gone: worth a retry.
    Busy,
    /// The connection's thread is gone or can't be started, or the store has stopped.
    Gone,
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
    /// SQLite refused the statement itself.
    Statement,
    /// Anything else, broken disks among it.
    Other,
}

impl Kind {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => error
                .code()
                .and_then(|code| code.parse().ok())
                .map_or(Self::Other, Self::of_code),
            sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => Self::Gone,
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
            code::ERROR | code::TOOBIG | code::MISMATCH | code::RANGE => Self::Statement,
            _ => Self::Other,
        }
    }
}

/// An append that failed before its COMMIT was tried: certainly not written.
pub(crate) fn before_commit(error: sqlx::Error) -> AppendError {
    match Kind::of(&error) {
        Kind::Busy | Kind::Gone => unavailable(error).into(),
        _ => AppendError::Backend(Arc::new(error)),
    }
}

/// An append whose COMMIT failed. SQLite says so before it has written anything where the lock or the space is
/// missing; what a disk kept of a write that it reported as failed, nobody knows.
pub(crate) fn at_commit(error: sqlx::Error) -> AppendError {
    match Kind::of(&error) {
        Kind::Busy => unavailable(error).into(),
        Kind::ReadOnly | Kind::Moved | Kind::Full | Kind::Constraint | Kind::Statement => {
            AppendError::Backend(Arc::new(error))
        }
        _ => AppendError::OutcomeUnknown(Arc::new(error)),
    }
}

fn unavailable(error: sqlx::Error) -> Unavailable {
    let reason = match Kind::of(&error) {
        Kind::Busy => UnavailableReason::Busy,
        _ => UnavailableReason::Unreachable,
    };
    Unavailable::new(reason, Arc::new(error))
}

pub(crate) fn of_read(error: sqlx::Error) -> ReadError {
    match Kind::of(&error) {
        Kind::Busy | Kind::Gone => unavailable(error).into(),
        _ => ReadError::Backend(Arc::new(error)),
    }
}

pub(crate) fn of_snapshot(error: sqlx::Error) -> SnapshotError {
    match Kind::of(&error) {
        Kind::Busy | Kind::Gone => unavailable(error).into(),
        _ => SnapshotError::Backend(Arc::new(error)),
    }
}

/// Why the store itself, rather than its driver, can't serve a call.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Stopped {
    #[error("the store is closed")]
    Closed,
    #[error("the store was called outside of a tokio runtime")]
    NoRuntime,
    #[error("the runtime that did the work has ended")]
    RuntimeEnded,
}

impl Stopped {
    pub(crate) fn source(self) -> SharedError {
        Arc::new(self)
    }

    pub(crate) fn unavailable(self) -> Unavailable {
        let reason = match self {
            Self::NoRuntime => UnavailableReason::NoRuntime,
            Self::Closed | Self::RuntimeEnded => UnavailableReason::Closed,
        };
        Unavailable::new(reason, Arc::new(self))
    }
}

impl From<Stopped> for sqlx::Error {
    fn from(stopped: Stopped) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::NotConnected, stopped))
    }
}

/// A row that is not an event, though the schema allows it: only a foreign hand can have written it.
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
            (5, Kind::Busy),
            (261, Kind::Busy),
            (517, Kind::Busy),
            (8, Kind::ReadOnly),
            (264, Kind::ReadOnly),
            (1032, Kind::Moved),
            (1544, Kind::ReadOnly),
            (14, Kind::CannotOpen),
            (526, Kind::Directory),
            (782, Kind::CannotOpen),
            (1550, Kind::CannotOpen),
            (13, Kind::Full),
            (1811, Kind::Constraint),
            (2067, Kind::Constraint),
            (26, Kind::NotADatabase),
            (1, Kind::Statement),
            (18, Kind::Statement),
            (20, Kind::Statement),
            (10, Kind::Other),
            (1034, Kind::Other),
        ];
        for (code, kind) in table {
            assert_eq!(Kind::of_code(code), kind, "{code}");
        }
    }

    #[test]
    fn a_connection_that_is_lost_leaves_only_a_commit_in_doubt() {
        assert!(matches!(
            before_commit(sqlx::Error::WorkerCrashed),
            AppendError::Unavailable(_)
        ));
        assert!(matches!(
            at_commit(sqlx::Error::WorkerCrashed),
            AppendError::OutcomeUnknown(_)
        ));
    }
}
