//! The connections of a store: each is a thread of the driver, used by one caller at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use sqlx::{
    ConnectOptions, Connection, Executor, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::{
    errors::{Kind, Stopped},
    options::Settings,
    statements,
};

/// Rows that the driver's thread may be ahead of a reader: with large events, this is what bounds memory.
const ROWS_AHEAD: usize = 32;

/// What the writer remembers of the file: the inner pages of the indexes above all.
const CACHE_BYTES: u32 = 16 << 20;

/// The write-ahead log is cut back to this size whenever it starts over.
const LOG_BYTES: u32 = 16 << 20;

/// Connections of one kind, opened when they are first needed and lent to one caller at a time, first come first served.
///
/// Not the driver's pool: that one asks each connection whether it lives, a trip to its thread, before it lends it; and
/// it could close the connection that a store in memory lives in.
#[derive(Debug)]
pub(crate) struct Connections {
    /// How to open another one; `None` where the database is the connection.
    settings: Option<SqliteConnectOptions>,
    permits: Arc<Semaphore>,
    most: u32,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: SqliteConnection,
    /// Whether somebody was dropped in the middle of a transaction.
    in_transaction: bool,
}

impl Connections {
    /// At most `most` connections to a file.
    pub(crate) fn to_file(settings: SqliteConnectOptions, most: u32) -> Arc<Self> {
        Arc::new(Self {
            settings: Some(settings),
            permits: Arc::new(Semaphore::new(most as usize)),
            most,
            idle: Mutex::default(),
        })
    }

    /// The one connection to a database in memory.
    pub(crate) async fn to_memory(settings: &SqliteConnectOptions) -> Result<Arc<Self>, sqlx::Error> {
        let connection = settings.connect().await?;
        Ok(Arc::new(Self {
            settings: None,
            permits: Arc::new(Semaphore::new(1)),
            most: 1,
            idle: Mutex::new(vec![Idle {
                connection,
                in_transaction: false,
            }]),
        }))
    }

    /// A connection for this caller alone, until it is dropped.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease, sqlx::Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let (connection, in_transaction) = match (idle, &self.settings) {
            (Some(idle), _) => (idle.connection, idle.in_transaction),
            (None, Some(settings)) => (settings.connect().await?, false),
            (None, None) => return Err(sqlx::Error::PoolClosed),
        };
        let mut lease = Lease {
            connection: Some(connection),
            home: Arc::clone(self),
            in_transaction,
            _permit: permit,
        };
        if in_transaction {
            lease.roll_back().await;
        }
        Ok(lease)
    }

    /// A connection that nobody needs at the moment, if one is open.
    pub(crate) fn try_lease(self: &Arc<Self>) -> Option<Lease> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let idle = self.idle().pop()?;
        let lease = Lease {
            connection: Some(idle.connection),
            home: Arc::clone(self),
            in_transaction: idle.in_transaction,
            _permit: permit,
        };
        // Dropped, one in a transaction is closed, or kept for the next to roll back.
        (!lease.in_transaction).then_some(lease)
    }

    /// Does some work with a connection, in a task of its own: whoever waits for it may stop polling in the middle and
    /// wait for something else that needs the same connection.
    pub(crate) async fn run<T, W>(self: &Arc<Self>, work: W) -> Result<T, sqlx::Error>
    where
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
        T: Send + 'static,
    {
        let runtime = Handle::try_current().map_err(|_| Stopped::NoRuntime)?;
        let home = Arc::clone(self);
        let task = runtime.spawn(async move {
            let mut lease = home.lease().await?;
            work(lease.connection()?).await
        });
        task.await.map_err(|_| Stopped::RuntimeEnded)?
    }

    /// Waits for every caller to be done and closes the connections; no other will be lent.
    pub(crate) async fn close(&self) {
        // A second call finds the semaphore closed.
        let Ok(_all) = self.permits.acquire_many(self.most).await else {
            return;
        };
        self.permits.close();
        let connections = std::mem::take(&mut *self.idle());
        for idle in connections {
            if let Err(error) = idle.connection.close().await {
                tracing::warn!(%error, "a connection did not close cleanly");
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: Option<SqliteConnection>,
    home: Arc<Connections>,
    in_transaction: bool,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// The connection, for a transaction that lasts until [`Lease::committed`] or [`Lease::roll_back`].
    pub(crate) fn transaction(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.in_transaction = true;
        self.connection()
    }

    pub(crate) const fn committed(&mut self) {
        self.in_transaction = false;
    }

    /// Ends a transaction that failed. The failure may have ended it already, which is fine; where nothing is known of
    /// the connection any more, it stays in doubt.
    pub(crate) async fn roll_back(&mut self) {
        let Ok(connection) = self.connection() else { return };
        match connection.execute(statements::ROLLBACK).await {
            Err(error) if Kind::of(&error) != Kind::Other => {
                tracing::warn!(%error, "a transaction could not be rolled back");
            }
            _ => self.in_transaction = false,
        }
    }
}

impl Drop for Lease {
    /// Runs before the permit is given back, so that whoever gets the permit finds the connection. One that is in a
    /// transaction is closed, which ends the transaction and frees the lock. One to a database in memory is the
    /// database: it is kept, and the next to get it rolls back.
    fn drop(&mut self) {
        let replaceable = self.home.settings.is_some();
        let Some(connection) = self.connection.take() else {
            return;
        };
        if !(self.in_transaction && replaceable) {
            self.home.idle().push(Idle {
                connection,
                in_transaction: self.in_transaction,
            });
        }
    }
}

/// The connection that writes.
pub(crate) fn writer(database: SqliteConnectOptions, settings: &Settings) -> SqliteConnectOptions {
    let options = common(database, settings)
        .page_size(settings.page_size)
        .synchronous(SqliteSynchronous::Full)
        // What fsync does elsewhere takes these on macOS; other systems ignore them.
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        .pragma("journal_size_limit", LOG_BYTES.to_string())
        // A trigger may abort a statement, so SQLite remembers how to undo it: not in a file that it creates for each.
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", format!("-{}", CACHE_BYTES / 1024))
        // In pages: under load, a commit in so many also moves the write-ahead log into the file.
        .pragma("wal_autocheckpoint", "4000");
    match settings.max_bytes {
        Some(bytes) => options.pragma(
            "max_page_count",
            (bytes / u64::from(settings.page_size)).max(1).to_string(),
        ),
        None => options,
    }
}

/// A connection that reads. Not opened read-only: such a one can't recover or remove a write-ahead log.
pub(crate) fn reader(database: SqliteConnectOptions, settings: &Settings) -> SqliteConnectOptions {
    common(database, settings)
        .create_if_missing(false)
        .pragma("query_only", "ON")
}

fn common(database: SqliteConnectOptions, settings: &Settings) -> SqliteConnectOptions {
    database
        .busy_timeout(settings.busy_timeout)
        .row_buffer_size(ROWS_AHEAD)
        .thread_name(|id| format!("event-store-{id}"))
        // A busy writer waits longer than what the driver warns about; the store traces what matters itself.
        .disable_statement_logging()
}
