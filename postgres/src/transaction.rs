//! Appending within a transaction of the caller's: events that stand or fall with what else it writes.

use std::{fmt, sync::Arc};

use composable_rust_core::{
    AppendError, Appended, StreamAppend, StreamId, Version,
    backend::{Resolution, resolve},
};
use sqlx::{Connection, Executor, PgConnection, PgTransaction, Row, error::DatabaseError, postgres::PgBindIterExt};

use crate::{
    PostgresEventStore, advisory_lock,
    errors::{self, TimeLimit},
    group_recovery,
    insert::{self, EntryResult},
    log_target::{LogTarget, Session},
    recorded_facts,
    statement_error::{Recovery, StatementError},
    statements,
};

/// Why an append did not become part of a transaction. The transaction goes on as if it had not been asked for.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The transaction sees the log as it was at its beginning, so it could not tell what it appends to. Begin it with
    /// READ COMMITTED.
    #[error("appending within a transaction takes READ COMMITTED, not {level}")]
    NotReadCommitted {
        /// The level that the transaction runs at.
        level: String,
    },
    /// The transaction leads to another log than the store's: to another schema (by its `search_path`), another database or
    /// another server. Begin it on a connection to the store's own log.
    #[error("the transaction leads to {found}, not to the store's log, {expected}")]
    OtherLog {
        /// The store's log.
        expected: String,
        /// The log that the transaction leads to.
        found: String,
    },
    /// The transaction got its id before the stream's last event was committed, so appending would violate the log's
    /// order. Roll back and run it again, with the append as its first statement.
    #[error("the transaction is older than the last event of {stream_id}")]
    TooOld {
        /// The stream.
        stream_id: StreamId,
    },
    /// The append itself was refused: see [`AppendError`]. After `Unavailable` and `Backend` the connection may be of no
    /// more use, and the transaction with it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl PostgresEventStore {
    /// Appends within a transaction of the caller's, all entries or none: the events are there if it commits, together
    /// with whatever else it writes. If the log holds an entry already, from an earlier attempt whose commit was not
    /// acknowledged, its answer says `repeated`: do not count it again in a view that the transaction also writes.
    ///
    /// The transaction must run at READ COMMITTED. Until it ends, other appends to these streams wait, and no reader of
    /// the log gets past it: keep it short, and append first. Its commit wakes no reader: those that wait find the events at
    /// their next poll. A future that is dropped in the middle leaves the transaction half done: roll it back.
    ///
    /// ```no_run
    /// # use composable_rust_core::{Encoding, EventId, ExpectedVersion, SerializedEvent, StreamAppend, StreamId};
    /// # async fn example(
    /// #     store: composable_rust_postgres::PostgresEventStore,
    /// #     pool: sqlx::PgPool,
    /// #     placed: SerializedEvent,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let order = StreamId::new("order", 42)?;
    /// let mut transaction = pool.begin().await?;
    /// let append = StreamAppend::new(order, ExpectedVersion::NoStream, vec![placed]);
    /// let appended = store.append_in(&mut transaction, vec![append]).await?;
    /// sqlx::query("UPDATE open_orders SET count = count + 1").execute(&mut *transaction).await?;
    /// transaction.commit().await?;
    /// assert_eq!(appended.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`TransactionError::NotReadCommitted`], [`TransactionError::OtherLog`]: a mistake of the program; nothing was
    ///   written.
    /// - [`TransactionError::TooOld`]: roll back and run the transaction again.
    /// - [`TransactionError::Append`] with `Unavailable(TimedOut)`, after the acquire timeout and the statement timeout
    ///   together: the connection is in the middle of a statement. Drop the transaction and its connection.
    /// - [`TransactionError::Append`] otherwise: as for [`append_batch`](composable_rust_core::EventStore::append_batch). The
    ///   transaction goes on without the append: commit it or roll it back.
    pub async fn append_in(
        &self,
        transaction: &mut PgTransaction<'_>,
        appends: Vec<StreamAppend>,
    ) -> Result<Vec<Appended>, TransactionError> {
        StreamAppend::validate_batch(&appends)?;
        if appends.is_empty() {
            return Ok(Vec::new());
        }
        let work = append(transaction, &appends, &self.log_target);
        let appended = self.pool.deadline().run(work).await;
        appended.unwrap_or_else(|_| Err(errors::before_sending(TimeLimit::Statement.into()).into()))
    }
}

/// Checks where the transaction leads to, and its level.
async fn check_session(connection: &mut PgConnection, expected: &LogTarget) -> Result<(), Refused> {
    let session = match Session::read(connection).await {
        Ok(session) => session,
        // A function of the event store is not there.
        Err(error) if is_undefined(&error) => return Err(Refused::Final(other_log(expected, &"no event store"))),
        Err(error) => return Err(error.into()),
    };
    if !session.log.is_same(expected) {
        return Err(Refused::Final(other_log(expected, &session.log)));
    }
    match &*session.isolation {
        // To PostgreSQL they are the same.
        "read committed" | "read uncommitted" => Ok(()),
        _ => Err(Refused::Final(TransactionError::NotReadCommitted {
            level: session.isolation,
        })),
    }
}

