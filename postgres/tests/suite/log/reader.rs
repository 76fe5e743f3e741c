//! What the tests of the log share: readers, and transactions of others that are held open.

use std::time::Duration;

use composable_rust_core::{EventLog, EventStore, ExpectedVersion, Position, ReadAll, RecordedEvent};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::{TestDatabase, wait_for};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use tokio::time::timeout;

use crate::support;

/// How long a test waits for what has to come.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// So far away that only a wake-up can end a wait.
pub(super) const NEVER: Duration = Duration::from_hours(1);

/// The ids behind `after`, in the order of the log, and the position of the last one.
pub(super) async fn follow(store: &PostgresEventStore, after: Position) -> (Vec<u128>, Position) {
    let (events, resume_after) = events(store, after, 3).await;
    (events.iter().map(id).collect(), resume_after)
}

pub(super) async fn events(
    store: &PostgresEventStore,
    after: Position,
    limit: usize,
) -> (Vec<RecordedEvent>, Position) {
    let (mut events, mut after) = (Vec::new(), after);
    loop {
        let page = store.read_all(ReadAll::after(after).limit(limit)).await.unwrap();
        events.extend(page.events);
        if page.resume_after == after {
            return (events, after);
        }
        after = page.resume_after;
    }
}

pub(super) fn id(event: &RecordedEvent) -> u128 {
    event.id.as_uuid().as_u128()
}

/// Appends an event to a stream of its own and returns where it stands.
pub(super) async fn append(store: &PostgresEventStore, id: u128) -> Position {
    let stream = support::stream(format!("own-{id}"));
    let appended = store.append_events(stream, ExpectedVersion::Any, vec![support::event(id)]);
    appended.await.unwrap().position
}

/// Waits until the log can be read up to there: transactions of other tests, in other databases, hold readers back too.
pub(super) async fn readable(store: &PostgresEventStore, position: Position) {
    let reached = async {
        let mut head = store.head().await.unwrap();
        while head < position {
            store.wait_for_events(head).await.unwrap();
            head = store.head().await.unwrap();
        }
    };
    timeout(PATIENCE, reached).await.unwrap();
}

/// What has to come within the test's patience.
pub(super) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    let outcome = timeout(PATIENCE, work).await;
    assert!(outcome.is_ok(), "{what} did not come");
    outcome.unwrap()
}

pub(super) async fn run(connection: &mut PgConnection, statement: impl Into<String>) {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(statement.into())))
        .await
        .unwrap();
}

/// Inserts an event into a stream of its own, as another writer would: within whatever transaction is open.
pub(super) async fn insert(connection: &mut PgConnection, id: u128) {
    let statement = format!(
        "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data)
         VALUES ('test-own-{id}', 1, '{}', 'Happened.v1', 1, '')",
        uuid::Uuid::from_u128(id)
    );
    run(connection, statement).await;
}

/// A transaction with an id, in the test's own database.
pub(super) async fn open_transaction(database: &TestDatabase) -> PgConnection {
    let mut connection = support::stranger(database).await;
    run(&mut connection, "BEGIN; SELECT pg_current_xact_id()").await;
    connection
}

pub(super) async fn pid(connection: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await
        .unwrap()
}

/// The sessions of this database that listen.
pub(super) async fn listeners(connection: &mut PgConnection) -> Vec<i32> {
    let listening = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'";
    sqlx::query_scalar(listening).fetch_all(connection).await.unwrap()
}

/// Waits until somebody listens who is not `but`.
pub(super) async fn listener(connection: &mut PgConnection, but: Option<i32>) -> i32 {
    let mut found = None;
    let somebody = async || {
        found = listeners(connection).await.into_iter().find(|pid| Some(*pid) != but);
        found.is_some()
    };
    wait_for(somebody, PATIENCE, "a session that listens").await;
    found.unwrap()
}
