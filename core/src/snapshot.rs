//! A remembered state, to load from instead of the whole history.

use crate::{RecordedEvent, SnapshotError, Version};

/// The state of a stream at a version, as bytes; an accelerator that may be lost at any time.
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
    /// Which shape of the state this is: one that the reader does not know is ignored.
    pub schema: u32,
    /// The encoded state.
    pub data: Vec<u8>,
}

impl Snapshot {
    /// The largest encoded state that stores take: 64 MiB.
    pub const MAX_BYTES: usize = 64 << 20;
}

/// What became of a snapshot that was offered; either is fine for the one who offered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotOutcome {
    /// It is now the stream's snapshot.
    Stored,
    /// A newer one is there already, or its version lies beyond the stream's.
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
