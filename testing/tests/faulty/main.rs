//! A store that fails on purpose: what it does, that it breaks no promise, and what it says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helper functions of tests")]

mod contract;
mod messages;
mod scripted;
mod seeded;
mod stalls;

use composable_rust_core::{
    AppendError, Appended, Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent, StreamAppend, StreamId,
};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, SequentialIds};
use futures::FutureExt;

static IDS: SequentialIds = SequentialIds::new();

type Faulty = FaultyEventStore<InMemoryEventStore>;

fn healthy() -> Faulty {
    FaultyEventStore::new(InMemoryEventStore::new())
}

fn door() -> StreamId {
    "door-1".parse().unwrap()
}

fn append() -> StreamAppend {
    let event = SerializedEvent::new(IDS.event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
    StreamAppend::new(door(), ExpectedVersion::Any, vec![event])
}

/// What came of it, if anything did: nothing here waits for anything but the test.
fn sent(store: &Faulty, append: &StreamAppend) -> Option<Result<Appended, AppendError>> {
    store.append(append.clone()).now_or_never()
}

fn stored(store: &Faulty) -> usize {
    store.inner().events(&door()).len()
}
