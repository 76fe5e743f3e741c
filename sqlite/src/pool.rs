//! Connections, lent to one caller at a time.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    deadline::{Deadline, Elapsed, ReusableTimer},
    errors::{ErrorClass, StatementError, StoreStopped},
    insert_count::InsertCount,
    statements,
};

/// Connections of one kind, opened when they are first needed and lent to one caller at a time, in the order of calls.
/// Each is a thread of the driver.
///
/// Not the driver's pool: it pings each connection, a trip to its thread, before it lends it; and it could close the
/// connection that holds a store in memory.
#[derive(Debug)]
pub(crate) struct Pool {
    /// How to open another connection; `None` where the connection is the database.
    options: Option<SqliteConnectOptions>,
    permits: Arc<Semaphore>,
    size: u32,
    writes: bool,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: SqliteConnection,
    /// A transaction may be open, or the thread may still work on a statement that was given up.
    in_transaction: bool,
    timer: ReusableTimer,
    /// `None` where nothing is written.
    inserts: Option<Arc<InsertCount>>,
}

impl Pool {
    /// The connection that writes to a file.
    pub(crate) fn writer(options: SqliteConnectOptions) -> Arc<Self> {
        Self::to_file(options, 1, true)
    }

    /// Up to `size` connections that read a file.
    pub(crate) fn readers(options: SqliteConnectOptions, size: u32) -> Arc<Self> {
        Self::to_file(options, size, false)
    }

    fn to_file(options: SqliteConnectOptions, size: u32, writes: bool) -> Arc<Self> {
        Arc::new(Self {
            options: Some(options),
            permits: Arc::new(Semaphore::new(size as usize)),
            size,
            writes,
            idle: Mutex::default(),
        })
    }

    /// The one connection to a database in memory.
    pub(crate) async fn to_memory(options: &SqliteConnectOptions) -> Result<Arc<Self>, sqlx::Error> {
        let only = connect(options, true).await?;
        Ok(Arc::new(Self {
            options: None,
            permits: Arc::new(Semaphore::new(1)),
            size: 1,
            writes: true,
            idle: Mutex::new(vec![only]),
        }))
    }

    /// How many connections are lent.
    pub(crate) fn in_use(&self) -> usize {
        (self.size as usize).saturating_sub(self.permits.available_permits())
    }

    /// A connection for this caller alone, until it is dropped.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<PooledConnection, StatementError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreStopped::Closed)?;
        let idle = self.idle().pop();
        let is_new = idle.is_none();
        let idle = match (idle, &self.options) {
            (Some(idle), _) => idle,
            (None, Some(options)) => connect(options, self.writes).await?,
            (None, None) => return Err(StoreStopped::Closed.into()),
        };
        let mut lent = PooledConnection {
            connection: Some(idle.connection),
            pool: Arc::clone(self),
            in_transaction: idle.in_transaction,
            is_new,
            timer: idle.timer,
            inserts: idle.inserts,
            _permit: permit,
        };
        if lent.in_transaction {
            lent.roll_back().await;
        }
        Ok(lent)
    }

    /// Lends no further connections, waits until all are back and closes them. At the deadline, those that are still lent
    /// are left to their callers, who drop them.
    pub(crate) async fn close(&self, deadline: Deadline) {
        // A second call finds the semaphore closed.
        let all = deadline.run(self.permits.acquire_many(self.size)).await;
        self.permits.close();
        drop(all);
        let connections = mem::take(&mut *self.idle());
        for idle in connections {
            if let Ok(Err(error)) = deadline.run(idle.connection.close()).await {
                tracing::warn!(%error, "a connection did not close cleanly");
            }
        }
    }

    /// As [`Pool::close`], without waiting: for a store whose runtime has ended.
    pub(crate) fn close_now(&self) {
        self.permits.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(options: &SqliteConnectOptions, writes: bool) -> Result<Idle, sqlx::Error> {
    let mut connection = options.connect().await?;
    let inserts = if writes {
        Some(InsertCount::install(&mut connection).await?)
    } else {
        None
    };
    Ok(Idle {
        connection,
        in_transaction: false,
        timer: ReusableTimer::default(),
        inserts,
    })
}

/// A connection on loan.
#[derive(Debug)]
pub(crate) struct PooledConnection {
    connection: Option<SqliteConnection>,
    pool: Arc<Pool>,
    in_transaction: bool,
    is_new: bool,
    /// Bounds the statements on this connection.
    pub(crate) timer: ReusableTimer,
    inserts: Option<Arc<InsertCount>>,
    _permit: OwnedSemaphorePermit,
}

impl PooledConnection {
    /// Whether it was opened for this caller.
    pub(crate) const fn is_new(&self) -> bool {
        self.is_new
    }

    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// The connection, for work that writes and lasts until [`PooledConnection::committed`] or
    /// [`PooledConnection::roll_back`].
    pub(crate) fn transaction(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.in_transaction = true;
        self.connection()
    }

    /// Lets the transaction commit only if it inserts this many events.
    pub(crate) fn expect_inserts(&self, events: usize) {
        if let Some(inserts) = &self.inserts {
            inserts.expect(events);
        }
    }

    pub(crate) fn committed(&mut self) {
        self.in_transaction = false;
        self.expect_inserts(0);
    }

    /// Waits for `work` on this connection until the deadline.
    pub(crate) async fn run_by<'c, T, F>(
        &'c mut self,
        deadline: Deadline,
        work: impl FnOnce(&'c mut SqliteConnection) -> F,
    ) -> Result<Result<T, sqlx::Error>, Elapsed>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        let Some(connection) = &mut self.connection else {
            return Ok(Err(sqlx::Error::PoolClosed));
        };
        self.timer.run(deadline, work(connection)).await
    }

    /// Ends a transaction that failed. The failure may have ended it already, which is fine. If the rollback fails, the
    /// connection stays in doubt, and the next caller tries again.
    pub(crate) async fn roll_back(&mut self) {
        let Ok(connection) = self.connection() else { return };
        match connection.execute(statements::ROLLBACK).await {
            // No transaction was open.
            Err(error) if ErrorClass::of(&error) != ErrorClass::Statement => {
                tracing::warn!(%error, "a transaction could not be rolled back");
                self.discard_if_lost(&error);
            }
            // As after a commit: nothing is open.
            _ => self.committed(),
        }
    }

    /// Drops a connection whose thread has ended, so that another one is opened. One to a database in memory is kept: a
    /// new one would be empty.
    pub(crate) fn discard_if_lost(&mut self, error: &sqlx::Error) {
        if self.pool.options.is_some() && ErrorClass::of(error) == ErrorClass::ConnectionLost {
            self.connection = None;
        }
    }
}

impl Drop for PooledConnection {
    /// Runs before the permit is given back, so that the caller who gets the permit finds the connection.
    ///
    /// A connection whose statement was given up is kept, too. Its thread may hang in a disk that does not answer: to open
    /// another one instead would gather threads, one for each call, as long as that lasts.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let in_transaction = self.in_transaction;
            let idle = Idle {
                connection,
                in_transaction,
                timer: mem::take(&mut self.timer),
                inserts: self.inserts.take(),
            };
            if !self.pool.permits.is_closed() {
                self.pool.idle().push(idle);
            }
        }
    }
}
