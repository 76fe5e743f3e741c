//! The store: the contract, and who keeps which part of it.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Version,
};
use futures::{future::BoxFuture, stream::BoxStream};
use sqlx::PgPool;
use tokio::runtime::Handle;

use crate::{
    AppendStats, OpenError, PostgresOptions,
    append_stats::AppendCounters,
    connection::Connections,
    deadline::Deadline,
    errors,
    group_commit::GroupCommit,
    group_writer::GroupWriter,
    log::{self, PageSize},
    log_target::LogTarget,
    notify::Announcer,
    options::Settings,
    read, snapshot,
    watch::Watch,
};

/// An event store in a PostgreSQL database. Clones share it.
///
/// ```no_run
/// use composable_rust_core::{EventLog, Position};
/// use composable_rust_postgres::PostgresEventStore;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store = PostgresEventStore::connect("postgres://app@localhost/shop").await?;
/// assert_eq!(store.head().await?, Position::BEGINNING);
/// store.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PostgresEventStore {
    pub(crate) connections: Arc<Connections>,
    group_commit: Arc<GroupCommit>,
    /// The log that the store was opened on.
    pub(crate) log: Arc<LogTarget>,
    page_size: Arc<PageSize>,
    watch: Arc<Watch>,
}

impl PostgresEventStore {
    /// Opens the store in the database at `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    /// See [`OpenError`]; each variant says what to do next.
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        Self::options().connect(url).await
    }

    /// Opens the store through the application's own pool.
    ///
    /// # Errors
    /// As [`PostgresEventStore::connect`].
    pub async fn from_pool(pool: PgPool) -> Result<Self, OpenError> {
        Self::options().from_pool(pool).await
    }

    /// Brings the schema of the database at `url` up to date: creates it, or adds what this release needs. Several
    /// processes may do so at once; applied again, it changes nothing. A role that owns the tables, or may create them,
    /// is enough. `scripts/migrate.sh` does the same without this library.
    ///
    /// # Errors
    /// See [`OpenError`]; each variant says what to do next.
    pub async fn migrate(url: &str) -> Result<(), OpenError> {
        Self::options().migrate(url).await
    }

    /// Takes over the log in the database at `url` when another cluster has written it: after a restored dump, an
    /// upgrade, or the end of a logical replication. All events and positions stay as they are; what is appended from
    /// now on stands behind them. Changes nothing where the log is this cluster's already. Make sure first that nobody
    /// writes to the log's old home any more: the two would drift apart unnoticed. Needs the owner of the tables.
    ///
    /// # Errors
    /// See [`OpenError`]; each variant says what to do next.
    pub async fn adopt(url: &str) -> Result<(), OpenError> {
        Self::options().adopt(url).await
    }

    /// How to open a store otherwise than by default.
    pub fn options() -> PostgresOptions {
        PostgresOptions::default()
    }

    pub(crate) fn new(connections: Arc<Connections>, settings: &Settings, log: LogTarget) -> Self {
        let announcer = Announcer::new(Arc::clone(&connections), settings.notifications);
        let counters = Arc::new(AppendCounters::default());
        let writer = GroupWriter::new(
            Arc::clone(&connections),
            Arc::clone(&announcer),
            Arc::clone(&counters),
            settings,
        );
        Self {
            group_commit: Arc::new(GroupCommit::start(&Handle::current(), settings, writer, counters)),
            log: Arc::new(log),
            watch: Watch::new(Arc::clone(&connections), announcer, settings),
            page_size: Arc::default(),
            connections,
        }
    }

    /// Counters and gauges of the appends of this store and its clones.
    #[must_use]
    pub fn append_stats(&self) -> AppendStats {
        self.group_commit.stats()
    }

    /// Finishes the appends that are under way and closes the connections, for all clones; calls after it are
    /// `Unavailable`. Waits for each no longer than for a connection. An application's pool is left open.
    pub async fn close(&self) {
        self.group_commit
            .close(Deadline::after(self.connections.patience()))
            .await;
        self.watch.close();
        self.connections.close().await;
    }
}

impl EventStore for PostgresEventStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            append.validate()?;
            let written = self.group_commit.append(vec![append]).await?;
            written.first().copied().ok_or(AppendError::NoEvents)
        })
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            StreamAppend::validate_batch(&appends)?;
            if appends.is_empty() {
                return Ok(Vec::new());
            }
            self.group_commit.append(appends).await
        })
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        read::stream(Arc::clone(&self.connections), read)
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let mut read = ReadStream::new(stream_id);
        read.from = from;
        Box::pin(read::all(Arc::clone(&self.connections), read))
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        Box::pin(read::command(Arc::clone(&self.connections), stream_id, command_id))
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(snapshot::save(&self.connections, stream_id, snapshot))
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(snapshot::load(&self.connections, stream_id))
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(snapshot::delete(&self.connections, stream_id))
    }
}

impl EventLog for PostgresEventStore {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move {
            log::page(&self.connections, &self.page_size, read)
                .await
                .map_err(errors::of_read)
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { log::head(&self.connections).await.map_err(errors::of_read) })
    }

    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            let last = log::last(&self.connections).await.map_err(errors::of_read)?;
            loop {
                let head = self.head().await?;
                if head >= last {
                    return Ok(head);
                }
                self.wait_for_events(head).await?;
            }
        })
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(self.watch.wait(after))
    }
}
