//! What the tests of this crate share: events, stores, and another pair of hands on the same file.

use std::{
    fmt::Display,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use composable_rust_core::{Encoding, EventId, EventStore, ExpectedVersion, SerializedEvent, StreamId};
use composable_rust_sqlite::{SqliteEventStore, SqliteOpenError};
use sqlx::{ConnectOptions, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn opened(store: Result<SqliteEventStore, SqliteOpenError>) -> SqliteEventStore {
    store.unwrap()
}

pub(crate) async fn open(path: &Path) -> SqliteEventStore {
    opened(SqliteEventStore::open(path).await)
}

/// An event whose id and content are `n`.
pub(crate) fn event(n: u128) -> SerializedEvent {
    let id = EventId::from_uuid(Uuid::from_u128(n));
    SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, n.to_be_bytes().to_vec())
}

pub(crate) fn events(ids: impl IntoIterator<Item = u128>) -> Vec<SerializedEvent> {
    ids.into_iter().map(event).collect()
}

pub(crate) fn stream(id: impl Display) -> StreamId {
    StreamId::new("test", id).unwrap()
}

/// A connection that knows nothing of the store, to tamper with its file or to lock it.
pub(crate) async fn stranger(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

/// Takes the write lock of the file until the connection runs `ROLLBACK`.
pub(crate) async fn lock(path: &Path) -> SqliteConnection {
    let mut connection = stranger(path).await;
    connection.execute("BEGIN IMMEDIATE").await.unwrap();
    connection
}

/// Appends events with these ids to a stream, whatever its version.
pub(crate) async fn append(store: &SqliteEventStore, own: impl Display, ids: Range<u128>) {
    let appended = store.append_events(stream(own), ExpectedVersion::Any, events(ids));
    appended.await.unwrap();
}

/// Waits until the condition holds, and fails when it does not within half a minute.
pub(crate) fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition never held");
        thread::yield_now();
    }
}

/// Counts how often a connection works through `steps` instructions of SQLite's machine.
pub(crate) async fn count_steps(connection: &mut SqliteConnection, steps: i32) -> Arc<AtomicU64> {
    let rounds = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&rounds);
    let mut handle = connection.lock_handle().await.unwrap();
    handle.set_progress_handler(steps, move || {
        seen.fetch_add(1, Ordering::Relaxed);
        true
    });
    rounds
}
