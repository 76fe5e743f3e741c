//! Promise 8: snapshots.

use composable_rust_core::{ExpectedVersion, Snapshot, SnapshotError, SnapshotOutcome, StreamId, Version};

use super::{
    Fixture,
    events::{new_events, new_stream},
    run::race,
    subject::Subject,
};

/// The highest version wins, whatever the order of the saves; the same version replaces; none is ever ahead of its
/// stream. One that is too large is refused and changes nothing.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn the_newest_snapshot_wins(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    check_content(&store).await;
    for order in [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3], [3, 1, 4, 2]] {
        check_order(&store, order).await;
    }
    check_ahead(&store).await;
    check_size(&store).await;
    check_deletion(&store).await;
    for _ in 0..10 {
        check_race(&store).await;
    }
}

fn snapshot(version: u32, data: &[u8]) -> Snapshot {
    Snapshot {
        version: Version::from(version),
        schema: 1,
        data: data.to_vec(),
    }
}

async fn stream_of(store: &Subject, events: usize) -> StreamId {
    let stream = new_stream("remembered");
    store
        .append(&stream, ExpectedVersion::NoStream, &new_events(events))
        .await;
    stream
}

async fn try_save(store: &Subject, stream: &StreamId, snapshot: Snapshot) -> Result<SnapshotOutcome, SnapshotError> {
    store
        .in_time("a snapshot's save", store.store.save_snapshot(stream.clone(), snapshot))
        .await
}

async fn save(store: &Subject, stream: &StreamId, snapshot: Snapshot) -> SnapshotOutcome {
    let outcome = try_save(store, stream, snapshot).await;
    outcome.unwrap_or_else(|error| panic!("a snapshot could not be saved: {error}"))
}

async fn load(store: &Subject, stream: &StreamId) -> Option<Snapshot> {
    let outcome = store
        .in_time("a snapshot's load", store.store.load_snapshot(stream.clone()))
        .await;
    outcome.unwrap_or_else(|error| panic!("a snapshot could not be loaded: {error}"))
}

async fn delete(store: &Subject, stream: &StreamId) {
    let outcome = store
        .in_time("a snapshot's deletion", store.store.delete_snapshot(stream.clone()))
        .await;
    outcome.unwrap_or_else(|error| panic!("a snapshot could not be deleted: {error}"));
}

/// What was saved comes back, for this stream alone; the same version replaces.
async fn check_content(store: &Subject) {
    let (stream, other) = (stream_of(store, 3).await, stream_of(store, 3).await);
    assert_eq!(load(store, &stream).await, None, "a stream without a snapshot has one");
    let mebibyte: Vec<u8> = (0..1_u32 << 20).map(|n| n.to_le_bytes()[1]).collect();
    for (schema, data) in [(0, vec![]), (u32::MAX, vec![0, 255, 0]), (7, mebibyte)] {
        let saved = Snapshot {
            schema,
            ..snapshot(3, &data)
        };
        let outcome = save(store, &stream, saved.clone()).await;
        assert_eq!(
            outcome,
            SnapshotOutcome::Stored,
            "a snapshot at the version of the stored one was to replace it"
        );
        let same = load(store, &stream).await.as_ref() == Some(&saved);
        assert!(
            same,
            "a snapshot of {} bytes and schema {schema} came back changed",
            data.len()
        );
    }
    assert_eq!(load(store, &other).await, None, "a snapshot shows up at another stream");
}

async fn check_order(store: &Subject, order: [u32; 4]) {
    let stream = stream_of(store, 4).await;
    let mut highest = 0;
    for version in order {
        let expected = if version > highest {
            SnapshotOutcome::Stored
        } else {
            SnapshotOutcome::Declined
        };
        let outcome = save(store, &stream, snapshot(version, &version.to_be_bytes())).await;
        assert_eq!(
            outcome, expected,
            "a snapshot at version {version}, after one at {highest}"
        );
        highest = highest.max(version);
        let kept = load(store, &stream).await;
        assert_eq!(
            kept,
            Some(snapshot(highest, &highest.to_be_bytes())),
            "the highest snapshot was to be kept"
        );
    }
}

