//! Writing a group of appends in one transaction, or a single event in one statement.

use std::sync::Arc;

use composable_rust_core::{AppendError, Appended, ExpectedVersion, SerializedEvent, StreamAppend};
use futures::TryStreamExt;
use sqlx::{
    Either, Executor, Row, Sqlite, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{
    connection::{Connections, Lease},
    errors::{self, Kind},
    facts::{self, Facts},
    insert,
    job::{Answer, Job},
    judge::Judge,
    row, statements,
    trust::{Plan, Trust},
};

/// Writes a group; the answers are in the order of the jobs.
pub(crate) async fn group(writer: &Arc<Connections>, jobs: &mut [Job], trust: &Trust) -> Vec<Answer> {
    match try_group(writer, jobs, trust).await {
        Ok((answers, log_end)) => {
            trust.committed(log_end);
            answers
        }
        // Whatever was judged rested on what was not written: everybody gets the failure.
        Err(error) => {
            tracing::warn!(%error, appends = jobs.len(), "a group of appends failed");
            vec![Err(error); jobs.len()]
        }
    }
}

/// The answers in the order of the jobs, and the end of the log after them.
type Written = (Vec<Answer>, i64);

async fn try_group(writer: &Arc<Connections>, jobs: &mut [Job], trust: &Trust) -> Result<Written, AppendError> {
    let mut lease = writer.lease().await.map_err(errors::before_commit)?;
    if let Some(appended) = try_one(&mut lease, jobs).await? {
        let log_end = row::after(appended.position);
        return Ok((vec![Ok(vec![appended])], log_end));
    }
    if let Some(written) = try_on_trust(&mut lease, jobs, trust).await? {
        return Ok(written);
    }
    let result = transaction(&mut lease, jobs).await;
    match &result {
        Ok(_) => lease.committed(),
        Err(_) => lease.roll_back().await,
    }
    result
}

/// One event alone is judged by the statement that writes it. Where it is refused, `None`: a transaction finds out why.
async fn try_one(lease: &mut Lease, jobs: &mut [Job]) -> Result<Option<Appended>, AppendError> {
    let [job] = jobs else { return Ok(None) };
    let Some((append, event)) = only_event(&job.appends) else {
        return Ok(None);
    };
    let query = bind_one(append, event).map_err(errors::before_commit)?;
    let connection = lease.connection().map_err(errors::before_commit)?;
    job.reply.in_doubt(true);
    // Its row arrives before it is committed: only the end of the statement says so.
    let mut results = connection.fetch_many(query);
    let (mut row, mut answered) = (None, false);
    let outcome = loop {
        match results.try_next().await {
            Ok(None) => break Ok(()),
            Ok(Some(Either::Left(_))) => answered = true,
            Ok(Some(Either::Right(found))) => row = Some(found),
            Err(error) => break Err(error),
        }
    };
    drop(results);
    match outcome {
        // The driver's thread is gone: neither a row nor the lack of one is an answer.
        Ok(()) if !answered => Err(errors::at_commit(sqlx::Error::WorkerCrashed)),
        Ok(()) => row.as_ref().map(appended).transpose().map_err(errors::at_commit),
        Err(error) if Kind::of(&error) == Kind::Constraint => Ok(None),
        Err(error) => Err(errors::at_commit(error)),
    }
}

/// Writes the group as its writers believe it to be. Where the database disagrees, `None`: nothing was written.
async fn try_on_trust(lease: &mut Lease, jobs: &mut [Job], trust: &Trust) -> Result<Option<Written>, AppendError> {
    in_doubt(jobs, true);
    let written = match trust.plan(jobs) {
        Some(plan) => write_plan(lease, plan, trust).await?,
        None => None,
    };
    if written.is_none() {
        in_doubt(jobs, false);
    }
    Ok(written)
}

fn in_doubt(jobs: &mut [Job], in_doubt: bool) {
    for job in jobs {
        job.reply.in_doubt(in_doubt);
    }
}

async fn write_plan(lease: &mut Lease, plan: Plan<'_>, trust: &Trust) -> Result<Option<Written>, AppendError> {
    let connection = lease.transaction().map_err(errors::before_commit)?;
    match insert::transaction(connection, &plan.placed).await {
        Ok(()) => {
            lease.committed();
            Ok(Some((plan.answers, plan.log_end)))
        }
        Err(failed) => {
            lease.roll_back().await;
            trust.disappointed();
            if failed.is_refused() {
                Ok(None)
            } else {
                Err(failed.into())
            }
        }
    }
}

fn only_event(appends: &[StreamAppend]) -> Option<(&StreamAppend, &SerializedEvent)> {
    match appends {
        [append] => match &*append.events {
            [event] => Some((append, event)),
            _ => None,
        },
        _ => None,
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
    let place = facts::Place {
        version: row.try_get(0)?,
        position: row.try_get(1)?,
    };
    Ok(place.appended())
}

async fn transaction(lease: &mut Lease, jobs: &mut [Job]) -> Result<Written, AppendError> {
    let connection = lease.transaction().map_err(errors::before_commit)?;
    let facts = begin(connection, jobs).await.map_err(errors::before_commit)?;
    let mut judge = Judge::new(facts);
    let mut answers = Vec::with_capacity(jobs.len());
    // Separated, so that the events can be borrowed while the replies are marked.
    let (entries, replies): (Vec<_>, Vec<_>) = jobs.iter_mut().map(|job| (&*job.appends, &mut job.reply)).unzip();
    for appends in entries {
        let answer = judge.job(appends, connection).await;
        answers.push(answer.map_err(errors::before_commit)?);
    }
    let log_end = judge.log_end();
    for reply in replies {
        reply.in_doubt(true);
    }
    insert::rest_of_transaction(connection, &judge.into_placed()).await?;
    Ok((answers, log_end))
}

async fn begin(connection: &mut SqliteConnection, jobs: &[Job]) -> Result<Facts, sqlx::Error> {
    let appends = || jobs.iter().flat_map(|job| &job.appends);
    let query = sqlx::query(statements::BEGIN_WITH_FACTS).bind(facts::question(appends()));
    let rows = connection.fetch_all(query).await?;
    let asked: Vec<_> = appends().map(|append| &append.stream_id).collect();
    Facts::read(&rows, &asked)
}

/// Moves the write-ahead log into the file, so that the next commit can start it over; waits for no reader.
pub(crate) async fn checkpoint(mut lease: Lease) {
    let Ok(connection) = lease.connection() else { return };
    if let Err(error) = connection.execute(statements::CHECKPOINT).await {
        tracing::debug!(%error, "the write-ahead log could not be moved into the file");
    }
}
