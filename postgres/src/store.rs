//! The store: the contract, and which part keeps it.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Version,
};
use futures::{future::BoxFuture, stream::BoxStream};
use sqlx::{Connection, PgPool};

use crate::{
    PostgresOpenError, PostgresOptions, append_stats::AppendCounters, errors, group_commit::GroupCommit,
    group_writer::GroupWriter, log::LogReader, log_end, log_target::LogTarget, log_waiters::LogWaiters,
    notify::Notifier, options::Settings, pool::Pool, pooled_connection::PooledConnection, read, snapshot,
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
    pub(crate) pool: Arc<Pool>,
    pub(crate) group_commit: Arc<GroupCommit>,
    log: Arc<LogReader>,
    pub(crate) log_waiters: Arc<LogWaiters>,
    /// The log that the store was opened on.
    pub(crate) log_target: Arc<LogTarget>,
}

impl PostgresEventStore {
    /// Opens the store in the database at `postgres://user:password@host:port/database`.
    ///
    /// # Errors
    /// [`PostgresOpenError::Unreachable`]: check host and port, then try again. [`PostgresOpenError::NotMigrated`]: run `migrate`.
    /// [`PostgresOpenError::NoRuntime`]: open on a tokio runtime, or name one with `handle`. Each other variant says what to do.
    pub async fn connect(url: &str) -> Result<Self, PostgresOpenError> {
        Self::options().connect(url).await
    }

    /// Opens the store through the application's own pool.
    ///
    /// # Errors
    /// As [`PostgresEventStore::connect`].
    pub async fn from_pool(pool: PgPool) -> Result<Self, PostgresOpenError> {
        Self::options().from_pool(pool).await
    }

    /// Brings the schema of the database at `url` up to date: creates it, or adds what this release needs. Several
    /// processes may do so at once; applied again, it changes nothing. A role that owns the tables, or may create them,
    /// is enough. `scripts/migrate.sh` does the same without this library.
    ///
    /// # Errors
    /// [`PostgresOpenError::Unreachable`]: check host and port, then try again. [`PostgresOpenError::NotMigrated`]: run `migrate`.
    /// [`PostgresOpenError::NoRuntime`]: open on a tokio runtime, or name one with `handle`. Each other variant says what to do.
    pub async fn migrate(url: &str) -> Result<(), PostgresOpenError> {
        Self::options().migrate(url).await
    }

    /// Takes over the log in the database at `url` when another cluster has written it: after a restored dump, an
    /// upgrade, or the end of a logical replication. All events and positions stay as they are; what is appended from
    /// now on stands behind them. Changes nothing where the log is this cluster's already. Make sure first that nobody
    /// writes to the log's old home any more: the two would drift apart unnoticed. Needs the owner of the tables.
    ///
    /// # Errors
    /// [`PostgresOpenError::Unreachable`]: check host and port, then try again. [`PostgresOpenError::NotMigrated`]: run `migrate`.
    /// [`PostgresOpenError::NoRuntime`]: open on a tokio runtime, or name one with `handle`. Each other variant says what to do.
    pub async fn adopt(url: &str) -> Result<(), PostgresOpenError> {
        Self::options().adopt(url).await
    }

    /// Options, to open a store otherwise than by default.
    pub fn options() -> PostgresOptions {
        PostgresOptions::default()
    }

    pub(crate) fn new(pool: Arc<Pool>, settings: &Settings, log_target: LogTarget) -> Self {
        let notifier = Notifier::new(Arc::clone(&pool), settings.notifications);
        let counters = Arc::new(AppendCounters::default());
        let writer = GroupWriter::new(
            Arc::clone(&pool),
            Arc::clone(&notifier),
            Arc::clone(&counters),
            settings,
        );
        Self {
            group_commit: Arc::new(GroupCommit::start(pool.handle(), settings, writer, counters)),
            log_target: Arc::new(log_target),
            log_waiters: LogWaiters::new(Arc::clone(&pool), notifier, settings),
            log: Arc::new(LogReader::new(Arc::clone(&pool))),
            pool,
        }
    }

    /// Pings the server: one round trip, for health checks. It does not look at the log.
    ///
    /// ```no_run
    /// # async fn example(store: composable_rust_postgres::PostgresEventStore) {
    /// assert!(store.ping().await.is_ok(), "the server does not answer");
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReadError::Unavailable`], within the acquire timeout and the statement timeout together.
    pub async fn ping(&self) -> Result<(), ReadError> {
        self.pool.run(ping).await.map_err(errors::of_read)
    }

    /// Finishes the appends that are under way and closes the connections, for all clones; calls after it are
    /// `Unavailable(Closed)`, and waits for events end with it. Takes no longer than the acquire timeout and the statement
    /// timeout together; what is still under way then is left behind. The application's pool is left open.
    pub async fn close(&self) {
        self.log_waiters.close();
        let (store, deadline) = (self.clone(), self.pool.deadline());
        let closing = self.pool.spawn(async move {
            store.group_commit.close(deadline).await;
            store.pool.close(deadline).await;
            Ok(())
        });
        if closing.await.is_err() {
            // The runtime has ended or is not driven: nothing more happens to what was under way.
            self.pool.close_now();
        }
    }
}

fn ping(connection: &mut PooledConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
    Box::pin(async move { connection.connection()?.ping().await })
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
        read::stream(Arc::clone(&self.pool), read)
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let mut read = ReadStream::new(stream_id);
        read.from = from;
        Box::pin(read::all(Arc::clone(&self.pool), read))
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        Box::pin(read::command(Arc::clone(&self.pool), stream_id, command_id))
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(snapshot::save(&self.pool, stream_id, snapshot))
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(snapshot::load(&self.pool, stream_id))
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(snapshot::delete(&self.pool, stream_id))
    }
}

impl EventLog for PostgresEventStore {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move { self.log.page(read).await.map_err(errors::of_read) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { log_end::head(&self.pool).await.map_err(errors::of_read) })
    }

    /// Waits no longer than the statement timeout, and is then `Unavailable(HeldBack)`: the source names the oldest
    /// transaction that holds readers back. [`PostgresEventStore::blocking_transactions`] has all of them.
    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            let (pool, waiters) = (Arc::clone(&self.pool), Arc::clone(&self.log_waiters));
            let waiting = async move { log_end::wait_for_committed(&pool, &waiters).await };
            let waited = self.pool.join(self.pool.handle().spawn(waiting)).await;
            waited.unwrap_or_else(|error| Err(errors::of_read(error)))
        })
    }

    /// Waits without a limit: drop the call to end it.
    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(self.log_waiters.wait(after))
    }
}
