//! Appends that need more than their statement to be right, or to get through: their streams are locked first.
//!
//! The locks are advisory, of the transaction, and taken by an earlier statement: the one that judges then sees what the
//! holders before it have committed. All other appends take none.

use composable_rust_core::StreamAppend;
use sqlx::{Executor, PgConnection, postgres::PgBindIterExt};

use crate::{
    append::Failed,
    insert::{self, Manner, Verdict},
    statements,
};

/// Whether a batch writes to some streams because of the versions of others. Two such batches could each overtake what
/// the other one has checked.
pub(crate) fn is_needed(entries: &[&StreamAppend]) -> bool {
    let is_check = |append: &&StreamAppend| append.events.is_empty();
    entries.iter().any(is_check) && !entries.iter().all(is_check)
}

/// Judges and writes the entries in a transaction of their own. `committing` is called before it is in doubt.
pub(crate) async fn write(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    all_or_nothing: bool,
    committing: impl FnOnce(),
) -> Result<Vec<Verdict>, Failed> {
    connection
        .execute(statements::BEGIN)
        .await
        .map_err(Failed::before_commit)?;
    let verdicts = match judged(connection, entries, all_or_nothing).await {
        Ok(verdicts) => verdicts,
        Err(error) => return Err(roll_back(connection, error).await),
    };
    committing();
    connection
        .execute(statements::COMMIT)
        .await
        .map_err(Failed::at_commit)?;
    Ok(verdicts)
}

async fn judged(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    all_or_nothing: bool,
) -> Result<Vec<Verdict>, sqlx::Error> {
    lock(connection, entries).await?;
    let manner = Manner {
        all_or_nothing,
        thorough: true,
    };
    insert::write(connection, entries, manner).await
}

/// Locks the streams until the transaction ends: for itself those that are written to, with others those that are checked.
pub(crate) async fn lock(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<(), sqlx::Error> {
    let query = sqlx::query(statements::LOCK_STREAMS)
        .bind(entries.iter().map(|append| append.stream_id.as_str()).bind_iter())
        .bind(entries.iter().map(|append| !append.events.is_empty()).bind_iter());
    connection.execute(query).await.map(drop)
}

/// Why nothing was written. A transaction that can't be rolled back goes down with its connection, which says the more
/// serious reason.
async fn roll_back(connection: &mut PgConnection, error: sqlx::Error) -> Failed {
    match connection.execute(statements::ROLLBACK).await {
        Ok(_) => Failed::before_commit(error),
        Err(rollback) => Failed::before_commit(rollback),
    }
}
