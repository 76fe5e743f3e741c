//! How much one statement or transaction of a group commit may hold.

use crate::StreamAppend;

/// The size of an append, or of a group of appends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupSize {
    /// Appends; a batch counts as one.
    pub appends: usize,
    /// Events.
    pub events: usize,
    /// Bytes of event data.
    pub bytes: usize,
}

impl GroupSize {
    /// The size of one append or batch.
    #[must_use]
    pub fn of(entries: &[StreamAppend]) -> Self {
        let events = || entries.iter().flat_map(|append| &append.events);
        Self {
            appends: 1,
            events: events().count(),
            bytes: events().map(|event| event.data.len()).sum(),
        }
    }

    /// The size of both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            appends: self.appends.saturating_add(other.appends),
            events: self.events.saturating_add(other.events),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// Whether no number exceeds that of `limit`.
    ///
    /// ```
    /// use composable_rust_core::backend::GroupSize;
    ///
    /// let limit = GroupSize { appends: 1024, events: 4096, bytes: 4 << 20 };
    /// let group = GroupSize { appends: 1023, events: 4096, bytes: 0 };
    /// let next = GroupSize { appends: 1, events: 1, bytes: 66 };
    /// assert!(group.fits(limit));
    /// assert!(!group.plus(next).fits(limit), "one event too many");
    /// ```
    #[must_use]
    pub const fn fits(self, limit: Self) -> bool {
        self.appends <= limit.appends && self.events <= limit.events && self.bytes <= limit.bytes
    }
}
