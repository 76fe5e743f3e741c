//! Appending within a transaction of the caller's: events that stand or fall with what else it writes.

use std::sync::Arc;

use composable_rust_core::{AppendError, Appended, StreamAppend, StreamId, Version};
use sqlx::{Connection, Executor, PgConnection, PgTransaction, Row, postgres::PgBindIterExt};

use crate::{
    PostgresEventStore, append,
    errors::{self, ErrorClass},
    facts::Facts,
    insert::{self, Manner, Verdict},
    judge, locked, statements,
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
    /// The transaction began to write before the stream's last event was written, so the whole log would show the new
    /// events before that one. Roll back and do it all again; appending first makes it unlikely.
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
    /// with whatever else it writes.
    ///
    /// The transaction must run at READ COMMITTED. It holds up whoever else appends to these streams, and all readers of
    /// the whole log, until it ends: keep it short, and append first. Nobody is woken when it commits; readers that wait
    /// find the events when they look again. A future that is dropped in the middle leaves the transaction half done:
    /// roll it back.
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
    /// See [`TransactionError`]. The transaction goes on without the append: commit or roll back as the case demands.
    pub async fn append_in(
        &self,
        transaction: &mut PgTransaction<'_>,
        appends: Vec<StreamAppend>,
    ) -> Result<Vec<Appended>, TransactionError> {
        StreamAppend::validate_batch(&appends)?;
        if appends.is_empty() {
            return Ok(Vec::new());
        }
        check_level(transaction).await?;
        let entries: Vec<&StreamAppend> = appends.iter().collect();
        append(transaction, &appends, &entries).await
    }
}

async fn check_level(connection: &mut PgConnection) -> Result<(), TransactionError> {
    let row = connection.fetch_one(sqlx::query(statements::ISOLATION)).await;
    let level = row
        .and_then(|row| row.try_get::<String, _>(0))
        .map_err(errors::before_sending)?;
    match &*level {
        // To PostgreSQL they are the same.
        "read committed" | "read uncommitted" => Ok(()),
        _ => Err(TransactionError::NotReadCommitted { level }),
    }
}

async fn append(
    connection: &mut PgConnection,
    appends: &[StreamAppend],
    entries: &[&StreamAppend],
) -> Result<Vec<Appended>, TransactionError> {
    let mut ends = Vec::new();
    loop {
        let (verdicts, taken) = match attempt(connection, entries).await? {
            Attempt::Written(verdicts) => (Some(verdicts), None),
            Attempt::Taken(error) => (None, Some(error)),
        };
        if let Some(answer) = verdicts
            .as_deref()
            .and_then(|verdicts| judge::at_once(appends, verdicts))
        {
            return Ok(answer?);
        }
        let facts = Facts::read(connection, entries).await.map_err(errors::before_sending)?;
        if let Some(answer) = judge::answer(appends, &facts, verdicts.as_deref()) {
            return Ok(answer?);
        }
        let newer: Vec<Version> = facts.iter().map(|facts| facts.end.version).collect();
        match taken {
            // Somebody else was first, and has committed since.
            Some(_) if newer != ends => ends = newer,
            Some(error) => return Err(AppendError::Backend(Arc::new(error)).into()),
            None => return Ok(append::not_inserted()?),
        }
    }
}

enum Attempt {
    Written(Vec<Verdict>),
    Taken(sqlx::Error),
}

/// Judges and writes under a savepoint: a refusal by the server would otherwise be the end of the transaction.
async fn attempt(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<Attempt, TransactionError> {
    let mut savepoint = connection.begin().await.map_err(errors::before_sending)?;
    let outcome = written_in_order(&mut savepoint, entries).await;
    match outcome {
        Ok(verdicts) => {
            savepoint.commit().await.map_err(errors::before_sending)?;
            Ok(Attempt::Written(verdicts))
        }
        Err(refused) => {
            savepoint.rollback().await.map_err(errors::before_sending)?;
            match refused {
                Refused::Failed(error) if ErrorClass::of(&error) == ErrorClass::UniqueViolation => {
                    Ok(Attempt::Taken(error))
                }
                Refused::Failed(error) => Err(errors::before_sending(error).into()),
                Refused::TooOld(stream_id) => Err(TransactionError::TooOld { stream_id }),
            }
        }
    }
}

enum Refused {
    Failed(sqlx::Error),
    TooOld(StreamId),
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

/// The order is looked at after writing: what stands before the new events can't change any more, while a look before
/// could be overtaken.
async fn written_in_order(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<Vec<Verdict>, Refused> {
    if locked::is_needed(entries) {
        locked::lock(connection, entries).await?;
    }
    let verdicts = written(connection, entries).await?;
    let written = || {
        let entries = entries.iter().zip(&verdicts);
        entries.filter(|(append, verdict)| !append.events.is_empty() && verdict.end.is_some())
    };
    let query = sqlx::query(statements::ORDER_BROKEN)
        .bind(written().map(|(append, _)| append.stream_id.as_str()).bind_iter())
        .bind(
            written()
                .map(|(_, verdict)| verdict.head.map(|head| head.as_i64().saturating_add(1)))
                .bind_iter(),
        );
    let Some(row) = connection.fetch_optional(query).await? else {
        return Ok(verdicts);
    };
    let stream: &str = row.try_get(0)?;
    let broken = entries.iter().find(|append| append.stream_id.as_str() == stream);
    match broken {
        Some(append) => Err(Refused::TooOld(append.stream_id.clone())),
        None => Ok(verdicts),
    }
}

/// Quickly, if it is accepted: a quick statement is about one event, and has written nothing when it refuses.
async fn written(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<Vec<Verdict>, sqlx::Error> {
    let manner = |thorough| Manner {
        all_or_nothing: entries.len() > 1,
        thorough,
    };
    let verdicts = insert::write(connection, entries, manner(false)).await?;
    if verdicts.iter().all(|verdict| verdict.head.is_some()) {
        return Ok(verdicts);
    }
    insert::write(connection, entries, manner(true)).await
}
