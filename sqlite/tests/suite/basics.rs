//! The store itself: what the conformance suite does not know of.

use crate::support::{append, directory, event, events, open, stranger, stream};
use composable_rust_core::{
    AppendError, Appended, EventLog, EventStore, ExpectedVersion, Position, ReadAll, Snapshot, SnapshotOutcome,
    StreamAppend, Version,
};
use composable_rust_sqlite::SqliteEventStore;

#[tokio::test]
async fn what_was_appended_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.db");
    let store = SqliteEventStore::open(&path).await.unwrap();
    for n in 0..3 {
        let written = store
            .append_events(
                stream(1),
                Version::from(n * 2).into(),
                events([u128::from(n) * 2, u128::from(n) * 2 + 1]),
            )
            .await
            .unwrap();
        assert_eq!(written.version, Version::from(n * 2 + 2));
    }
    let refused = store
        .append_events(stream(1), ExpectedVersion::NoStream, vec![event(99)])
        .await;
    assert!(matches!(refused, Err(AppendError::Conflict(conflict)) if conflict.actual == Version::from(6)));
    store.close().await;
    let late = store
        .append_events(stream(1), ExpectedVersion::Any, vec![event(99)])
        .await;
    assert!(matches!(late, Err(AppendError::Unavailable(_))));

    let store = SqliteEventStore::open(&path).await.unwrap();
    let loaded = store.load_events(stream(1), None).await.unwrap();
    assert_eq!(loaded.len(), 6);
    assert!(loaded.iter().zip(events(0..6)).all(|(old, new)| old.is_record_of(&new)));
    assert_eq!(store.head().await.unwrap(), Position::from_sequence(6));
    assert_eq!(
        store
            .read_all(ReadAll::after(Position::from_sequence(4)))
            .await
            .unwrap()
            .events,
        loaded[4..]
    );
}

#[tokio::test]
async fn snapshots_and_batches_work_in_memory() {
    let store = SqliteEventStore::in_memory().await.unwrap();
    let batch = vec![
        StreamAppend::new(stream(1), ExpectedVersion::NoStream, events(0..1000)),
        StreamAppend::check(stream(2), ExpectedVersion::NoStream),
    ];
    let first = store.append_batch(batch.clone()).await.unwrap();
    assert_eq!(first[0].version, Version::from(1000));
    let repeated: Vec<_> = first.into_iter().map(Appended::as_repeated).collect();
    assert_eq!(store.append_batch(batch).await.unwrap(), repeated);
    let snapshot = |version: u32| Snapshot {
        version: version.into(),
        schema: 1,
        data: vec![1],
    };
    let save = async |version| store.save_snapshot(stream(1), snapshot(version)).await.unwrap();
    assert_eq!(save(1001).await, SnapshotOutcome::Declined);
    assert_eq!(save(10).await, SnapshotOutcome::Stored);
    assert_eq!(save(9).await, SnapshotOutcome::Declined);
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(snapshot(10)));
}

#[tokio::test]
async fn a_snapshot_that_was_left_ahead_of_its_stream_gives_way() {
    let directory = directory();
    let path = directory.path().join("events.db");
    let store = open(&path).await;
    append(&store, 1, 0..3).await;
    // As it is after the events were restored from a backup that is older than the snapshots.
    let left = "INSERT INTO snapshots (stream_id, version, state_data, schema, created_at) \
                SELECT DISTINCT stream_id, 10, x'00', 1, 0 FROM events";
    sqlx::query(left).execute(&mut stranger(&path).await).await.unwrap();
    let snapshot = Snapshot {
        version: Version::from(3),
        schema: 1,
        data: vec![7],
    };
    let outcome = store.save_snapshot(stream(1), snapshot.clone()).await.unwrap();
    assert_eq!(outcome, SnapshotOutcome::Stored);
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(snapshot));
}
