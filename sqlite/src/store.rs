//! The store: the contract, and who keeps which part of it.

use std::{path::Path, sync::Arc, time::Duration};

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Version,
};
use futures::{future::BoxFuture, stream::BoxStream};

use crate::{
    OpenError, SqliteOptions, connection::Connections, errors, log, options::Settings, queue::Queue, read, snapshot,
};

/// An event store in a SQLite file, or in memory. Clones share it.
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
    queue: Arc<Queue>,
    writer: Arc<Connections>,
    readers: Arc<Connections>,
    poll_interval: Duration,
}

impl SqliteEventStore {
    /// Opens the store in the file at `path`, which is created if it is missing; its directory is not.
    ///
    /// # Errors
    /// See [`OpenError`]; each variant says what to do next.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::options().open(path).await
    }

    /// Opens the store at `sqlite://path`, or one in memory at `sqlite::memory:`. The path is taken as it is written:
    /// relative to the current directory without a leading slash, and nothing in it is decoded.
    ///
    /// # Errors
    /// [`OpenError::InvalidUrl`] for anything else, and as [`SqliteEventStore::open`].
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        Self::options().connect(url).await
    }

    /// Opens a store in memory, which ends with its last clone.
    ///
    /// # Errors
    /// [`OpenError::Backend`] when the system has no thread or no memory left.
    pub async fn in_memory() -> Result<Self, OpenError> {
        Self::options().in_memory().await
    }

    /// How to open a store otherwise than by default.
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    pub(crate) fn new(writer: Arc<Connections>, readers: Arc<Connections>, settings: &Settings) -> Self {
        Self {
            queue: Queue::new(Arc::clone(&writer)),
            writer,
            readers,
            poll_interval: settings.poll_interval,
        }
    }

    /// Finishes the appends that are under way and closes the file, for all clones; calls after it are `Unavailable`.
    /// Where no other process has the file open, the write-ahead log is moved into it and removed. A store that is
    /// dropped instead, or killed, loses nothing either: the next one to open the file picks the write-ahead log up.
    pub async fn close(&self) {
        self.queue.close().await;
        // The last connection of all processes to be closed moves the write-ahead log into the file and removes it.
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl EventStore for SqliteEventStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            append.validate()?;
            let written = self.queue.append(vec![append]).await?;
            written.first().copied().ok_or(AppendError::NoEvents)
        })
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            StreamAppend::validate_batch(&appends)?;
            if appends.is_empty() {
                return Ok(Vec::new());
            }
            self.queue.append(appends).await
        })
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        read::stream(Arc::clone(&self.readers), read)
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let mut read = ReadStream::new(stream_id);
        read.from = from;
        Box::pin(read::all(Arc::clone(&self.readers), read))
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        Box::pin(read::command(Arc::clone(&self.readers), stream_id, command_id))
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(snapshot::save(&self.writer, stream_id, snapshot))
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(snapshot::load(&self.readers, stream_id))
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(snapshot::delete(&self.writer, stream_id))
    }
}

impl EventLog for SqliteEventStore {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move { log::page(&self.readers, read).await.map_err(errors::of_read) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { log::head(&self.readers).await.map_err(errors::of_read) })
    }

    /// One writer at a time: what is committed is readable at once.
    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.head()
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        let waiting = log::wait(&self.readers, self.queue.committed(), after, self.poll_interval);
        Box::pin(async move { waiting.await.map_err(errors::of_read) })
    }
}
