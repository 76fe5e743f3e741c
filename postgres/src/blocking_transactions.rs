//! The transactions that hold readers of the log back.

use std::{fmt, time::Duration};

use composable_rust_core::ReadError;
use futures::future::BoxFuture;
use sqlx::{Executor, Row, postgres::PgRow};

use crate::{PostgresEventStore, errors, pooled_connection::PooledConnection, statements};

/// A transaction that readers of the log wait for: it is older than stored events, and may still commit.
///
/// Any transaction with a transaction id counts, not only one that writes events, in any database of the cluster, and also
/// one that was prepared and forgotten. End it, and the reader goes on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BlockingTransaction {
    /// The session, for `pg_terminate_backend`; `None` for a prepared transaction, which belongs to none.
    pub pid: Option<i32>,
    /// The name of a prepared transaction, for `ROLLBACK PREPARED` or `COMMIT PREPARED` in its database.
    pub prepared: Option<String>,
    /// The database it works in.
    pub database: Option<String>,
    /// Whose it is.
    pub role: Option<String>,
    /// What the session calls itself.
    pub application: Option<String>,
    /// What the session does, as `pg_stat_activity` says: `idle in transaction` is the one to look for.
    pub state: Option<String>,
    /// The session's last statement.
    pub query: Option<String>,
    /// How long ago the transaction began, or was prepared.
    pub age: Option<Duration>,
}

impl PostgresEventStore {
    /// The transactions that hold readers of the log back, the oldest first: what has been stored after it began is read
    /// when the first of them has ended. Empty when everything that is stored can be read.
    ///
    /// Every role may ask; but state, query and age of other roles' sessions are `None` unless this store's role is a member
    /// of `pg_read_all_stats` (`pg_monitor` includes it). A standby knows nothing of its primary's sessions: ask there.
    ///
    /// ```no_run
    /// # async fn example(store: composable_rust_postgres::PostgresEventStore) -> Result<(), Box<dyn std::error::Error>> {
    /// let oldest = store.blocking_transactions().await?.into_iter().next();
    /// assert_eq!(oldest, None, "readers of the log are held back");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] within the limits of a call: ask again later.
    pub async fn blocking_transactions(&self) -> Result<Vec<BlockingTransaction>, ReadError> {
        self.pool.run(query).await.map_err(errors::of_read)
    }
}

/// The transactions that hold readers back, the oldest first.
pub(crate) fn query(connection: &mut PooledConnection) -> BoxFuture<'_, Result<Vec<BlockingTransaction>, sqlx::Error>> {
    Box::pin(async move {
        let query = sqlx::query(statements::BLOCKING_TRANSACTIONS);
        let rows = connection.connection()?.fetch_all(query).await?;
        rows.iter().map(blocking_transaction).collect()
    })
}

/// Why a reader is not served: the source of `Unavailable(HeldBack)`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeldBack {
    #[error("readers of the log wait for {0}")]
    By(BlockingTransaction),
    /// It could not be asked for, or has ended by now.
    #[error("readers of the log wait for an older transaction")]
    ByUnknown,
}

impl fmt::Display for BlockingTransaction {
    /// What is needed to find it: the session or the name of a prepared transaction, the database, and the age.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.pid, &self.prepared) {
            (Some(pid), _) => write!(f, "the transaction of session {pid}")?,
            (None, Some(gid)) => write!(f, "the prepared transaction '{gid}'")?,
            (None, None) => f.write_str("a transaction")?,
        }
        if let Some(database) = &self.database {
            write!(f, " in database {database}")?;
        }
        match self.age {
            Some(age) => write!(f, ", which began {} s ago", age.as_secs()),
            None => Ok(()),
        }
    }
}

fn blocking_transaction(row: &PgRow) -> Result<BlockingTransaction, sqlx::Error> {
    let age: Option<f64> = row.try_get(7)?;
    Ok(BlockingTransaction {
        pid: row.try_get(0)?,
        prepared: row.try_get(1)?,
        database: row.try_get(2)?,
        role: row.try_get(3)?,
        application: row.try_get(4)?,
        state: row.try_get(5)?,
        query: row.try_get(6)?,
        age: age.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok()),
    })
}
