//! When a state is remembered beside its events.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Codec, Encoding, EventError, Snapshot, Version};

/// When the state of an aggregate is saved as a snapshot, and how.
///
/// ```
/// use composable_rust_core::{SnapshotPolicy, Version};
///
/// const POLICY: SnapshotPolicy<String> = SnapshotPolicy::every(100, 1);
/// assert!(POLICY.is_due(Version::from(99), Version::from(101)));
/// assert!(!POLICY.is_due(Version::from(100), Version::from(199)));
///
/// let snapshot = POLICY.save(Version::from(100), &"state".to_owned()).ok_or("no snapshots")??;
/// assert_eq!(POLICY.restore(&snapshot).as_deref(), Some("state"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SnapshotPolicy<S> {
    saved: Option<Saved<S>>,
}

struct Saved<S> {
    every: u64,
    schema: u32,
    encode: fn(&S) -> Result<Vec<u8>, EventError>,
    decode: fn(&[u8]) -> Result<S, EventError>,
}

/// A state may be larger than an event, and it can always be had again from the events.
const CODEC: Codec = Codec::new(Encoding::BINCODE).with_max_bytes(Codec::HIGHEST_MAX_BYTES);

impl<S> SnapshotPolicy<S> {
    /// No snapshots: right for streams that stay short.
    #[must_use]
    pub const fn never() -> Self {
        Self { saved: None }
    }

    /// Whether an append that moved the stream from `before` to `after` calls for a snapshot: it reached or passed a
    /// multiple of the interval.
    #[must_use]
    pub fn is_due(&self, before: Version, after: Version) -> bool {
        self.saved
            .as_ref()
            .is_some_and(|saved| before.get() / saved.every < after.get() / saved.every)
    }

    /// The snapshot of `state`, or `None` if this policy has none.
    ///
    /// # Errors
    /// As [`Codec::encode`]; carry on without the snapshot.
    #[must_use]
    pub fn save(&self, version: Version, state: &S) -> Option<Result<Snapshot, EventError>> {
        let saved = self.saved.as_ref()?;
        Some((saved.encode)(state).map(|data| Snapshot {
            version,
            schema: saved.schema,
            data,
        }))
    }

    /// The state in `snapshot`; `None` if it is of another schema or does not decode: then replay the whole history.
    #[must_use]
    pub fn restore(&self, snapshot: &Snapshot) -> Option<S> {
        let saved = self.saved.as_ref().filter(|saved| saved.schema == snapshot.schema)?;
        (saved.decode)(&snapshot.data).ok()
    }

    /// Whether there are snapshots at all.
    #[must_use]
    pub const fn is_never(&self) -> bool {
        self.saved.is_none()
    }
}

impl<S: Serialize + DeserializeOwned> SnapshotPolicy<S> {
    /// A snapshot every `events` events (0 means 1). `schema` says which shape of the state this is: raise it by hand
    /// whenever the state's fields change, and older snapshots are replaced instead of misread.
    #[must_use]
    pub const fn every(events: u64, schema: u32) -> Self {
        Self {
            saved: Some(Saved {
                every: if events == 0 { 1 } else { events },
                schema,
                encode: |state| CODEC.encode(state),
                decode: |data| CODEC.decode(data),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_of_another_schema_or_with_damaged_bytes_is_not_restored() {
        let policy = SnapshotPolicy::<String>::every(10, 2);
        let good = policy.save(Version::from(10), &"state".to_owned()).unwrap().unwrap();
        assert_eq!(policy.restore(&good).as_deref(), Some("state"));
        assert_eq!(
            policy.restore(&Snapshot {
                schema: 1,
                ..good.clone()
            }),
            None
        );
        assert_eq!(
            policy.restore(&Snapshot {
                data: vec![255; 3],
                ..good.clone()
            }),
            None
        );
        assert_eq!(SnapshotPolicy::never().restore(&good), None::<String>);
    }
}
