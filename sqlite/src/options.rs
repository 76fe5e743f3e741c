//! The options of a store.

use std::{path::Path, time::Duration};

use tokio::runtime::Handle;

use crate::{SqliteEventStore, SqliteOpenError, limits::Limits, open, url::Address};

/// The options of a store; the defaults are right for most.
///
/// ```
/// use std::time::Duration;
/// use composable_rust_core::{EventLog, Position};
/// use composable_rust_sqlite::SqliteEventStore;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let directory = tempfile::tempdir()?;
/// let store = SqliteEventStore::options()
///     .readers(2)
///     .statement_timeout(Duration::from_secs(5))
///     .open(directory.path().join("orders.db"))
///     .await?;
/// assert_eq!(store.head().await?, Position::BEGINNING);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options open nothing until `open`, `connect` or `in_memory` is called"]
pub struct SqliteOptions {
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) readers: u32,
    pub(crate) limits: Limits,
    pub(crate) max_queued_appends: usize,
    pub(crate) poll_interval: Duration,
    pub(crate) page_size: u32,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) access: Access,
    pub(crate) handle: Option<Handle>,
}

/// What a store may do with its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Create it if it is missing, read and write it.
    Create,
    /// Read and write it.
    Write,
    /// Read it.
    Read,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 4,
            limits: Limits::default(),
            max_queued_appends: 16_384,
            poll_interval: Duration::from_millis(250),
            page_size: 4096,
            max_bytes: None,
            access: Access::Create,
            handle: None,
        }
    }
}

impl SqliteOptions {
    /// Works on this tokio runtime, which must have its timer enabled. By default, a store works on the runtime that it is
    /// opened on. Callers may be on any runtime with its timer enabled, or on none.
    ///
    /// When the runtime has ended, the store is `Unavailable`, with the reason `Closed`.
    pub fn handle(mut self, handle: Handle) -> Self {
        self.settings.handle = Some(handle);
        self
    }

    /// Opens the file for reading only: nothing is written, the database is not created or migrated, and appends fail with
    /// a `Backend` error whose source is [`ReadOnlyStore`](crate::ReadOnlyStore). Off by default; the URL
    /// `sqlite://path?mode=ro` turns it on.
    ///
    /// Beside a file in a directory that can be written, SQLite keeps its `-wal` and `-shm` while the store is open, to see
    /// what other processes write. A file in a directory that can't be written is read as it is at opening: no process may
    /// write it meanwhile.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.settings.access = match (read_only, self.settings.access) {
            (true, _) => Access::Read,
            (false, Access::Read) => Access::Create,
            (false, access) => access,
        };
        self
    }

    /// Whether a missing file is created. `true` by default. With `false`, opening fails with
    /// [`SqliteOpenError::MissingFile`]; the URL `sqlite://path?mode=rw` does the same.
    pub fn create_if_missing(mut self, create: bool) -> Self {
        self.settings.access = match (self.settings.access, create) {
            (Access::Read, _) => Access::Read,
            (_, true) => Access::Create,
            (_, false) => Access::Write,
        };
        self
    }

    /// The most connections that read at the same time, each a thread, opened when they are first needed. 4 by default,
    /// at least 1. A store in memory has a single connection.
    pub fn readers(mut self, connections: u32) -> Self {
        self.settings.readers = connections.clamp(1, 1024);
        self
    }

    /// How long a call waits in the queue and for a connection before it fails as `Unavailable`. 3 seconds by default.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.settings.limits.acquire = timeout;
        self
    }

    /// How long the statements of a call take at most, once it has a connection: 10 seconds by default. SQLite waits for
    /// the lock of another process for half of it, and the call then fails as `Unavailable`; processes do not queue fairly,
    /// so below 5 seconds an unlucky one may fail. An append whose commit has not ended by then is `OutcomeUnknown`.
    ///
    /// Keep the sum of both timeouts below the time that callers wait for an attempt (15 seconds in the shells).
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.settings.limits.statement = timeout;
        self
    }

    /// The most appends that wait in the queue. 16,384 by default, at least 1. Further callers wait in order for room,
    /// for `acquire_timeout` at most, and then fail as `Unavailable` with the reason `Overloaded`.
    pub fn max_queued_appends(mut self, appends: usize) -> Self {
        // The channel's own bound is far beyond.
        self.settings.max_queued_appends = appends.clamp(1, 1 << 24);
        self
    }

    /// How often a waiting reader looks for events of other processes. 250 milliseconds by default, at least 1; events of
    /// this store wake it at once.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.settings.poll_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// The size of a page of a new file: a power of two from 512 to 65,536. 4,096 by default, also for other numbers.
    pub fn page_size(mut self, bytes: u32) -> Self {
        let valid = bytes.is_power_of_two() && (512..=65_536).contains(&bytes);
        self.settings.page_size = if valid { bytes } else { 4096 };
        self
    }

    /// The maximum size of the database file, in bytes. An append that does not fit is refused as on a full disk.
    /// Not limited by default.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = Some(bytes);
        self
    }

    /// Opens the store in the file at `path`. Needs a tokio runtime, or [`SqliteOptions::handle`].
    ///
    /// # Errors
    /// [`SqliteOpenError::MissingDirectory`] or [`SqliteOpenError::NotAFile`]: correct the path.
    /// [`SqliteOpenError::ReadOnly`]: change the permissions, or open read-only. [`SqliteOpenError::Busy`]: try again. Each other
    /// variant says what to do.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteEventStore, SqliteOpenError> {
        open::file(path.as_ref(), self.settings).await
    }

    /// Opens a store in memory, which ends with the last clone of the store.
    ///
    /// # Errors
    /// [`SqliteOpenError::NoRuntime`] outside of a tokio runtime; [`SqliteOpenError::Backend`] if the system has no thread
    /// or no memory left.
    pub async fn in_memory(self) -> Result<SqliteEventStore, SqliteOpenError> {
        open::memory(self.settings).await
    }

    /// Opens the store at `sqlite://path`, or one in memory at `sqlite::memory:`. Behind the path, `?mode=ro` stands for
    /// [`SqliteOptions::read_only`], `?mode=rw` for a file that must exist, and `?mode=rwc` for one that may be created. The
    /// URL does not make a store writable that the options open read-only.
    ///
    /// # Errors
    /// [`SqliteOpenError::InvalidUrl`] for any other URL, and those of [`SqliteOptions::open`].
    pub async fn connect(mut self, url: &str) -> Result<SqliteEventStore, SqliteOpenError> {
        match Address::parse(url)? {
            Address::File { path, access } => {
                self.settings.access = match (self.settings.access, access) {
                    (Access::Read, _) | (_, None) => self.settings.access,
                    (_, Some(access)) => access,
                };
                self.open(path).await
            }
            Address::Memory => self.in_memory().await,
        }
    }
}
