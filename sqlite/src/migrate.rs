//! The schema, and how a file gets to it.
//!
//! Not the driver's migrator: its table belongs to the application that keeps its own tables in the same file, and two
//! migrators on one table fail each other. Nothing is written to `user_version` and `application_id` for the same reason.

use std::time::SystemTime;

use sqlx::{Executor, Row, SqliteConnection};

use crate::{SqliteOpenError, open_failure::OpenFailure, row, statements};

/// A step of the schema. A released one is never changed; a test holds the hashes.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// The table that remembers the others.
const TABLE: &str = include_str!("../migrations/0000_migrations.sql");

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "events",
        sql: include_str!("../migrations/0001_events.sql"),
    },
    Migration {
        version: 2,
        name: "snapshot parts",
        sql: include_str!("../migrations/0002_snapshot_parts.sql"),
    },
];

/// Brings the schema up to date. Reads the version before it locks, so that opening does not wait for a writer without
/// need.
pub(crate) async fn run(connection: &mut SqliteConnection) -> Result<(), OpenFailure> {
    if schema(connection).await? == newest() {
        return Ok(());
    }
    // The process that gets the lock first migrates; the others then find nothing to do.
    connection.execute(statements::BEGIN).await?;
    let from = schema(connection).await?;
    connection.execute(TABLE).await?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > from) {
        apply(connection, migration).await?;
    }
    connection.execute(statements::COMMIT).await?;
    Ok(())
}

/// Whether a file with this schema has everything that a reader of this release needs.
pub(crate) fn is_newest(schema: i64) -> bool {
    schema == newest()
}

fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// The schema of the file, which is one that this release knows; 0 for a file without one.
pub(crate) async fn schema(connection: &mut SqliteConnection) -> Result<i64, OpenFailure> {
    let rows = connection.fetch_all(statements::TABLES).await?;
    let tables = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<Vec<String>, _>>()?;
    if !tables
        .iter()
        .any(|table| table.eq_ignore_ascii_case("event_store_migrations"))
    {
        return match tables.into_iter().next() {
            Some(table) => Err(SqliteOpenError::TableTaken { table }.into()),
            None => Ok(0),
        };
    }
    let found = connection.fetch_one(statements::SCHEMA_VERSION).await?.try_get(0)?;
    if found > newest() {
        return Err(SqliteOpenError::NewerSchema { found, known: newest() }.into());
    }
    Ok(found)
}

async fn apply(connection: &mut SqliteConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    connection.execute(migration.sql).await?;
    let record = sqlx::query(statements::RECORD_MIGRATION)
        .bind(migration.version)
        .bind(migration.name)
        .bind(row::micros(SystemTime::now()));
    connection.execute(record).await?;
    tracing::info!(
        version = migration.version,
        name = migration.name,
        "migrated the event store"
    );
    Ok(())
}
