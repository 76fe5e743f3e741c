//! When and how the state of an aggregate is saved as a snapshot.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Codec, Encoding, EventError, Snapshot, Version};

/// When the state of an aggregate is saved as a snapshot, and how.
///
/// ```
/// use composable_rust_core::{SnapshotPolicy, Version};
///
/// const POLICY: SnapshotPolicy<String> = SnapshotPolicy::every(100, 1);
/// let state = "state".to_owned();
/// assert!(POLICY.is_due(&state, Version::from(99), Version::from(101)));
/// assert!(!POLICY.is_due(&state, Version::from(100), Version::from(199)));
///
/// let snapshot = POLICY.save(Version::from(100), &state).ok_or("no snapshots")??;
/// assert_eq!(POLICY.restore(&snapshot).as_deref(), Some("state"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SnapshotPolicy<S> {
    saved: Option<Saved<S>>,
}

struct Saved<S> {
    due: Due<S>,
    schema: u32,
    encode: fn(&S) -> Result<Vec<u8>, EventError>,
    decode: fn(&[u8]) -> Result<S, EventError>,
}

enum Due<S> {
    Every(u64),
    When(fn(&S, Version, Version) -> bool),
}

/// A state may be larger than an event.
const CODEC: Codec = Codec::new(Encoding::BINCODE).with_max_bytes(Codec::HIGHEST_MAX_BYTES);

impl<S> SnapshotPolicy<S> {
    /// No snapshots: for streams that stay short.
    #[must_use]
    pub const fn never() -> Self {
        Self { saved: None }
    }

    /// Whether to save a snapshot after an append that moved the stream from `before` to `after` and led to `state`.
    #[must_use]
    pub fn is_due(&self, state: &S, before: Version, after: Version) -> bool {
        self.saved.as_ref().is_some_and(|saved| match saved.due {
            Due::Every(events) => before.get() / events < after.get() / events,
            Due::When(is_due) => is_due(state, before, after),
        })
    }

    /// The snapshot of `state`, or `None` if this policy has none.
    ///
    /// # Errors
    /// As [`Codec::encode`]. Go on without the snapshot.
    #[must_use]
    pub fn save(&self, version: Version, state: &S) -> Option<Result<Snapshot, EventError>> {
        let saved = self.saved.as_ref()?;
        Some((saved.encode)(state).map(|data| Snapshot {
            version,
            schema: saved.schema,
            data,
        }))
    }

    /// The state in `snapshot`. `None` if it has another schema or does not decode: then apply all events of the stream.
    #[must_use]
    pub fn restore(&self, snapshot: &Snapshot) -> Option<S> {
        let saved = self.saved.as_ref().filter(|saved| saved.schema == snapshot.schema)?;
        (saved.decode)(&snapshot.data).ok()
    }

    /// Whether the policy has no snapshots.
    #[must_use]
    pub const fn is_never(&self) -> bool {
        self.saved.is_none()
    }

    /// The schema number of the saved states. `None` if there are no snapshots.
    #[must_use]
    pub const fn schema(&self) -> Option<u32> {
        match &self.saved {
            Some(saved) => Some(saved.schema),
            None => None,
        }
    }
}

impl<S: Serialize + DeserializeOwned> SnapshotPolicy<S> {
    /// A snapshot every `events` events (0 means 1): after each append that reaches or passes a multiple of `events`.
    ///
    /// `schema` is the schema number of the state. Raise it by hand whenever the state's fields change: older snapshots are then
    /// replaced instead of misread. The testing kit's `golden_snapshots!` fails if that was forgotten. Raise it too when
    /// `apply` or an upcast makes another state of the same events, which no test of bytes can see.
    #[must_use]
    pub const fn every(events: u64, schema: u32) -> Self {
        Self::saved(Due::Every(if events == 0 { 1 } else { events }), schema)
    }

    /// A snapshot whenever `is_due` returns true. It is called after every append, with the state after it and the stream's
    /// versions before and after it, so it must be quick. `schema` is that of [`SnapshotPolicy::every`].
    ///
    /// ```
    /// use composable_rust_core::{SnapshotPolicy, Version};
    ///
    /// /// Once the books are closed, and at no other time.
    /// const POLICY: SnapshotPolicy<(u64, bool)> = SnapshotPolicy::when(|(_, closed), _, _| *closed, 1);
    /// let [before, after] = [7, 8].map(|version: u32| Version::from(version));
    /// assert!(POLICY.is_due(&(100, true), before, after));
    /// assert!(!POLICY.is_due(&(100, false), before, after));
    /// ```
    #[must_use]
    pub const fn when(is_due: fn(state: &S, before: Version, after: Version) -> bool, schema: u32) -> Self {
        Self::saved(Due::When(is_due), schema)
    }

    const fn saved(due: Due<S>, schema: u32) -> Self {
        Self {
            saved: Some(Saved {
                due,
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

    #[test]
    fn a_snapshot_is_due_when_a_multiple_is_reached_or_passed() {
        let due = |every, before: u32, after: u32| {
            SnapshotPolicy::<u8>::every(every, 1).is_due(&0, before.into(), after.into())
        };
        assert!(due(10, 9, 10) && due(10, 5, 25) && due(1, 0, 1) && due(0, 6, 7));
        assert!(!due(10, 10, 19) && !due(10, 0, 9) && !due(10, 10, 10));
        assert!(!SnapshotPolicy::<u8>::never().is_due(&0, 0_u32.into(), 1000_u32.into()));
        assert_eq!(SnapshotPolicy::<u8>::every(10, 7).schema(), Some(7));
        assert_eq!(SnapshotPolicy::<u8>::never().schema(), None);
    }
}
