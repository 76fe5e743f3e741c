//! Writing a group of appends in one transaction, or a single event in one statement.

use std::{sync::Arc, time::SystemTime};

use composable_rust_core::{AppendError, Appended, ExpectedVersion, SerializedEvent, StreamAppend};
use futures::TryStreamExt;
use sqlx::{Either, Executor, Row, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};
use tokio::sync::watch;

use crate::{
    connection::{Connections, Lease},
    facts::{self, Facts},
    failure::{self, Kind},
    job::{Answer, Job},
    judge::{Judge, Placed},
    row, statements,
};

/// Writes a group and answers everybody in it.
pub(crate) async fn group(writer: &Arc<Connections>, mut jobs: Vec<Job>, committed: &watch::Sender<i64>) {
    match try_group(writer, &mut jobs).await {
        Ok((answers, log_end)) => {
            committed.send_if_modified(|known| log_end > std::mem::replace(known, log_end.max(*known)));
            for (job, answer) in jobs.iter_mut().zip(answers) {
                job.reply.send(answer);
            }
        }
        // Whatever was judged rested on what was not written: everybody gets the failure.
        Err(error) => {
            tracing::warn!(%error, appends = jobs.len(), "a group of appends failed");
            for job in &mut jobs {
                job.reply.send(Err(error.clone()));
            }
        }
    }
}

/// The answers in the order of the jobs, and the end of the log after them.
type Written = (Vec<Answer>, i64);

async fn try_group(writer: &Arc<Connections>, jobs: &mut [Job]) -> Result<Written, AppendError> {
    let mut lease = writer.lease().await.map_err(failure::before_commit)?;
    if let Some(appended) = try_one(&mut lease, jobs).await? {
        let log_end = row::after(appended.position);
        return Ok((vec![Ok(vec![appended])], log_end));
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
    let query = bind_one(append, event).map_err(failure::before_commit)?;
    let connection = lease.connection().map_err(failure::before_commit)?;
    job.reply.in_doubt();
    // Its row arrives before it is committed: only the end of the statement says so.
    match connection.fetch_all(query).await {
        Ok(rows) => rows.first().map(appended).transpose().map_err(failure::at_commit),
        Err(error) if Kind::of(&error) == Kind::Constraint => Ok(None),
        Err(error) => Err(failure::at_commit(error)),
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
    bind_event(query, event, now())
}

fn appended(row: &sqlx::sqlite::SqliteRow) -> Result<Appended, sqlx::Error> {
    let place = facts::Place {
        version: row.try_get(0)?,
        position: row.try_get(1)?,
    };
    Ok(place.appended())
}

async fn transaction(lease: &mut Lease, jobs: &mut [Job]) -> Result<Written, AppendError> {
    let connection = lease.transaction().map_err(failure::before_commit)?;
    let facts = begin(connection, jobs).await.map_err(failure::before_commit)?;
    let mut judge = Judge::new(facts);
    let mut answers = Vec::with_capacity(jobs.len());
    // Separated, so that the events can be borrowed while the replies are marked.
    let (entries, replies): (Vec<_>, Vec<_>) = jobs.iter_mut().map(|job| (&*job.appends, &mut job.reply)).unzip();
    for appends in entries {
        let answer = judge.job(appends, connection).await;
        answers.push(answer.map_err(failure::before_commit)?);
    }
    let log_end = judge.log_end();
    for reply in replies {
        reply.in_doubt();
    }
    write(connection, &judge.into_placed()).await?;
    Ok((answers, log_end))
}

async fn begin(connection: &mut SqliteConnection, jobs: &[Job]) -> Result<Facts, sqlx::Error> {
    let appends = || jobs.iter().flat_map(|job| &job.appends);
    let query = sqlx::query(statements::BEGIN_WITH_FACTS).bind(facts::question(appends()));
    let rows = connection.fetch_all(query).await?;
    let asked: Vec<_> = appends().map(|append| &append.stream_id).collect();
    Facts::read(&rows, &asked)
}

/// Writes what has been placed, in as few statements as there can be, the last of which commits.
async fn write(connection: &mut SqliteConnection, mut placed: &[Placed<'_>]) -> Result<(), AppendError> {
    if placed.is_empty() {
        let released = connection.execute(statements::ROLLBACK).await;
        return released.map(|_| ()).map_err(failure::before_commit);
    }
    // The database's clock is this process's: SQLite runs in it, and its own functions stop at milliseconds.
    let recorded_at = now();
    let inserts = &*statements::INSERTS;
    loop {
        let fitting = inserts.iter().find(|insert| placed.len() <= insert.rows);
        let (sql, rows) = match (fitting, inserts.last()) {
            (Some(insert), _) => (insert.committing.as_str(), placed.len()),
            (None, Some(largest)) => (largest.alone.as_str(), largest.rows),
            (None, None) => return Ok(()),
        };
        let (now, rest) = placed.split_at(rows);
        execute(connection, sql, now, recorded_at).await?;
        if rest.is_empty() {
            return Ok(());
        }
        placed = rest;
    }
}

/// Runs an INSERT, with or without a COMMIT behind it: once the INSERT has answered, a failure is the COMMIT's.
async fn execute(
    connection: &mut SqliteConnection,
    sql: &'static str,
    placed: &[Placed<'_>],
    recorded_at: i64,
) -> Result<(), AppendError> {
    let mut query = sqlx::query(sql);
    for event in placed {
        query = bind(query, event, recorded_at).map_err(failure::before_commit)?;
    }
    let mut results = connection.fetch_many(query);
    let mut inserted = false;
    loop {
        match results.try_next().await {
            Ok(None) => return Ok(()),
            Ok(Some(Either::Left(_))) => inserted = true,
            Ok(Some(Either::Right(_))) => {}
            Err(error) if inserted => return Err(failure::at_commit(error)),
            Err(error) => return Err(failure::before_commit(error)),
        }
    }
}

fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    placed: &Placed<'_>,
    recorded_at: i64,
) -> Result<Query<'q, Sqlite, SqliteArguments>, sqlx::Error> {
    let query = query
        .bind(placed.place.position)
        .bind(placed.stream_id.as_str().to_owned())
        .bind(placed.place.version);
    bind_event(query, placed.event, recorded_at)
}

fn bind_event<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    event: &SerializedEvent,
    recorded_at: i64,
) -> Result<Query<'q, Sqlite, SqliteArguments>, sqlx::Error> {
    let command = event.command;
    Ok(query
        .bind(*event.id.as_uuid())
        .bind(event.event_type.clone().into_owned())
        .bind(event.encoding.code())
        .bind(event.data.clone())
        .bind(row::metadata_json(event)?)
        .bind(command.map(|mark| *mark.id.as_uuid()))
        .bind(command.map(|mark| mark.events))
        .bind(recorded_at))
}

fn now() -> i64 {
    row::micros(SystemTime::now())
}

/// Empties the write-ahead log if no reader is in the way; does not wait for one.
pub(crate) async fn checkpoint(writer: &Arc<Connections>) {
    let Ok(mut lease) = writer.lease().await else { return };
    let Ok(connection) = lease.connection() else { return };
    if let Err(error) = connection.execute(statements::CHECKPOINT).await {
        tracing::debug!(%error, "the write-ahead log could not be emptied");
    }
}
