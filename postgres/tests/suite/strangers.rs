//! Another writer on the same database, who knows nothing of the store, and a gate that holds appends up.

use std::time::Duration;

use composable_rust_core::StreamId;
use composable_rust_postgres_fixture::{TestDatabase, wait_for};
use sqlx::{Executor, PgConnection, Row};
use uuid::Uuid;

use crate::support::{execute, stranger};

const PATIENCE: Duration = Duration::from_secs(30);

/// Writes an event as no store would: at this version, whatever is there.
pub(crate) async fn insert(connection: &mut PgConnection, stream: &StreamId, version: i64, id: u128) {
    insert_command(connection, stream, version, id, None).await;
}

/// The same, with the mark of a command of one event.
pub(crate) async fn insert_command(
    connection: &mut PgConnection,
    stream: &StreamId,
    version: i64,
    id: u128,
    command: Option<u128>,
) {
    let query = sqlx::query(
        "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, command_id, command_events)
         VALUES ($1, $2, $3, 'Happened.v1', 1, $4, $5, $6)",
    );
    let query = query
        .bind(stream.as_str())
        .bind(version)
        .bind(Uuid::from_u128(id))
        .bind(id.to_be_bytes().to_vec())
        .bind(command.map(Uuid::from_u128))
        .bind(command.map(|_| 1_i32));
    query.execute(connection).await.unwrap();
}

/// A number that a query answers with.
pub(crate) async fn number(connection: &mut PgConnection, query: &'static str) -> i64 {
    connection.fetch_one(query).await.unwrap().get(0)
}

const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Waits until so many sessions of this database wait for a lock.
pub(crate) async fn until_blocked(database: &TestDatabase, sessions: i64) {
    let mut connection = stranger(database).await;
    let blocked = async || number(&mut connection, WAITING).await >= sessions;
    wait_for(blocked, PATIENCE, "sessions that wait for a lock").await;
}

/// Waits until a query answers with a number other than 0.
pub(crate) async fn until(database: &TestDatabase, query: &'static str) {
    let mut connection = stranger(database).await;
    wait_for(async || number(&mut connection, query).await > 0, PATIENCE, query).await;
}

/// Every append stops here, in the middle of its statement, until the gate is opened.
pub(crate) struct Gate {
    keeper: PgConnection,
}

impl Gate {
    pub(crate) async fn closed(database: &TestDatabase) -> Self {
        execute(
            database,
            "CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$;
             CREATE OR REPLACE TRIGGER gate BEFORE INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION gate();",
        )
        .await;
        let mut keeper = stranger(database).await;
        keeper.execute("SELECT pg_advisory_lock(4711)").await.unwrap();
        Self { keeper }
    }

    pub(crate) async fn open(mut self) {
        self.keeper.execute("SELECT pg_advisory_unlock(4711)").await.unwrap();
    }
}
