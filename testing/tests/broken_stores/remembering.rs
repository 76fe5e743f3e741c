//! Promise 8: snapshots.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use composable_rust_core::{EventStore, Snapshot, SnapshotError, SnapshotOutcome, StreamId, Version};
use composable_rust_testing::{InMemoryEventStore, conformance::the_newest_snapshot_wins};

use super::broken::{Fault, Saved, assert_caught, head, source};

/// Keeps snapshots by a rule of its own: (stored, offered, head of the stream).
struct Keeps {
    snapshots: Mutex<HashMap<StreamId, Snapshot>>,
    rule: fn(Version, Version, Version) -> bool,
}
impl Keeps {
    fn when(rule: fn(Version, Version, Version) -> bool) -> Self {
        let snapshots = Mutex::default();
        Self { snapshots, rule }
    }
}
impl Fault for Keeps {
    fn save_snapshot(&self, store: &InMemoryEventStore, stream: StreamId, snapshot: Snapshot) -> Saved {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = snapshots.get(&stream).map_or(Version::INITIAL, |stored| stored.version);
        if !(self.rule)(stored, snapshot.version, head(store, &stream)) {
            return Ok(SnapshotOutcome::Declined);
        }
        snapshots.insert(stream, snapshot);
        Ok(SnapshotOutcome::Stored)
    }
    fn load_snapshot(&self, _: &InMemoryEventStore, stream: &StreamId) -> Option<Snapshot> {
        let snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.get(stream).cloned()
    }
}

#[test]
fn a_store_on_which_the_last_snapshot_wins_is_caught() {
    let fault = Keeps::when(|_, offered, head| offered <= head);
    assert_caught(
        the_newest_snapshot_wins,
        fault,
        "a snapshot at version 3, after one at 4",
    );
}

#[test]
fn a_store_on_which_the_first_snapshot_wins_is_caught() {
    let fault = Keeps::when(|stored, offered, head| stored < offered && offered <= head);
    assert_caught(the_newest_snapshot_wins, fault, "was to replace it");
}

#[test]
fn a_store_that_keeps_a_snapshot_ahead_of_its_stream_is_caught() {
    let fault = Keeps::when(|stored, offered, _| stored <= offered);
    assert_caught(the_newest_snapshot_wins, fault, "is ahead of its stream");
}

#[test]
fn a_store_that_takes_snapshots_of_any_size_is_caught() {
    let fault = Keeps::when(|stored, offered, head| stored <= offered && offered <= head);
    assert_caught(the_newest_snapshot_wins, fault, "was to be refused as too large");
}

/// What becomes of the deletion of a stream's snapshot.
struct Deletes(fn(&InMemoryEventStore, StreamId) -> Result<(), SnapshotError>);
impl Fault for Deletes {
    fn delete_snapshot(&self, store: &InMemoryEventStore, stream: StreamId) -> Result<(), SnapshotError> {
        (self.0)(store, stream)
    }
}

#[test]
fn a_store_that_deletes_no_snapshot_is_caught() {
    let fault = Deletes(|_, _| Ok(()));
    assert_caught(the_newest_snapshot_wins, fault, "a deleted snapshot was loaded");
}

#[test]
fn a_store_that_refuses_to_delete_a_snapshot_that_is_not_there_is_caught() {
    let fault = Deletes(|store, stream| match store.snapshot(&stream) {
        Some(_) => futures::executor::block_on(store.delete_snapshot(stream)),
        None => Err(SnapshotError::Backend(source())),
    });
    assert_caught(the_newest_snapshot_wins, fault, "a snapshot could not be deleted");
}

/// Keeps the version of a deleted snapshot, and declines what is older.
#[derive(Default)]
struct RemembersDeletedVersions(Mutex<HashMap<StreamId, Version>>);
impl Fault for RemembersDeletedVersions {
    fn save_snapshot(&self, store: &InMemoryEventStore, stream: StreamId, snapshot: Snapshot) -> Saved {
        let deleted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if deleted.get(&stream).is_some_and(|deleted| *deleted > snapshot.version) {
            return Ok(SnapshotOutcome::Declined);
        }
        futures::executor::block_on(store.save_snapshot(stream, snapshot))
    }
    fn delete_snapshot(&self, store: &InMemoryEventStore, stream: StreamId) -> Result<(), SnapshotError> {
        if let Some(snapshot) = store.snapshot(&stream) {
            let mut deleted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            deleted.insert(stream.clone(), snapshot.version);
        }
        futures::executor::block_on(store.delete_snapshot(stream))
    }
}

#[test]
fn a_store_that_declines_snapshots_older_than_a_deleted_one_is_caught() {
    let complaint = "after a deletion, the next snapshot was to be stored";
    assert_caught(the_newest_snapshot_wins, RemembersDeletedVersions::default(), complaint);
}
