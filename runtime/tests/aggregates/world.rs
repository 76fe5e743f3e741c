//! A store whose answers can be made to fail, and what was asked of it.

use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, NthCall, Operation, RecordingEventStore, Request};

type Faulty = FaultyEventStore<InMemoryEventStore>;

/// A store whose answers can be made to fail, and what was asked of it.
pub(crate) struct World {
    pub(crate) memory: InMemoryEventStore,
    pub(crate) faulty: Faulty,
    pub(crate) recorded: RecordingEventStore<Faulty>,
}

impl World {
    pub(crate) fn new() -> Self {
        let memory = InMemoryEventStore::new();
        let faulty = Faulty::new(memory.clone());
        let recorded = RecordingEventStore::new(faulty.clone());
        Self {
            memory,
            faulty,
            recorded,
        }
    }

    pub(crate) fn nth_save(&self, nth: u64) -> NthCall<InMemoryEventStore> {
        self.faulty.nth(Operation::Save, nth)
    }

    /// The versions of the snapshots that were offered to the store.
    pub(crate) fn saves(&self) -> Vec<u64> {
        let calls = self.recorded.calls();
        let saves = calls.iter().filter_map(|call| match &call.request {
            Request::Save(_, snapshot) => Some(snapshot.version.get()),
            _ => None,
        });
        saves.collect()
    }
}
