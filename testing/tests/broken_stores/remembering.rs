//! Promise 8: snapshots.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use composable_rust_core::{Snapshot, SnapshotOutcome, StreamId, Version};
use composable_rust_testing::{InMemoryEventStore, conformance::the_newest_snapshot_wins};

use super::broken::{Fault, assert_caught, head};

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
    fn save_snapshot(&self, store: &InMemoryEventStore, stream: StreamId, snapshot: Snapshot) -> SnapshotOutcome {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = snapshots.get(&stream).map_or(Version::INITIAL, |stored| stored.version);
        if !(self.rule)(stored, snapshot.version, head(store, &stream)) {
            return SnapshotOutcome::Declined;
        }
        snapshots.insert(stream, snapshot);
        SnapshotOutcome::Stored
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
