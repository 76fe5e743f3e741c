//! The end of the log: how far it can be read, what is stored beyond, and how to wait until that can be read.

use std::sync::Arc;

use composable_rust_core::{Position, ReadError, Unavailable, UnavailableReason};
use futures::future::BoxFuture;
use sqlx::{
    Executor, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{
    blocking_transactions::{self, HeldBack},
    deadline::Deadline,
    errors,
    log::parts,
    log_waiters::LogWaiters,
    pool::Pool,
    pooled_connection::PooledConnection,
    row, statements,
};

/// The end of the log, and what it says of some positions.
#[derive(Debug)]
pub(crate) struct LogEnd {
    /// The last event that can be read.
    pub(crate) readable: Position,
    /// Whether more is stored beyond it, which an older transaction holds back.
    pub(crate) more: bool,
    /// Those of the positions whose events are gone.
    pub(crate) lost: Vec<Position>,
}

/// Reads the end of the log, and whether the events at `positions` are still there.
pub(crate) async fn read(connection: &mut PooledConnection, positions: &[Position]) -> Result<LogEnd, sqlx::Error> {
    let rows = connection.connection()?.fetch_all(query(positions)).await?;
    decode(&rows, positions)
}

fn query(positions: &[Position]) -> Query<'static, Postgres, PgArguments> {
    let (mut generations, mut transactions, mut sequences) = (Vec::new(), Vec::new(), Vec::new());
    for (generation, transaction, position) in positions.iter().copied().map(parts) {
        generations.push(generation);
        transactions.push(transaction);
        sequences.push(position);
    }
    sqlx::query(statements::HIGH_WATER_MARK)
        .bind(generations)
        .bind(transactions)
        .bind(sequences)
}

/// The answer: the end, then a row for each position.
fn decode(rows: &[PgRow], positions: &[Position]) -> Result<LogEnd, sqlx::Error> {
    let (first, verified) = rows.split_first().ok_or(sqlx::Error::RowNotFound)?;
    let is_empty = first.try_get::<Option<i64>, _>(2)?.is_none();
    let readable = if is_empty {
        Position::BEGINNING
    } else {
        row::position(first)?
    };
    let mut lost = Vec::new();
    for (row, position) in verified.iter().zip(positions) {
        if is_lost(*position, row.try_get(3)?, row.try_get(4)?) {
            lost.push(*position);
        }
    }
    Ok(LogEnd {
        readable,
        more: first.try_get(4)?,
        lost,
    })
}

/// Whether the event that once stood at `after` is gone, when this one was found there. A position without a tag can't
/// tell; one that a standby has not heard of yet may come.
pub(crate) fn is_lost(after: Position, found: Option<Uuid>, may_come: bool) -> bool {
    let is_there = found.map_or(may_come, |id| row::event_tag(id.into()) == after.event_tag());
    after.event_tag() != 0 && !is_there
}

/// The last event that can be read.
pub(crate) async fn head(pool: &Arc<Pool>) -> Result<Position, sqlx::Error> {
    pool.run(head_query).await
}

fn head_query(connection: &mut PooledConnection) -> BoxFuture<'_, Result<Position, sqlx::Error>> {
    Box::pin(async move { Ok(read(connection, &[]).await?.readable) })
}

/// The last event that is stored, whether it can be read yet or not.
fn last_event(connection: &mut PooledConnection) -> BoxFuture<'_, Result<Position, sqlx::Error>> {
    Box::pin(async move {
        let row = connection.connection()?.fetch_optional(statements::LAST_EVENT).await?;
        Ok(row.as_ref().map(row::position).transpose()?.unwrap_or_default())
    })
}

/// Waits until everything that is stored now can be read. Returns the head that is reached then. In a task of the store's
/// runtime.
pub(crate) async fn wait_for_committed(pool: &Arc<Pool>, waiters: &Arc<LogWaiters>) -> Result<Position, ReadError> {
    let deadline = pool.deadline();
    // The rest is for the question what holds the log back.
    let patience = deadline.within(pool.limits().statement);
    let last = pool.run_until(deadline, last_event).await.map_err(errors::of_read)?;
    loop {
        let head = pool.run_until(deadline, head_query).await.map_err(errors::of_read)?;
        if head >= last {
            return Ok(head);
        }
        match patience.run(waiters.wait(head)).await {
            Ok(waited) => waited?,
            Err(_) => return Err(held_back(pool, deadline).await),
        }
    }
}

async fn held_back(pool: &Arc<Pool>, deadline: Deadline) -> ReadError {
    let oldest = match pool.run_until(deadline, blocking_transactions::query).await {
        Ok(found) => found.into_iter().next(),
        Err(error) => return errors::of_read(error),
    };
    let source = oldest.map_or(HeldBack::ByUnknown, HeldBack::By);
    Unavailable::new(UnavailableReason::HeldBack, Arc::new(source)).into()
}
