//! Snapshots: a saved state, so that a load need not read all events.

use crate::Version;

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
