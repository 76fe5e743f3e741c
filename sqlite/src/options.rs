//! How a store is opened.

use std::{path::Path, time::Duration};

use crate::{OpenError, SqliteEventStore, open, url::Address};

/// How a store is opened; the defaults are right for most.
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
///     .busy_timeout(Duration::from_secs(10))
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
    pub(crate) busy_timeout: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) page_size: u32,
    pub(crate) max_bytes: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 4,
            busy_timeout: Duration::from_secs(10),
            poll_interval: Duration::from_millis(250),
            page_size: 4096,
            max_bytes: None,
        }
    }
}

/// SQLite counts the timeout in milliseconds, as an `i32`.
const LONGEST_TIMEOUT: Duration = Duration::from_millis(i32::MAX.unsigned_abs() as u64);

impl SqliteOptions {
    /// The most connections that read at the same time, each a thread, opened when they are first needed. 4 by default,
    /// at least 1. A store in memory has a single connection.
    pub fn readers(mut self, connections: u32) -> Self {
        self.settings.readers = connections.clamp(1, 1024);
        self
    }

    /// How long to wait for another process that is writing before an append is `Unavailable`. 10 seconds by default:
    /// processes do not queue fairly, and below 5 seconds a waiting one may be unlucky.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.settings.busy_timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// How often a waiting reader looks for events of other processes. 250 milliseconds by default; events of this
    /// store wake it at once.
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

    /// The largest that the database file may become, in bytes; what does not fit is refused like on a full disk.
    /// Not limited by default.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = Some(bytes);
        self
    }

    /// Opens the store in the file at `path`, which is created if it is missing.
    ///
    /// # Errors
    /// See [`OpenError`]; each variant says what to do next.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteEventStore, OpenError> {
        open::file(path.as_ref(), self.settings).await
    }

    /// Opens a store in memory, which ends with the last clone of the store.
    ///
    /// # Errors
    /// [`OpenError::Backend`] when the system has no thread or no memory left.
    pub async fn in_memory(self) -> Result<SqliteEventStore, OpenError> {
        open::memory(self.settings).await
    }

    /// Opens the store at `sqlite://path`, or one in memory at `sqlite::memory:`.
    ///
    /// # Errors
    /// [`OpenError::InvalidUrl`] for anything else, and as [`SqliteOptions::open`].
    pub async fn connect(self, url: &str) -> Result<SqliteEventStore, OpenError> {
        match Address::parse(url)? {
            Address::File(path) => self.open(path).await,
            Address::Memory => self.in_memory().await,
        }
    }
}
