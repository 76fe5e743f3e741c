//! Inserts events, in as few statements as possible, and commits.

use std::time::SystemTime;

use composable_rust_core::SerializedEvent;
use futures::TryStreamExt;
use sqlx::{Either, Executor, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use crate::{errors::ErrorClass, group_plan::Placed, row, statements};

/// A write that failed, and whether its COMMIT was under way.
#[derive(Debug)]
pub(crate) struct WriteError {
    pub(crate) error: sqlx::Error,
    pub(crate) at_commit: bool,
}

impl WriteError {
    pub(crate) const fn before_commit(error: sqlx::Error) -> Self {
        Self {
            error,
            at_commit: false,
        }
    }

    pub(crate) const fn at_commit(error: sqlx::Error) -> Self {
        Self { error, at_commit: true }
    }

    /// Whether a trigger or an index refused an event: certainly nothing was written.
    pub(crate) fn is_refused(&self) -> bool {
        ErrorClass::of(&self.error) == ErrorClass::Constraint
    }
}

/// Locks, writes and commits in one trip. There must not be more events than the largest statement takes.
pub(crate) async fn transaction(connection: &mut SqliteConnection, placed: &[Placed<'_>]) -> Result<(), WriteError> {
    let fitting = statements::INSERTS.iter().find(|insert| placed.len() <= insert.rows);
    let Some(insert) = fitting else {
        return Err(WriteError::before_commit(sqlx::Error::WorkerCrashed));
    };
    execute(connection, Script::committing(&insert.whole, 3), placed, now()).await
}

/// Writes and commits under a lock that is held already.
pub(crate) async fn rest_of_transaction(
    connection: &mut SqliteConnection,
    mut placed: &[Placed<'_>],
) -> Result<(), WriteError> {
    if placed.is_empty() {
        let released = connection.execute(statements::ROLLBACK).await;
        return released.map(|_| ()).map_err(WriteError::before_commit);
    }
    let recorded_at = now();
    let inserts = &*statements::INSERTS;
    loop {
        let fitting = inserts.iter().find(|insert| placed.len() <= insert.rows);
        let (script, rows) = match (fitting, inserts.last()) {
            (Some(insert), _) => (Script::committing(&insert.committing, 2), placed.len()),
            (None, Some(largest)) => (Script::inserting(&largest.alone), largest.rows),
            (None, None) => return Ok(()),
        };
        let (next, rest) = placed.split_at(rows);
        execute(connection, script, next, recorded_at).await?;
        if rest.is_empty() {
            return Ok(());
        }
        placed = rest;
    }
}

/// Statements that are sent together; each has one result.
struct Script {
    sql: &'static str,
    statements: usize,
    /// Whether the last of them commits.
    commits: bool,
}

impl Script {
    const fn inserting(sql: &'static str) -> Self {
        Self {
            sql,
            statements: 1,
            commits: false,
        }
    }

    const fn committing(sql: &'static str, statements: usize) -> Self {
        Self {
            sql,
            statements,
            commits: true,
        }
    }
}

async fn execute(
    connection: &mut SqliteConnection,
    script: Script,
    placed: &[Placed<'_>],
    recorded_at: i64,
) -> Result<(), WriteError> {
    let mut query = sqlx::query(script.sql);
    for event in placed {
        query = bind(query, event, recorded_at).map_err(WriteError::before_commit)?;
    }
    let mut results = connection.fetch_many(query);
    let mut answers = 0;
    let error = loop {
        match results.try_next().await {
            Ok(None) if answers == script.statements => return Ok(()),
            // The driver's thread has ended: the end of its results alone is no acknowledgement.
            Ok(None) => break sqlx::Error::WorkerCrashed,
            Ok(Some(Either::Left(_))) => answers += 1,
            Ok(Some(Either::Right(_))) => {}
            Err(error) => break error,
        }
    };
    // A thread that has ended may have run a statement whose result it did not send.
    let unheard = matches!(error, sqlx::Error::WorkerCrashed);
    let at_commit = script.commits && (unheard || answers + 1 == script.statements);
    Err(WriteError { error, at_commit })
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

pub(crate) fn bind_event<'q>(
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
        .bind(command.map(|mark| *mark.command_id.as_uuid()))
        .bind(command.map(|mark| mark.event_count))
        .bind(recorded_at))
}

/// The database's clock is this process's: SQLite runs in it, and its own functions stop at milliseconds.
pub(crate) fn now() -> i64 {
    row::micros(SystemTime::now())
}
