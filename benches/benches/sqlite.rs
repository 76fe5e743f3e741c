//! Durable appends on SQLite, beside a bare prepared INSERT and COMMIT through the same driver: ratios, measured in turn
//! in one run, since two benchmarks one after the other would compare two moods of the machine.
//!
//! Not criterion, which does not take turns.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and ends where it fails"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use composable_rust::{EventStore, SqliteEventStore, Version};
use composable_rust_benches::{event, stream};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tempfile::TempDir;
use tokio::{runtime::Builder, task::JoinSet};

/// Unique in the run, for event ids and streams.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The same table and durability, without any check.
async fn bare(directory: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(directory.path().join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let mut connection = options.connect().await.unwrap();
    sqlx::query(
        "CREATE TABLE events (position INTEGER PRIMARY KEY, stream_id TEXT NOT NULL, version INTEGER NOT NULL, \
         event_id BLOB NOT NULL, event_type TEXT NOT NULL, encoding INTEGER NOT NULL, event_data BLOB NOT NULL, \
         recorded_at INTEGER NOT NULL, UNIQUE (stream_id, version)) STRICT",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection
}

async fn insert(connection: &mut SqliteConnection) {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let number = i64::try_from(next()).unwrap();
    sqlx::query(
        "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, recorded_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind("bench-1")
    .bind(number)
    .bind(number.to_be_bytes().to_vec())
    .bind("OrderPlaced.v1")
    .bind(1)
    .bind(vec![7_u8; 66])
    .bind(0_i64)
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}

/// Appends one event after another to a stream of its own.
async fn append(store: &SqliteEventStore, events: u32) {
    let stream = stream(u32::try_from(next()).unwrap()).unwrap();
    let mut version = Version::INITIAL;
    for _ in 0..events {
        let appended = store
            .append_events(stream.clone(), version.into(), vec![event(next().into())])
            .await
            .unwrap();
        version = appended.version;
    }
}

/// Events a second.
async fn rate(events: u32, work: impl Future<Output = ()>) -> f64 {
    let started = Instant::now();
    work.await;
    f64::from(events) / started.elapsed().as_secs_f64()
}

async fn bare_inserts(connection: &mut SqliteConnection) {
    for _ in 0..100 {
        insert(connection).await;
    }
}

async fn concurrent_appends(store: &SqliteEventStore) {
    let mut appenders = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        appenders.spawn(async move { append(&store, 20).await });
    }
    appenders.join_all().await;
}

/// What the rounds showed of one quantity: median, and the tenth and ninetieth percentile.
fn quantiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |part: usize| values.get(values.len() * part / 10).copied().unwrap_or(f64::NAN);
    [at(5), at(1), at(9)]
}

#[derive(Default)]
struct Rounds {
    bare: Vec<f64>,
    one: Vec<f64>,
    many: Vec<f64>,
}

impl Rounds {
    fn print(self) {
        let ratios = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a / b).collect();
        let rows = [
            ("one at a time / bare", ratios(&self.one, &self.bare)),
            ("64 concurrent / one at a time", ratios(&self.many, &self.one)),
            ("bare inserts, events/s", self.bare),
            ("one at a time, events/s", self.one),
            ("64 concurrent, events/s", self.many),
        ];
        for (name, values) in rows {
            let [median, low, high] = quantiles(values);
            println!("{name:32} {median:10.2}  ({low:.2} to {high:.2})");
        }
    }
}

async fn measure() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(
        SqliteEventStore::open(directory.path().join("events.db"))
            .await
            .unwrap(),
    );
    let mut connection = bare(&directory).await;
    let mut rounds = Rounds::default();
    for _ in 0..60 {
        rounds.bare.push(rate(100, bare_inserts(&mut connection)).await);
        rounds.one.push(rate(100, append(&store, 100)).await);
        rounds.many.push(rate(64 * 20, concurrent_appends(&store)).await);
    }
    rounds.print();
}

fn main() {
    // A task, as a caller in an application is one: what runs in `block_on` itself is woken from outside.
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(measure()).await.unwrap() });
}
