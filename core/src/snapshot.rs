//! Snapshots: a saved state, so that a load need not read all events.

use crate::{RecordedEvent, SnapshotError, Version};

/// The encoded state of a stream at a version. It only saves reading events: a store may lose it at any time.
///
/// ```
/// use composable_rust_core::{Snapshot, Version};
/// let snapshot = Snapshot { version: Version::from(100), schema: 1, data: vec![1, 2, 3] };
/// assert!(snapshot.data.len() <= Snapshot::MAX_BYTES);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The version of the last event that is part of the state.
    pub version: Version,
    /// The schema number of the encoded state. A reader ignores a snapshot of another schema.
    pub schema: u32,
    /// The encoded state.
    pub data: Vec<u8>,
}

impl Snapshot {
    /// The maximum size of `data`: 64 MiB.
    pub const MAX_BYTES: usize = 64 << 20;
}

/// The result of saving a snapshot. Neither is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotOutcome {
    /// It is now the stream's snapshot.
    Stored,
    /// It was not stored: the stream has a newer snapshot, or has not reached its version.
    Declined,
}

/// A stream's snapshot and the events since: what
/// [`load_snapshot_and_events`](crate::EventStore::load_snapshot_and_events) returns.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotAndEvents {
    /// The snapshot, if the stream has one; an error means: replay the whole stream.
    pub snapshot: Result<Option<Snapshot>, SnapshotError>,
    /// The events from the snapshot's own version on, or from the first event where there is no snapshot.
    pub events: Vec<RecordedEvent>,
    /// Whether these are all: if not, read on after the last of them.
    pub at_end: bool,
}

impl SnapshotAndEvents {
    /// The largest number of events in one result: 1,000. A longer tail is read in pages, in bounded memory.
    pub const MAX_EVENTS: u64 = 1000;

    /// For authors of stores: a result with at most [`MAX_EVENTS`](Self::MAX_EVENTS) events, read with that limit.
    #[must_use]
    pub fn new(snapshot: Result<Option<Snapshot>, SnapshotError>, events: Vec<RecordedEvent>) -> Self {
        let at_end = (events.len() as u64) < Self::MAX_EVENTS;
        Self {
            snapshot,
            events,
            at_end,
        }
    }
}
