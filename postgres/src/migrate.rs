//! The schema, and how a database gets to it.
//!
//! Not the driver's migrator: its table belongs to the application that keeps its own tables in the same schema, and two
//! migrators on one table fail each other. Each file of ours records itself, so that any tool may apply it.

use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use crate::{
    PostgresOpenError, open::OpenFailure, options::Settings, server_settings::ServerSettings, statements, url,
};

/// A step of the schema. A released one is never changed; a test holds the hashes.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "events",
    sql: include_str!("../migrations/0001_events.sql"),
}];

/// Brings the schema up to date. Looks before it locks anything, so that a role without the right to create tables may
/// find that there is nothing to do.
pub(crate) async fn run(connection: &mut PgConnection, settings: &Settings) -> Result<(), OpenFailure> {
    create_schema(connection, settings).await?;
    let found = schema(connection, settings).await?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > found) {
        apply(connection, migration, settings).await?;
    }
    Ok(())
}

/// That the schema is exactly the one that this release knows.
pub(crate) async fn check(connection: &mut PgConnection, settings: &Settings) -> Result<(), OpenFailure> {
    let (found, needed) = (schema(connection, settings).await?, newest());
    if found < needed {
        return Err(PostgresOpenError::NotMigrated { found, needed }.into());
    }
    Ok(ServerSettings::read(connection).await?.check_tables()?)
}

fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// The schema of the database, which is one that this release knows; 0 where there is none.
async fn schema(connection: &mut PgConnection, settings: &Settings) -> Result<i64, OpenFailure> {
    if !ServerSettings::read(connection).await?.has_log(settings) {
        return Ok(0);
    }
    let found = connection.fetch_one(statements::SCHEMA_VERSION).await?.try_get(0)?;
    let known = newest();
    if found > known {
        return Err(PostgresOpenError::NewerSchema { found, known }.into());
    }
    Ok(found)
}

/// Looks before it creates: who may not create schemas may still use one.
async fn create_schema(connection: &mut PgConnection, settings: &Settings) -> Result<(), OpenFailure> {
    let Some(schema) = &settings.schema else {
        return Ok(());
    };
    if ServerSettings::read(connection).await?.schema.is_none() {
        let quoted = url::quoted(schema)?;
        let create = statements::CREATE_SCHEMA.replace("{schema}", &quoted);
        connection.execute(AssertSqlSafe(create)).await?;
    }
    Ok(())
}

/// A file is a transaction of its own. Whoever applies it at the same time is waited for, and leaves nothing to do.
async fn apply(connection: &mut PgConnection, migration: &Migration, settings: &Settings) -> Result<(), sqlx::Error> {
    connection.execute(statements::BEGIN).await?;
    if !settings.event_type_index {
        connection.execute(statements::LEAVE_OUT_TYPE_INDEX).await?;
    }
    connection.execute(migration.sql).await?;
    connection.execute(statements::COMMIT).await?;
    tracing::info!(
        version = migration.version,
        name = migration.name,
        "migrated the event store"
    );
    Ok(())
}
