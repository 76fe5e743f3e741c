//! The public errors: why a store could not be opened, and what the source of another error may be.

use std::{
    io,
    path::{Path, PathBuf},
};

use composable_rust_core::SharedError;

/// Why a store could not be opened. No event was changed.
///
/// ```
/// use composable_rust_sqlite::{SqliteEventStore, SqliteOpenError};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let refused = SqliteEventStore::open("/nowhere/at/all/orders.db").await;
/// assert!(matches!(refused, Err(SqliteOpenError::MissingDirectory { .. })));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteOpenError {
    /// The store was opened outside of a tokio runtime and without [`SqliteOptions::handle`](crate::SqliteOptions::handle),
    /// or that runtime has ended. Open it inside of a runtime, or name one.
    #[error("a sqlite store works on a tokio runtime: open it inside of one, or name one in its options")]
    NoRuntime,
    /// The URL does not name a SQLite store. Write `sqlite://path`, with `?mode=rwc`, `?mode=rw` or `?mode=ro` behind it
    /// or nothing, or `sqlite::memory:`.
    #[error("invalid SQLite URL {url:?}: expected sqlite://path, sqlite://path?mode=ro or sqlite::memory:")]
    InvalidUrl {
        /// What was given.
        url: String,
    },
    /// The path can't name a database: it is empty or not Unicode. Choose another one.
    #[error("{} can't be the name of a database file", path.display())]
    InvalidPath {
        /// What was given.
        path: PathBuf,
    },
    /// The file does not exist, and the store was to be opened read-only or without creating it. Check the path.
    #[error("there is no file {}", path.display())]
    MissingFile {
        /// The file that is missing.
        path: PathBuf,
    },
    /// The directory of the file does not exist. Create it: a misspelt path should not grow a tree of directories.
    #[error("there is no directory {}", path.display())]
    MissingDirectory {
        /// The directory that is missing.
        path: PathBuf,
    },
    /// The path leads to something that is not a file, such as a directory. Name a file in it.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file, or one that SQLite keeps beside it, could not be opened, for another reason than that it can't be
    /// written: no file handles are left, a directory lies where its write-ahead log should, a link leads nowhere, or the
    /// directory can't be entered. The source has the error of the system or of SQLite.
    #[error("{} could not be opened", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What the system or the driver reported.
        source: SharedError,
    },
    /// The file is something else than a database, or is encrypted. Choose another path; the file was not changed.
    #[error("{} is not a SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What the driver reported.
        source: SharedError,
    },
    /// A store opened read-only found a database without the tables of an event store. Check the path.
    #[error("{} holds no event store", path.display())]
    NotAnEventStore {
        /// The file.
        path: PathBuf,
    },
    /// The path can't be written: the file, or the directory in which SQLite creates the write-ahead log. Change its
    /// permissions, or open the store with [`SqliteOptions::read_only`](crate::SqliteOptions::read_only).
    #[error("{} can't be written", path.display())]
    ReadOnly {
        /// The file or the directory.
        path: PathBuf,
    },
    /// The file is damaged, or the disk can't read it. Restore it from a backup.
    #[error(transparent)]
    Damaged(#[from] DamagedFile),
    /// The file was replaced or deleted while it was opened. Open it again.
    #[error(transparent)]
    Changed(#[from] FileMismatch),
    /// The file was written by a newer release. Use that release; older ones would misread it.
    #[error("the store has schema {found}; this release knows schemas up to {known}")]
    NewerSchema {
        /// The schema of the file.
        found: i64,
        /// The newest that this release knows.
        known: i64,
    },
    /// The database of an application has a table of its own by a name that the store needs. Keep events in a file of
    /// their own.
    #[error("the database has a table {table} that is not an event store's")]
    TableTaken {
        /// The table.
        table: String,
    },
    /// Another process kept the file locked for longer than half of the statement timeout. Worth a retry.
    #[error("the database is locked by another process")]
    Busy(#[source] SharedError),
    /// The disk did not answer within the acquire timeout and the statement timeout. Worth a retry.
    #[error("{} could not be opened in time", path.display())]
    TimedOut {
        /// The file.
        path: PathBuf,
    },
    /// SQLite failed for another reason, which the source has.
    #[error("the store could not be opened")]
    Backend(#[source] SharedError),
}

/// A file of the store is no longer the one at its path; the source of a `Backend` or `OutcomeUnknown` error. The store
/// refuses everything until it is opened again.
///
/// ```
/// use composable_rust_core::AppendError;
/// use composable_rust_sqlite::FileMismatch;
///
/// /// The file to look for, if that is why an append failed.
/// fn lost_file(error: &AppendError) -> Option<&FileMismatch> {
///     match error {
///         AppendError::Backend(source) | AppendError::OutcomeUnknown(source) => source.downcast_ref(),
///         _ => None,
///     }
/// }
/// # assert!(lost_file(&AppendError::NoEvents).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", path.display())]
#[non_exhaustive]
pub struct FileMismatch {
    /// The database file, its `-wal` or its `-shm`.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: FileProblem,
}

/// What is wrong with a file that a store has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// Nothing is at the path: the file or its directory was deleted, moved or renamed.
    #[error("is missing: it was deleted or moved while the store had it open")]
    Missing,
    /// Another file is at the path, or a link.
    #[error("is another file than the one that the store has open: it was replaced")]
    Replaced,
    /// The write-ahead log is shorter than what SQLite has written to it.
    #[error("was truncated while the store had it open")]
    Truncated,
    /// The system does not say what is at the path. Unlike with the other problems, the store goes on when it does again.
    #[error("can't be checked: {0}")]
    Inaccessible(io::ErrorKind),
}

impl FileProblem {
    pub(crate) const fn is_final(self) -> bool {
        !matches!(self, Self::Inaccessible(_))
    }
}

/// The database file is damaged, or the disk can't read or write it; the source of a `Backend` error. Restore it from a
/// backup.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} is damaged or can't be accessed", path.display())]
#[non_exhaustive]
pub struct DamagedFile {
    /// The file.
    pub path: PathBuf,
    /// What the driver reported.
    pub source: SharedError,
}

impl DamagedFile {
    pub(crate) fn new(path: &Path, source: SharedError) -> Self {
        let path = path.to_owned();
        Self { path, source }
    }
}

/// The store was opened read-only; the source of the `Backend` error that an append or a snapshot gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store was opened read-only")]
#[non_exhaustive]
pub struct ReadOnlyStore;
