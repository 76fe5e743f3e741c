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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{Encoding, EventId, ExpectedVersion, SerializedEvent};

    const LIMIT: GroupSize = GroupSize {
        appends: 10,
        events: 20,
        bytes: 30,
    };

    fn append(stream: &str, sizes: &[usize]) -> StreamAppend {
        let event = |bytes: &usize| {
            let id = EventId::from_uuid(Uuid::from_u128(1));
            SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, vec![0; *bytes])
        };
        let events = sizes.iter().map(event).collect();
        StreamAppend::new(stream.parse().unwrap(), ExpectedVersion::Any, events)
    }

    fn size(appends: usize, events: usize, bytes: usize) -> GroupSize {
        GroupSize { appends, events, bytes }
    }

    #[test]
    fn a_batch_is_one_append_with_the_events_of_all_its_entries() {
        assert_eq!(GroupSize::of(&[append("a", &[3, 4])]), size(1, 2, 7));
        let batch = [append("a", &[3]), append("b", &[]), append("c", &[4, 5])];
        assert_eq!(GroupSize::of(&batch), size(1, 3, 12));
        assert_eq!(GroupSize::of(&[]), size(1, 0, 0));
    }

    #[test]
    fn each_number_is_limited_on_its_own_and_exactly() {
        assert!(LIMIT.fits(LIMIT));
        for more in [size(1, 0, 0), size(0, 1, 0), size(0, 0, 1)] {
            assert!(!LIMIT.plus(more).fits(LIMIT), "{more:?}");
        }
    }

    #[test]
    fn a_sum_beyond_the_range_is_the_most_and_fits_nothing() {
        let most = size(usize::MAX, usize::MAX, usize::MAX);
        assert_eq!(most.plus(size(1, 1, 1)), most);
        assert!(!most.plus(size(1, 1, 1)).fits(LIMIT));
    }
}
