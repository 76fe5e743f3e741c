//! Snapshots: large ones are saved between appends, and only a whole one is ever loaded.

use std::path::Path;

use composable_rust_core::{EventStore, ExpectedVersion, Snapshot, SnapshotError, SnapshotOutcome};
use composable_rust_sqlite::SqliteEventStore;
use futures::FutureExt;
use sqlx::Executor;

use crate::support::{self, event, stream};

fn snapshot(version: u32, bytes: usize, fill: u8) -> Snapshot {
    let data = (0..bytes)
        .map(|n| fill.wrapping_add(u8::try_from(n % 251).unwrap()))
        .collect();
    Snapshot {
        version: version.into(),
        schema: 7,
        data,
    }
}

const MIB: usize = 1 << 20;

async fn parts(path: &Path) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM snapshot_parts");
    count.fetch_one(&mut support::stranger(path).await).await.unwrap()
}

/// Waits until nothing that a save has replaced is left: that many parts remain.
async fn assert_parts(path: &Path, expected: i64) {
    for _ in 0..10_000 {
        if parts(path).await == expected {
            return;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(parts(path).await, expected);
}

#[tokio::test]
async fn appends_go_on_while_a_large_snapshot_is_saved() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    let large = snapshot(3, 64 * MIB, 1);
    let mut saving = store.save_snapshot(stream(1), large.clone());
    let mut appended = 0;
    let outcome = loop {
        if let Some(outcome) = (&mut saving).now_or_never() {
            break outcome;
        }
        support::append(&store, 2, appended..appended + 1).await;
        appended += 1;
    };
    assert_eq!(outcome.unwrap(), SnapshotOutcome::Stored);
    // One between any two parts, but for a few.
    assert!(appended >= 50, "only {appended} appends");
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(large));
    assert_parts(&path, 64).await;
}

#[tokio::test]
async fn large_and_small_snapshots_replace_each_other() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..9).await;
    let steps = [
        (snapshot(3, 3 * MIB + 5, 1), SnapshotOutcome::Stored, 4),
        (snapshot(2, 2 * MIB, 2), SnapshotOutcome::Declined, 4),
        (snapshot(10, 2 * MIB, 2), SnapshotOutcome::Declined, 4),
        (snapshot(4, 2 * MIB, 3), SnapshotOutcome::Stored, 2),
        (snapshot(5, 10, 4), SnapshotOutcome::Stored, 0),
        (snapshot(6, MIB + 1, 5), SnapshotOutcome::Stored, 2),
        (snapshot(6, MIB, 6), SnapshotOutcome::Stored, 0),
    ];
    let mut current = None;
    for (next, expected, left) in steps {
        let outcome = store.save_snapshot(stream(1), next.clone()).await.unwrap();
        assert_eq!(outcome, expected, "version {}", next.version);
        if outcome == SnapshotOutcome::Stored {
            current = Some(next);
        }
        assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), current);
        assert_parts(&path, left).await;
    }
    let large = snapshot(7, 2 * MIB, 8);
    store.save_snapshot(stream(1), large).await.unwrap();
    store.delete_snapshot(stream(1)).await.unwrap();
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), None);
    assert_parts(&path, 0).await;
}

#[tokio::test]
async fn a_save_that_was_torn_is_never_loaded_and_the_next_one_removes_it() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    let old = snapshot(1, 2 * MIB, 1);
    store.save_snapshot(stream(1), old.clone()).await.unwrap();
    // What a process leaves that is killed in the middle.
    let torn = "INSERT INTO snapshot_parts SELECT stream_id, x'0123', part, x'ff' FROM snapshot_parts";
    support::stranger(&path).await.execute(torn).await.unwrap();
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(old.clone()));
    store.close().await;
    let store = support::open(&path).await;
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(old));
    let new = snapshot(2, 10, 1);
    store.save_snapshot(stream(1), new.clone()).await.unwrap();
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(new));
    assert_parts(&path, 0).await;
}

#[tokio::test]
async fn a_snapshot_that_has_lost_a_part_is_an_error() {
    for lost in ["part = 1", "part = 0", "part = 2", "TRUE"] {
        let directory = support::directory();
        let path = directory.path().join("events.db");
        let store = support::open(&path).await;
        support::append(&store, 1, 0..3).await;
        store.save_snapshot(stream(1), snapshot(1, 3 * MIB, 1)).await.unwrap();
        let delete = sqlx::AssertSqlSafe(format!("DELETE FROM snapshot_parts WHERE {lost}"));
        support::stranger(&path).await.execute(delete).await.unwrap();
        let loaded = store.load_snapshot(stream(1)).await;
        assert!(matches!(loaded, Err(SnapshotError::Backend(_))), "without {lost}");
    }
}

#[tokio::test]
async fn closing_finishes_a_snapshot_that_is_being_saved() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    let large = snapshot(3, 4 * MIB, 1);
    let mut saving = store.save_snapshot(stream(1), large.clone());
    assert!((&mut saving).now_or_never().is_none());
    let (saved, ()) = futures::join!(saving, store.close());
    assert_eq!(saved.unwrap(), SnapshotOutcome::Stored);
    let store = SqliteEventStore::open(&path).await.unwrap();
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(large));
    let appended = store
        .append_events(stream(1), ExpectedVersion::Any, vec![event(9)])
        .await;
    assert_eq!(appended.unwrap().version.get(), 4);
}