async fn check_ahead(store: &Subject) {
    let stream = stream_of(store, 2).await;
    save(store, &stream, snapshot(1, b"kept")).await;
    for ahead in [3, 1000] {
        let outcome = save(store, &stream, snapshot(ahead, b"ahead")).await;
        assert_eq!(
            outcome,
            SnapshotOutcome::Declined,
            "a snapshot at {ahead} is ahead of its stream at version 2"
        );
    }
    assert_eq!(
        load(store, &stream).await,
        Some(snapshot(1, b"kept")),
        "a declined snapshot changed the stored one"
    );
    store
        .append(&stream, ExpectedVersion::StreamExists, &new_events(1))
        .await;
    assert_eq!(
        save(store, &stream, snapshot(3, b"now")).await,
        SnapshotOutcome::Stored,
        "the stream has come that far"
    );
    let nowhere = new_stream("nowhere");
    let outcome = save(store, &nowhere, snapshot(1, b"ahead")).await;
    assert_eq!(
        outcome,
        SnapshotOutcome::Declined,
        "a snapshot of a stream without events"
    );
    assert_eq!(
        load(store, &nowhere).await,
        None,
        "a snapshot of a stream without events was kept"
    );
}

async fn check_size(store: &Subject) {
    let stream = stream_of(store, 2).await;
    save(store, &stream, snapshot(1, b"kept")).await;
    let bytes = Snapshot::MAX_BYTES + 1;
    let outcome = try_save(store, &stream, snapshot(2, &vec![0; bytes])).await;
    let typed = matches!(outcome, Err(SnapshotError::TooLarge { bytes: told }) if told == bytes);
    assert!(
        typed,
        "a snapshot of {bytes} bytes was to be refused as too large, got {outcome:?}"
    );
    assert_eq!(
        load(store, &stream).await,
        Some(snapshot(1, b"kept")),
        "a refused snapshot changed the stored one"
    );
}

/// Deleted, it is gone for its stream alone, and the next save counts, also of an older version. Deleting what is not
/// there is no mistake.
async fn check_deletion(store: &Subject) {
    let (stream, other) = (stream_of(store, 3).await, stream_of(store, 3).await);
    delete(store, &stream).await;
    save(store, &stream, snapshot(3, b"deleted")).await;
    save(store, &other, snapshot(2, b"kept")).await;
    for _ in 0..2 {
        delete(store, &stream).await;
        assert_eq!(load(store, &stream).await, None, "a deleted snapshot was loaded");
    }
    delete(store, &new_stream("nowhere")).await;
    let outcome = save(store, &stream, snapshot(1, b"later")).await;
    assert_eq!(
        outcome,
        SnapshotOutcome::Stored,
        "after a deletion, the next snapshot was to be stored"
    );
    for (stream, kept) in [(&stream, snapshot(1, b"later")), (&other, snapshot(2, b"kept"))] {
        assert_eq!(
            load(store, stream).await,
            Some(kept),
            "a deletion took another snapshot"
        );
    }
    assert_eq!(
        store.load(&stream).await.len(),
        3,
        "the deletion of a snapshot took events"
    );
}

/// Saved from many tasks at once: the highest is there in the end.
async fn check_race(store: &Subject) {
    let stream = stream_of(store, 16).await;
    let saver = |store: Subject, stream: StreamId, version: u32| async move {
        save(&store, &stream, snapshot(version, &version.to_be_bytes())).await
    };
    race((1..=16).map(|version| saver(store.clone(), stream.clone(), version))).await;
    let kept = load(store, &stream).await;
    assert_eq!(
        kept,
        Some(snapshot(16, &16_u32.to_be_bytes())),
        "after racing saves the highest was to be kept"
    );
}