fn is_undefined(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "42883")
}

fn other_log(expected: &LogTarget, found: &dyn fmt::Display) -> TransactionError {
    TransactionError::OtherLog {
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

async fn append(
    connection: &mut PgConnection,
    appends: &[StreamAppend],
    log: &LogTarget,
) -> Result<Vec<Appended>, TransactionError> {
    let entries: Vec<&StreamAppend> = appends.iter().collect();
    let (mut ends, mut unchecked) = (None, Some(log));
    loop {
        let refused = match attempt(connection, &entries, unchecked.take()).await? {
            Attempt::Written(results) => match results.into_iter().collect() {
                Some(appended) => return Ok(appended),
                None => group_recovery::not_inserted(),
            },
            Attempt::LostRace(error) => AppendError::Backend(Arc::new(error)),
            Attempt::Unprepared(error) => {
                connection
                    .clear_cached_statements()
                    .await
                    .map_err(errors::before_sending)?;
                AppendError::Backend(Arc::new(error))
            }
        };
        let facts = recorded_facts::read(connection, &entries).await;
        let facts = facts.map_err(errors::before_sending)?;
        if let Resolution::Answer(answer) = resolve(appends, &facts) {
            return Ok(answer?);
        }
        let newer: Vec<Version> = facts.iter().map(|facts| facts.end.version).collect();
        // Another writer was first, and has committed since; or the next attempt would end alike.
        if ends.replace(newer.clone()) == Some(newer) {
            return Err(refused.into());
        }
    }
}

enum Attempt {
    Written(Vec<EntryResult>),
    LostRace(sqlx::Error),
    /// A table was changed or replaced since the statements were prepared.
    Unprepared(sqlx::Error),
}

/// Checks and writes under a savepoint: a refusal by the server would otherwise be the end of the transaction.
async fn attempt(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    unchecked: Option<&LogTarget>,
) -> Result<Attempt, TransactionError> {
    let mut savepoint = connection.begin().await.map_err(errors::before_sending)?;
    let written = async {
        if let Some(log) = unchecked {
            check_session(&mut savepoint, log).await?;
        }
        write_in_order(&mut savepoint, entries).await
    };
    let refused = match written.await {
        Ok(results) => {
            savepoint.commit().await.map_err(errors::before_sending)?;
            return Ok(Attempt::Written(results));
        }
        Err(refused) => refused,
    };
    savepoint.rollback().await.map_err(errors::before_sending)?;
    let failed = match refused {
        Refused::Failed(error) => StatementError::before_commit(error),
        Refused::Final(error) => return Err(error),
    };
    match failed.recovery() {
        Recovery::LookUp => Ok(Attempt::LostRace(failed.error)),
        Recovery::Prepare => Ok(Attempt::Unprepared(failed.error)),
        _ => Err(failed.into_append_error().into()),
    }
}

enum Refused {
    Failed(sqlx::Error),
    Final(TransactionError),
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

/// The order is checked after writing: what stands before the new events can't change any more, while a check before
/// could be overtaken.
async fn write_in_order(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<Vec<EntryResult>, Refused> {
    if advisory_lock::is_needed(entries) {
        advisory_lock::lock(connection, entries).await?;
    }
    let results = insert::write(connection, entries, entries.len() > 1).await?;
    let written = || {
        let entries = entries.iter().zip(&results);
        entries.filter_map(|(append, result)| first_written(append, result.as_ref()?))
    };
    let query = sqlx::query(statements::FIND_ORDER_VIOLATION)
        .bind(written().map(|(stream_id, _)| stream_id.as_str()).bind_iter())
        .bind(written().map(|(_, version)| version).bind_iter());
    let Some(row) = connection.fetch_optional(query).await? else {
        return Ok(results);
    };
    let stream: &str = row.try_get(0)?;
    let violated = entries.iter().find(|append| append.stream_id.as_str() == stream);
    violated.map_or(Ok(results), |append| {
        let stream_id = append.stream_id.clone();
        Err(Refused::Final(TransactionError::TooOld { stream_id }))
    })
}

/// The stream of an entry with events, and the version of the first of them.
fn first_written<'a>(append: &'a StreamAppend, last: &Appended) -> Option<(&'a StreamId, i64)> {
    let before = last.version.checked_sub(append.events.len() as u64)?;
    let is_written = !append.events.is_empty();
    is_written.then_some((&append.stream_id, before.as_i64().saturating_add(1)))
}
