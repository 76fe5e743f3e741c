//! Appends in a transaction of their own: those whose streams have to be locked first, and all of them behind a pooler.
//!
//! The locks are advisory, of the transaction, and taken by an earlier statement: the one that writes then sees what the
//! holders before it have committed. All other appends take none.

use composable_rust_core::StreamAppend;
use sqlx::{AssertSqlSafe, Executor, PgConnection, postgres::PgBindIterExt};

use crate::{
    insert::{self, EntryResult},
    statement_error::StatementError,
    statements,
};

/// Whether a batch writes to some streams because of the versions of others. Two such batches could each overtake what
/// the other one has checked.
pub(crate) fn is_needed(entries: &[&StreamAppend]) -> bool {
    let is_check = |append: &&StreamAppend| append.events.is_empty();
    entries.iter().any(is_check) && !entries.iter().all(is_check)
}

/// How a transaction begins. Behind a pooler, sessions have no limits of their own: they are set for each transaction, in
/// the same round trip.
pub(crate) fn begin(statement_timeout: Option<std::time::Duration>) -> String {
    let Some(limit) = statement_timeout else {
        return statements::BEGIN.to_owned();
    };
    let millis = limit.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
    format!(
        "{} SET LOCAL statement_timeout = {millis}; SET LOCAL idle_in_transaction_session_timeout = {millis};",
        statements::BEGIN
    )
}

/// What the entries need of their transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transaction<'a> {
    pub(crate) begin: &'a str,
    pub(crate) all_or_nothing: bool,
    pub(crate) locks: bool,
}

/// Writes the entries in a transaction of their own. `committing` is called when the outcome begins to be in doubt.
pub(crate) async fn write(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    transaction: Transaction<'_>,
    committing: impl FnOnce(),
) -> Result<Vec<EntryResult>, StatementError> {
    let begin = sqlx::raw_sql(AssertSqlSafe(transaction.begin.to_owned()));
    begin
        .execute(&mut *connection)
        .await
        .map_err(StatementError::before_commit)?;
    let results = match write_locked(connection, entries, transaction).await {
        Ok(results) => results,
        Err(error) => return Err(roll_back(connection, error).await),
    };
    committing();
    let commit = connection.execute(statements::COMMIT).await;
    commit.map_err(StatementError::in_doubt)?;
    Ok(results)
}

async fn write_locked(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    transaction: Transaction<'_>,
) -> Result<Vec<EntryResult>, sqlx::Error> {
    if transaction.locks {
        lock(connection, entries).await?;
    }
    insert::write(connection, entries, transaction.all_or_nothing).await
}

/// Locks the streams until the transaction ends: exclusively those that are written, shared those that are checked.
pub(crate) async fn lock(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<(), sqlx::Error> {
    let query = sqlx::query(statements::LOCK_STREAMS)
        .bind(entries.iter().map(|append| append.stream_id.as_str()).bind_iter())
        .bind(entries.iter().map(|append| !append.events.is_empty()).bind_iter());
    connection.execute(query).await.map(drop)
}

/// Why nothing was written. A transaction that can't be rolled back ends with its connection, which is then the more
/// serious error.
async fn roll_back(connection: &mut PgConnection, error: sqlx::Error) -> StatementError {
    match connection.execute(statements::ROLLBACK).await {
        Ok(_) => StatementError::before_commit(error),
        Err(rollback) => StatementError::before_commit(rollback),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn behind_a_pooler_a_transaction_sets_its_limits_in_the_same_round_trip() {
        assert!(!begin(None).contains("SET LOCAL"));
        let limited = begin(Some(Duration::from_secs(10)));
        assert!(limited.starts_with(statements::BEGIN));
        assert!(limited.contains("SET LOCAL statement_timeout = 10000;"), "{limited}");
    }
}
