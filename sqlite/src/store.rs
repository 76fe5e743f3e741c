//! The store: the contract, and which part keeps it.

use std::{path::Path, sync::Arc};

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Version,
};
use futures::{future::BoxFuture, stream::BoxStream};
use tokio::sync::watch;

use crate::{
    BackupError, ReadOnlyStore, SqliteOpenError, SqliteOptions, SqliteStats, backup,
    deadline::Deadline,
    errors::{self, StatementError},
    files::Files,
    group_commit::{self, GroupCommit},
    log,
    log_end::{self, LogEnd},
    options::Settings,
    pending_snapshot::PendingSnapshot,
    pool::Pool,
    read,
    readers::Readers,
    runtime::StoreRuntime,
    snapshot,
    speculative::SpeculativeWriter,
    stats::Counters,
    writer::Writer,
};

/// An event store in a SQLite file, or in memory. Clones share it.
///
/// It works on the tokio runtime that it was opened on, or on that of its options; callers may be on any, or on none. Every
/// call ends within the sum of [`SqliteOptions::acquire_timeout`] and [`SqliteOptions::statement_timeout`], 13 seconds by
/// default, except [`wait_for_events`](EventLog::wait_for_events) and [`SqliteEventStore::backup`], which have no limit. A
/// stream of events has the limits for each of its pages.
///
/// ```
/// use composable_rust_core::{Encoding, EventId, EventStore, ExpectedVersion, SerializedEvent, StreamId, Version};
/// use composable_rust_sqlite::SqliteEventStore;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store = SqliteEventStore::connect("sqlite::memory:").await?;
/// let door = StreamId::new("door", 1)?;
/// let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// let opened = SerializedEvent::new(id, "DoorOpened.v1", Encoding::BINCODE, vec![]);
///
/// let appended = store.append_events(door.clone(), ExpectedVersion::NoStream, vec![opened]).await?;
/// assert_eq!(appended.version, Version::from(1));
/// assert_eq!(store.load_events(door, None).await?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteEventStore {
    parts: Arc<Parts>,
}

/// What an open store consists of.
#[derive(Debug)]
pub(crate) struct Parts {
    /// `None` for a read-only store.
    writing: Option<Writing>,
    readers: Readers,
    runtime: StoreRuntime,
    log_end: LogEnd,
    counters: Arc<Counters>,
    has_snapshots: bool,
}

#[derive(Debug)]
struct Writing {
    commits: Arc<GroupCommit>,
    pool: Arc<Pool>,
    speculative: Arc<SpeculativeWriter>,
}

impl Parts {
    /// The parts of a store with these connections. `writer` is `None` for a read-only store; `files` for one in memory.
    pub(crate) fn new(
        writer: Option<Arc<Pool>>,
        readers: Arc<Pool>,
        files: Option<Arc<Files>>,
        settings: &Settings,
        runtime: StoreRuntime,
    ) -> Self {
        let (limits, counters) = (settings.limits, Arc::<Counters>::default());
        let writing = writer.map(|pool| {
            let speculative = Arc::new(SpeculativeWriter::new());
            let writer = Writer {
                pool: Arc::clone(&pool),
                limits,
                files: files.clone(),
                speculative: Arc::clone(&speculative),
                counters: Arc::clone(&counters),
            };
            let commits = GroupCommit::start(writer, runtime.clone(), settings.max_queued_appends);
            Writing {
                commits,
                pool,
                speculative,
            }
        });
        let readers = Readers {
            pool: readers,
            runtime: runtime.clone(),
            limits,
            files,
        };
        Self {
            writing,
            log_end: LogEnd::new(readers.clone(), settings.poll_interval, Arc::clone(&counters)),
            readers,
            runtime,
            counters,
            has_snapshots: true,
        }
    }

    /// Says whether the file has snapshots that this release can read. A read-only store does not migrate an older file,
    /// whose events are readable all the same.
    pub(crate) fn with_snapshots(self, has_snapshots: bool) -> Self {
        Self { has_snapshots, ..self }
    }

