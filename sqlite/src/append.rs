//! Writes a group of appends in one transaction, or a single event in one statement.

use composable_rust_core::{Appended, ExpectedVersion, SerializedEvent, StreamAppend};
use futures::TryStreamExt;
use sqlx::{
    Either, Executor, Row, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{
    errors::ErrorClass,
    group_plan::GroupPlan,
    insert::{self, WriteError},
    pending_append::{Answer, PendingAppend},
    pool::PooledConnection,
    recorded_facts::{self, GroupFacts, Place},
    row,
    speculative::{Prediction, SpeculativeWriter},
    statements,
};

/// The answers in the order of the group, and the end of the log after them.
pub(crate) type Written = (Vec<Answer>, i64);

/// Writes a group. If it fails, nobody in it was written, or all are in doubt.
pub(crate) async fn group(
    connection: &mut PooledConnection,
    group: &mut [PendingAppend],
    speculative: &SpeculativeWriter,
) -> Result<Written, WriteError> {
    let refused = match only_event(group) {
        Some(_) => match try_one(connection, group).await? {
            Some(appended) => return Ok((vec![Ok(vec![appended])], row::after(appended.position))),
            None => true,
        },
        None => false,
    };
    if !refused && let Some(written) = try_predicted(connection, group, speculative).await? {
        return Ok(written);
    }
    let result = transaction(connection, group).await;
    match &result {
        Ok(_) => connection.committed(),
        Err(_) => connection.roll_back().await,
    }
    result
}

fn only_event(group: &[PendingAppend]) -> Option<(&StreamAppend, &SerializedEvent)> {
    let [pending] = group else { return None };
    let [append] = &*pending.appends else { return None };
    let [event] = &*append.events else { return None };
    Some((append, event))
}

/// Writes a single event by one statement that checks it and commits itself. `None` if the event was refused: a
/// transaction finds out why.
async fn try_one(
    connection: &mut PooledConnection,
    group: &mut [PendingAppend],
) -> Result<Option<Appended>, WriteError> {
    let Some((append, event)) = only_event(group) else {
        return Ok(None);
    };
    let query = bind_one(append, event).map_err(WriteError::before_commit)?;
    set_in_doubt(group, true);
    let outcome = run_one(connection, query).await;
    match outcome {
        Ok(Some(row)) => appended(&row).map(Some).map_err(WriteError::at_commit),
        Ok(None) => {
            set_in_doubt(group, false);
            Ok(None)
        }
        Err(error) => Err(WriteError::at_commit(error)),
    }
}

async fn run_one(
    lent: &mut PooledConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Option<SqliteRow>, sqlx::Error> {
    // The row arrives before the statement has committed: only the end of the statement says so.
    lent.expect_inserts(1);
    let mut results = lent.transaction()?.fetch_many(query);
    let (mut row, mut is_committed) = (None, false);
    let outcome = loop {
        match results.try_next().await {
            // The driver's thread has ended: neither a row nor the lack of one is an answer.
            Ok(None) if !is_committed => break Err(sqlx::Error::WorkerCrashed),
            Ok(None) => break Ok(row),
            Ok(Some(Either::Left(_))) => is_committed = true,
            Ok(Some(Either::Right(found))) => row = Some(found),
            Err(error) if ErrorClass::of(&error) == ErrorClass::Constraint => break Ok(None),
            Err(error) => break Err(error),
        }
    };
    drop(results);
    match &outcome {
        Ok(_) => lent.committed(),
        Err(error) => {
            lent.discard_if_lost(error);
            lent.roll_back().await;
        }
    }
    outcome
}

/// Writes the group as its expected versions predict it. `None` if the database disagrees: nothing was written.
async fn try_predicted(
    connection: &mut PooledConnection,
    group: &mut [PendingAppend],
    speculative: &SpeculativeWriter,
) -> Result<Option<Written>, WriteError> {
    set_in_doubt(group, true);
    let written = match speculative.predict(group) {
        Some(prediction) => write_predicted(connection, prediction, speculative).await?,
        None => None,
    };
    if written.is_none() {
        set_in_doubt(group, false);
    }
    Ok(written)
}

async fn write_predicted(
    lent: &mut PooledConnection,
    prediction: Prediction<'_>,
    speculative: &SpeculativeWriter,
) -> Result<Option<Written>, WriteError> {
    lent.expect_inserts(prediction.placed.len());
    let connection = lent.transaction().map_err(WriteError::before_commit)?;
    match insert::transaction(connection, &prediction.placed).await {
        Ok(()) => {
            lent.committed();
            Ok(Some((prediction.answers, prediction.log_end)))
        }
        Err(failed) => {
            lent.discard_if_lost(&failed.error);
            lent.roll_back().await;
            speculative.mispredicted();
            if failed.is_refused() { Ok(None) } else { Err(failed) }
        }
    }
}

fn set_in_doubt(group: &mut [PendingAppend], in_doubt: bool) {
    for pending in group {
        pending.reply.set_in_doubt(in_doubt);
    }
}

fn bind_one<'q>(
    append: &StreamAppend,
    event: &SerializedEvent,
) -> Result<Query<'q, Sqlite, SqliteArguments>, sqlx::Error> {
    let (kind, version) = match append.expected {
        ExpectedVersion::Any => (0, 0),
        ExpectedVersion::NoStream => (1, 0),
        ExpectedVersion::Exact(version) => (1, version.as_i64()),
        ExpectedVersion::StreamExists => (2, 0),
    };
    let query = sqlx::query(statements::APPEND_ONE)
        .bind(append.stream_id.as_str().to_owned())
        .bind(kind)
        .bind(version);
    insert::bind_event(query, event, insert::now())
}

fn appended(row: &SqliteRow) -> Result<Appended, sqlx::Error> {
    let place = Place {
        version: row.try_get(0)?,
        position: row.try_get(1)?,
    };
    Ok(place.appended())
}

/// Looks everything up under the write lock, resolves each append, and writes those that are accepted.
async fn transaction(lent: &mut PooledConnection, group: &mut [PendingAppend]) -> Result<Written, WriteError> {
    let connection = lent.transaction().map_err(WriteError::before_commit)?;
    let facts = begin(connection, group).await.map_err(WriteError::before_commit)?;
    let mut plan = GroupPlan::new(facts);
    let mut answers = Vec::with_capacity(group.len());
    // Separated, so that the events can be borrowed while the replies are marked.
    let (entries, replies): (Vec<_>, Vec<_>) = group
        .iter_mut()
        .map(|pending| (&*pending.appends, &mut pending.reply))
        .unzip();
    for appends in entries {
        let answer = plan.add(appends, connection).await;
        answers.push(answer.map_err(WriteError::before_commit)?);
    }
    let log_end = plan.log_end();
    for reply in replies {
        reply.set_in_doubt(true);
    }
    let placed = plan.into_placed();
    lent.expect_inserts(placed.len());
    insert::rest_of_transaction(lent.connection().map_err(WriteError::before_commit)?, &placed).await?;
    Ok((answers, log_end))
}

async fn begin(connection: &mut SqliteConnection, group: &[PendingAppend]) -> Result<GroupFacts, sqlx::Error> {
    let appends = || group.iter().flat_map(|pending| &pending.appends);
    let query = sqlx::query(statements::BEGIN_WITH_FACTS).bind(recorded_facts::question(appends()));
    let rows = connection.fetch_all(query).await?;
    let asked: Vec<_> = appends().map(|append| &append.stream_id).collect();
    GroupFacts::read(&rows, &asked)
}
