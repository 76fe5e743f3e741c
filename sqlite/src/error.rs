//! Why a store could not be opened.

use std::path::PathBuf;

use composable_rust_core::SharedError;

/// Why a store could not be opened; nothing was changed that matters.
///
/// ```
/// use composable_rust_sqlite::{OpenError, SqliteEventStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let refused = SqliteEventStore::open("/nowhere/at/all/orders.db").await;
/// assert!(matches!(refused, Err(OpenError::MissingDirectory { .. })));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address is not one of a SQLite store. Write `sqlite://path` or `sqlite::memory:`.
    #[error("{url:?} is no address of a sqlite store: expected sqlite://path or sqlite::memory:")]
    InvalidUrl {
        /// What was given.
        url: String,
    },
    /// The path can't name a database: it is empty or not Unicode. Choose another one.
    #[error("{} can not be the name of a database file", path.display())]
    InvalidPath {
        /// What was given.
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
    /// The file, or one that SQLite keeps beside it, could not be opened, for another reason than that it may not be
    /// written: no file handles are left, a directory lies where its write-ahead log should, a link leads nowhere, or the
    /// directory may not be entered. The source says what the system or SQLite said.
    #[error("{} could not be opened", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What the system or the driver said.
        source: SharedError,
    },
    /// The file is something else than a database, or is encrypted. Choose another path; it was left as it was.
    #[error("{} is not a sqlite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What the driver said.
        source: SharedError,
    },
    /// The file, or its directory, may not be written. Change the permissions; a store writes even to read, because
    /// its write-ahead log lies beside the file.
    #[error("{} may not be written", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer release. Use that release; older ones would misread it.
    #[error("the store has schema {found}, newer than the newest known here, {known}")]
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
    /// Another process kept the file locked for longer than the busy timeout. Worth a retry.
    #[error("the database is locked by another process")]
    Busy(#[source] SharedError),
    /// SQLite failed for a reason of its own; the source says which.
    #[error("the store could not be opened")]
    Backend(#[source] SharedError),
}
