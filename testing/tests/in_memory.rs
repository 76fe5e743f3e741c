//! What the store in memory promises beyond the contract of every store.
#![expect(clippy::unwrap_used, reason = "a failure in these helpers is the test's failure")]

use std::sync::Arc;

use chrono::TimeDelta;
use composable_rust_core::{
    Encoding, EventLog, EventStore, ExpectedVersion, IdGenerator, Position, SerializedEvent, Snapshot, StreamId,
    Version,
};
use composable_rust_testing::{FixedClock, InMemoryEventStore, SequentialIds};
use futures::executor::block_on;

static IDS: SequentialIds = SequentialIds::new();

fn event() -> SerializedEvent {
    SerializedEvent::new(IDS.event_id(), "Happened.v1", Encoding::BINCODE, vec![7])
}

fn stream(name: &str) -> StreamId {
    name.try_into().unwrap()
}

fn append(store: &InMemoryEventStore, name: &str) {
    block_on(store.append_events(stream(name), ExpectedVersion::Any, vec![event()])).unwrap();
}

#[test]
fn every_handle_is_the_same_store() {
    let store = InMemoryEventStore::new();
    append(&store.clone(), "a");
    assert_eq!(store.len(), 1);
}

#[test]
fn inspection_shows_streams_events_and_snapshots() {
    let store = InMemoryEventStore::new();
    assert!(store.is_empty());
    for name in ["b", "a", "b"] {
        append(&store, name);
    }
    assert_eq!(store.stream_ids(), [stream("a"), stream("b")]);
    let versions: Vec<_> = store
        .events(&stream("b"))
        .iter()
        .map(|event| event.version.get())
        .collect();
    assert_eq!(versions, [1, 2]);
    let order: Vec<_> = store
        .all_events()
        .into_iter()
        .map(|event| event.stream_id.to_string())
        .collect();
    assert_eq!(order, ["b", "a", "b"]);
    let snapshot = Snapshot {
        version: Version::from(2),
        schema: 1,
        data: vec![1],
    };
    block_on(store.save_snapshot(stream("b"), snapshot.clone())).unwrap();
    assert_eq!(store.snapshot(&stream("b")), Some(snapshot));
    assert_eq!(format!("{store:?}"), "InMemoryEventStore { streams: 2, events: 3 }");
}

#[test]
fn a_reset_store_begins_again() {
    let store = InMemoryEventStore::new();
    append(&store, "a");
    store.reset();
    assert!(store.is_empty() && store.stream_ids().is_empty());
    assert_eq!(block_on(store.head()).unwrap(), Position::BEGINNING);
    append(&store, "a");
    assert_eq!(store.all_events()[0].position, Position::from_sequence(1));
}

#[test]
fn events_are_recorded_at_the_time_of_the_clock_in_microseconds() {
    let clock = FixedClock::default();
    let store = InMemoryEventStore::with_clock(Arc::new(clock.clone()));
    clock.set(FixedClock::START + TimeDelta::nanoseconds(1_999));
    append(&store, "a");
    assert_eq!(
        store.all_events()[0].recorded_at,
        FixedClock::START + TimeDelta::microseconds(1)
    );
}