    fn writing(&self) -> Result<&Writing, StatementError> {
        self.writing.as_ref().ok_or_else(|| ReadOnlyStore.into())
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.readers.limits.sum())
    }

    async fn close(&self, deadline: Deadline) {
        if let Some(writing) = &self.writing {
            let _ = deadline.run(writing.commits.close()).await;
        }
        // The last connection of all processes to be closed moves the write-ahead log into the file and removes it.
        self.readers.pool.close(deadline).await;
        if let Some(writing) = &self.writing {
            writing.pool.close(deadline).await;
        }
    }

    /// For a store whose runtime has ended, and with it everything that was under way.
    fn close_now(&self) {
        self.readers.pool.close_now();
        if let Some(writing) = &self.writing {
            writing.pool.close_now();
        }
    }

    fn append_error(&self, error: impl Into<StatementError>) -> AppendError {
        errors::before_commit(error, self.readers.path())
    }

    fn read_error(&self, error: impl Into<StatementError>) -> ReadError {
        errors::of_read(error, self.readers.path())
    }

    fn snapshot_error(&self, error: impl Into<StatementError>) -> SnapshotError {
        errors::of_snapshot(error, self.readers.path())
    }
}

impl SqliteEventStore {
    /// Opens the store in the file at `path`, which is created if it is missing; its directory is not.
    ///
    /// # Errors
    /// [`SqliteOpenError::MissingDirectory`] or [`SqliteOpenError::NotAFile`]: correct the path.
    /// [`SqliteOpenError::ReadOnly`]: change the permissions, or open read-only. [`SqliteOpenError::Busy`]: try again. Each other
    /// variant says what to do.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SqliteOpenError> {
        Self::options().open(path).await
    }

    /// Opens the store at `sqlite://path`, or one in memory at `sqlite::memory:`. The path is taken literally: relative to
    /// the current directory without a leading slash, and nothing in it is decoded. Behind it, `?mode=ro` opens the file
    /// read-only, and `?mode=rw` does not create it.
    ///
    /// # Errors
    /// [`SqliteOpenError::InvalidUrl`] for any other URL, and those of [`SqliteEventStore::open`].
    pub async fn connect(url: &str) -> Result<Self, SqliteOpenError> {
        Self::options().connect(url).await
    }

    /// Opens a store in memory, which ends with its last clone.
    ///
    /// # Errors
    /// [`SqliteOpenError::NoRuntime`] outside of a tokio runtime; [`SqliteOpenError::Backend`] if the system has no thread
    /// or no memory left.
    pub async fn in_memory() -> Result<Self, SqliteOpenError> {
        Self::options().in_memory().await
    }

    /// Options, to open a store otherwise than by default.
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Finishes the appends that are under way and closes the file, for all clones. Later calls are `Unavailable`, with the
    /// reason `Closed`. Ends within the limits of a call, whatever the disk does.
    ///
    /// If no other process has the file open, the write-ahead log is moved into it and removed. A store that is dropped
    /// instead, or killed, loses nothing either: the next one to open the file recovers the write-ahead log.
    pub async fn close(&self) {
        let parts = Arc::clone(&self.parts);
        let deadline = parts.deadline();
        let closed = self.parts.runtime.run(async move { parts.close(deadline).await });
        if closed.await.is_err() {
            self.parts.close_now();
        }
    }

    /// Checks that the store works: its files are those at the path, its tasks run, and the database answers a query.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let store = composable_rust_sqlite::SqliteEventStore::in_memory().await?;
    /// assert!(store.ping().await.is_ok());
    /// store.close().await;
    /// assert!(store.ping().await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] if the database can't serve calls now; [`ReadError::Backend`] if the file was replaced or
    /// is damaged.
    pub async fn ping(&self) -> Result<(), ReadError> {
        let parts = &self.parts;
        if let Some(writing) = &parts.writing {
            writing
                .commits
                .check_running()
                .map_err(|error| parts.read_error(error))?;
        }
        if let Some(files) = &parts.readers.files {
            files.check().map_err(|error| parts.read_error(error))?;
        }
        self.head().await.map(drop)
    }

    /// What the store has done since it was opened, and what waits in it now.
    ///
    /// ```
    /// # use composable_rust_core::{Encoding, EventStore, ExpectedVersion, SerializedEvent, StreamId};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let store = composable_rust_sqlite::SqliteEventStore::in_memory().await?;
    /// # let opened = SerializedEvent::new("01890a5d-ac96-774b-bcce-b302099a8057".parse()?, "Opened", Encoding::BINCODE, vec![]);
    /// store.append_events(StreamId::new("door", 1)?, ExpectedVersion::NoStream, vec![opened]).await?;
    /// let stats = store.stats();
    /// assert_eq!((stats.appends, stats.conflicts, stats.queued), (1, 0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> SqliteStats {
        let queued = self
            .parts
            .writing
            .as_ref()
            .map_or(0, |writing| writing.commits.queued());
        self.parts.counters.stats(queued, self.parts.readers.pool.in_use())
    }

    #[doc = include_str!("backup.md")]
    pub async fn backup(&self, path: impl AsRef<Path>) -> Result<(), BackupError> {
        let readers = self.parts.readers.clone();
        let path = path.as_ref().to_owned();
        let done = self.parts.runtime.run_until_dropped(backup::run(readers, path));
        done.await.map_err(BackupError::stopped)?
    }
}

