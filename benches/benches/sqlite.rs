//! Durable appends on SQLite, beside a bare prepared INSERT and COMMIT through the same driver, in one run.

#![expect(clippy::unwrap_used, reason = "a failed benchmark may panic")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use composable_rust::{EventStore, SqliteEventStore, Version};
use composable_rust_benches::{event, stream};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

/// Unique in the run, for event ids and streams.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().unwrap()
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

fn appends(criterion: &mut Criterion) {
    let runtime = runtime();
    let directory = tempfile::tempdir().unwrap();
    let store = runtime
        .block_on(SqliteEventStore::open(directory.path().join("events.db")))
        .unwrap();
    let connection = tokio::sync::Mutex::new(runtime.block_on(bare(&directory)));
    let mut group = criterion.benchmark_group("sqlite");
    group.measurement_time(Duration::from_secs(8)).sample_size(30);

    group.throughput(Throughput::Elements(100));
    group.bench_function("100 bare inserts, each committed", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let mut connection = connection.lock().await;
            for _ in 0..100 {
                insert(&mut connection).await;
            }
        });
    });
    group.bench_function("100 appends, one at a time", |bencher| {
        bencher.to_async(&runtime).iter(|| append(&store, 100));
    });
    group.throughput(Throughput::Elements(64 * 20));
    group.bench_function("64 concurrent appenders, 20 appends each", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let mut appenders = JoinSet::new();
            for _ in 0..64 {
                let store = store.clone();
                appenders.spawn(async move { append(&store, 20).await });
            }
            appenders.join_all().await;
        });
    });
    group.finish();
}

criterion_group!(benches, appends);
criterion_main!(benches);
