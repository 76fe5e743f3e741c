//! A remembered state, to load from instead of the whole history.

use crate::Version;

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