impl EventStore for SqliteEventStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            append.validate()?;
            let writing = self.parts.writing().map_err(|error| self.parts.append_error(error))?;
            group_commit::first(writing.commits.append(vec![append]).await)
        })
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            StreamAppend::validate_batch(&appends)?;
            if appends.is_empty() {
                return Ok(Vec::new());
            }
            let writing = self.parts.writing().map_err(|error| self.parts.append_error(error))?;
            writing.commits.append(appends).await
        })
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        read::stream(self.parts.readers.clone(), read)
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let mut read = ReadStream::new(stream_id);
        read.from = from;
        Box::pin(read::all(self.parts.readers.clone(), read))
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        Box::pin(read::command(self.parts.readers.clone(), stream_id, command_id))
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(async move {
            snapshot::check_size(&snapshot)?;
            let writing = self.parts.writing().map_err(|error| self.parts.snapshot_error(error))?;
            let (pending, answer) = PendingSnapshot::save(stream_id, snapshot, self.parts.deadline());
            writing.commits.snapshot(pending, answer).await
        })
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move {
            if self.parts.has_snapshots {
                snapshot::load(&self.parts.readers, stream_id).await
            } else {
                Ok(None)
            }
        })
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move {
            let writing = self.parts.writing().map_err(|error| self.parts.snapshot_error(error))?;
            let (pending, answer) = PendingSnapshot::delete(stream_id, self.parts.deadline());
            writing.commits.snapshot(pending, answer).await.map(drop)
        })
    }
}

impl EventLog for SqliteEventStore {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move {
            let page = log::page(&self.parts.readers, read).await;
            page.map_err(|error| self.parts.read_error(error))
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            let head = log_end::head(&self.parts.readers).await;
            head.map_err(|error| self.parts.read_error(error))
        })
    }

    /// One writer at a time: what is committed is readable at once.
    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.head()
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        let committed = match &self.parts.writing {
            Some(writing) => writing.speculative.subscribe(),
            None => watch::channel(0).1,
        };
        let log_end = self.parts.log_end.clone();
        let waiting = async move { log_end.wait(committed, after).await };
        Box::pin(async move {
            let waited = self.parts.runtime.run_until_dropped(waiting).await;
            waited
                .map_err(StatementError::from)
                .flatten()
                .map_err(|error| self.parts.read_error(error))
        })
    }
}
