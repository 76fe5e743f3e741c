//! Inspection of the store by tests: no futures, no errors.

use std::sync::Arc;

use composable_rust_core::{Position, RecordedEvent, Snapshot, StreamId, Version};

use super::{log::Log, store::InMemoryEventStore};

impl InMemoryEventStore {
    /// The events of a stream, in order; none for a stream that does not exist.
    ///
    /// ```
    /// use composable_rust_testing::InMemoryEventStore;
    /// assert_eq!(InMemoryEventStore::new().events(&"order-1".parse()?), []);
    /// # Ok::<(), composable_rust_core::StreamIdError>(())
    /// ```
    #[must_use]
    pub fn events(&self, stream_id: &StreamId) -> Vec<RecordedEvent> {
        let records = self.log().stream(stream_id).after(Version::INITIAL).to_vec();
        copies(&records)
    }

    /// Every event of every stream, in the order of the log.
    #[must_use]
    pub fn all_events(&self) -> Vec<RecordedEvent> {
        let records = self.log().after(Position::BEGINNING).to_vec();
        copies(&records)
    }

    /// The names of the streams that have events, sorted.
    #[must_use]
    pub fn stream_ids(&self) -> Vec<StreamId> {
        let mut stream_ids: Vec<_> = self.log().stream_ids().cloned().collect();
        stream_ids.sort_unstable();
        stream_ids
    }

    /// The stream's snapshot, if it has one.
    #[must_use]
    pub fn snapshot(&self, stream_id: &StreamId) -> Option<Snapshot> {
        self.log().stream(stream_id).snapshot().cloned()
    }

    /// The number of events in the log.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log().len()
    }

    /// Whether the log has no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all events and snapshots, for every handle; versions and positions begin again.
    ///
    /// A store that lives for more than one test should rather be replaced by a new one: readers that hold a position
    /// do not learn that the log was forgotten.
    pub fn reset(&self) {
        let forgotten = std::mem::take::<Log>(&mut self.log());
        // Freed after the lock is.
        drop(forgotten);
    }
}

fn copies(records: &[Arc<RecordedEvent>]) -> Vec<RecordedEvent> {
    records.iter().map(|record| RecordedEvent::clone(record)).collect()
}
