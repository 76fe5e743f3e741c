//! What holds readers of the log back.

use std::time::Duration;

use composable_rust_core::ReadError;
use sqlx::{Executor, Row, postgres::PgRow};

use crate::{PostgresEventStore, errors, statements};

/// A transaction that readers of the log wait for: it is older than stored events, and may still commit.
///
/// Not only writers of events: any transaction with a transaction id, in any database of the cluster, also one that was
/// prepared and forgotten. End it, and the reader goes on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Blocker {
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
    /// Anybody may ask; but state, query and age of other roles' sessions are `None` unless this store's role is a member
    /// of `pg_read_all_stats` (`pg_monitor` includes it). A standby knows nothing of its primary's sessions: ask there.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn blockers(&self) -> Result<Vec<Blocker>, ReadError> {
        let query = sqlx::query(statements::BLOCKERS);
        let work = self.connections.run(move |lease| {
            Box::pin(async move {
                let rows = lease.connection()?.fetch_all(query).await?;
                rows.iter().map(blocker).collect()
            })
        });
        work.await.map_err(errors::of_read)
    }
}

fn blocker(row: &PgRow) -> Result<Blocker, sqlx::Error> {
    let age: Option<f64> = row.try_get(7)?;
    Ok(Blocker {
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
