//! What the tests of this crate share: events, databases, stores, and another pair of hands on the same database.

use std::{fmt::Display, ops::Range};

use composable_rust_core::{
    AppendError, CommandId, CommandMark, Encoding, EventId, EventStore, ExpectedVersion, SerializedEvent, StreamId,
};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::{DatabaseOptions, TestDatabase};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Decode, PgConnection, Postgres, Type, postgres::PgConnectOptions,
};
use uuid::Uuid;

const MIGRATION: &str = include_str!("../../migrations/0001_events.sql");

/// A database with the schema and nothing in it.
pub(crate) async fn database() -> TestDatabase {
    database_with(DatabaseOptions::default()).await
}

pub(crate) async fn database_with(options: DatabaseOptions) -> TestDatabase {
    let name = format!("events_{:016x}", hash(MIGRATION));
    TestDatabase::from_template_with(&name, async |url: &str| migrate(url, &[MIGRATION]).await, options).await
}

/// The same, with a log that is hash-partitioned by stream.
pub(crate) async fn partitioned_database() -> TestDatabase {
    let partitions = crate::guide::partitioned_schema();
    let name = format!("partitioned_{:016x}", hash(&format!("{partitions}{MIGRATION}")));
    TestDatabase::from_template(&name, async |url: &str| migrate(url, &[&partitions, MIGRATION]).await).await
}

async fn migrate(url: &str, scripts: &[&str]) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    for script in scripts {
        let script = AssertSqlSafe((*script).to_owned());
        sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// FNV-1a: the name of a template changes with what is in it.
pub(crate) fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

pub(crate) async fn open(database: &TestDatabase) -> PostgresEventStore {
    PostgresEventStore::connect(database.url()).await.unwrap()
}

/// A connection that knows nothing of the store, to be another writer or to tamper.
pub(crate) async fn stranger(database: &TestDatabase) -> PgConnection {
    let options: PgConnectOptions = database.url().parse().unwrap();
    options.connect().await.unwrap()
}

/// An event whose id and content are `n`.
pub(crate) fn event(n: u128) -> SerializedEvent {
    let id = EventId::from_uuid(Uuid::from_u128(n));
    SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, n.to_be_bytes().to_vec())
}

pub(crate) fn events(ids: impl IntoIterator<Item = u128>) -> Vec<SerializedEvent> {
    ids.into_iter().map(event).collect()
}

/// Events of the command `id`.
pub(crate) fn command(id: u128, events: Vec<SerializedEvent>) -> Vec<SerializedEvent> {
    let mark = CommandMark::new(
        CommandId::from_uuid(Uuid::from_u128(id)),
        u32::try_from(events.len()).unwrap(),
    );
    let mut events = events;
    events[0] = events[0].clone().with_command(mark);
    events
}

pub(crate) fn stream(id: impl Display) -> StreamId {
    StreamId::new("test", id).unwrap()
}

/// Appends events with these ids to a stream, whatever its version.
pub(crate) async fn append(store: &PostgresEventStore, own: impl Display, ids: Range<u128>) {
    let appended = store.append_events(stream(own), ExpectedVersion::Any, events(ids));
    appended.await.unwrap();
}

/// The ids in a stream, by version.
pub(crate) async fn ids(store: &PostgresEventStore, own: impl Display) -> Vec<u128> {
    let stored = store.load_events(stream(own), None).await.unwrap();
    stored.iter().map(|event| event.id.as_uuid().as_u128()).collect()
}

/// The true version that a conflict names.
pub(crate) fn actual<T: std::fmt::Debug>(answer: Result<T, AppendError>) -> u64 {
    match answer {
        Err(AppendError::Conflict(conflict)) => conflict.actual.get(),
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

/// Executes statements as a stranger.
pub(crate) async fn execute(database: &TestDatabase, script: impl Into<String>) {
    try_execute(database, script).await.unwrap();
}

pub(crate) async fn try_execute(database: &TestDatabase, script: impl Into<String>) -> Result<(), sqlx::Error> {
    let script = sqlx::raw_sql(AssertSqlSafe(script.into()));
    script.execute(&mut stranger(database).await).await.map(|_| ())
}

/// The one value that a query is about.
pub(crate) async fn scalar<T>(database: &TestDatabase, query: &'static str) -> T
where
    T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
{
    sqlx::query_scalar(query)
        .fetch_one(&mut stranger(database).await)
        .await
        .unwrap()
}
