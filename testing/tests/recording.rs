//! A store that remembers what it was asked.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

use composable_rust_core::{
    CommandId, Encoding, EventLog, EventStore, ExpectedVersion, IdGenerator, Position, ReadAll, ReadStream,
    SerializedEvent, Snapshot, StreamAppend, StreamId, Version,
};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, RecordingEventStore, SequentialIds};
use futures::{FutureExt, StreamExt, executor::block_on};
use uuid::Uuid;

static IDS: SequentialIds = SequentialIds::new();

fn append(stream: &str, expected: ExpectedVersion) -> StreamAppend {
    let event = SerializedEvent::new(IDS.event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
    StreamAppend::new(stream.parse().unwrap(), expected, vec![event])
}

fn door() -> StreamId {
    "door-1".parse().unwrap()
}

fn command() -> CommandId {
    CommandId::from_uuid(Uuid::from_u128(7))
}

#[test]
fn every_kind_of_call_is_a_line_of_the_transcript() {
    let store = RecordingEventStore::new(InMemoryEventStore::new());
    let (first, second) = (
        append("door-1", ExpectedVersion::NoStream),
        append("door-2", ExpectedVersion::Any),
    );
    block_on(async {
        store.append(first.clone()).await.unwrap();
        let late = store.append(append("door-1", ExpectedVersion::NoStream)).await;
        assert!(late.is_err());
        let check = StreamAppend::check(door(), ExpectedVersion::StreamExists);
        store.append_batch(vec![second.clone(), check]).await.unwrap();
        store.load_events(door(), Some(Version::from(1))).await.unwrap();
        store.stream_version(door()).await.unwrap();
        store.load_command(door(), command()).await.unwrap();
        let snapshot = Snapshot {
            version: Version::from(1),
            schema: 1,
            data: vec![],
        };
        store.save_snapshot(door(), snapshot).await.unwrap();
        store.load_snapshot(door()).await.unwrap();
        store.load_snapshot("door-2".parse().unwrap()).await.unwrap();
        store.delete_snapshot(door()).await.unwrap();
        store.load_snapshot(door()).await.unwrap();
        store
            .read_all(ReadAll::after(Position::BEGINNING).limit(10))
            .await
            .unwrap();
        store.head().await.unwrap();
        store.wait_for_events(Position::BEGINNING).await.unwrap();
    });
    let transcript = [
        "append to door-1, expecting no stream: DoorOpened.v1 -> version 1",
        "append to door-1, expecting no stream: DoorOpened.v1 -> conflict on door-1: expected no stream, actual version 1",
        "batch: door-2, expecting any version: DoorOpened.v1; door-1, expecting an existing stream: no events -> version 1, version 1",
        "read door-1 from 1 -> 1 event",
        "read door-1, backward, at most 1 -> left after 1 event",
        "read command 00000000-0000-0000-0000-000000000007 of door-1 -> 0 events",
        "save snapshot of door-1 at 1 -> stored",
        "load snapshot of door-1 -> one at 1",
        "load snapshot of door-2 -> none",
        "delete snapshot of door-1 -> deleted",
        "load snapshot of door-1 -> none",
        "page of the log after 0, at most 10 events -> 2 events",
        "head of the log -> 2",
        "wait for more after 0 -> there is more",
    ];
    assert_eq!(store.transcript(), transcript);
    let appends = store.appends();
    assert_eq!((appends.len(), &appends[0], &appends[2]), (4, &first, &second));
    assert_eq!(store.reads().len(), 2);
    assert_eq!(store.calls().len(), transcript.len());
}

#[test]
fn who_gave_up_and_who_still_waits_is_told_apart() {
    let faulty = FaultyEventStore::new(InMemoryEventStore::new())
        .nth_append(1)
        .is_never_answered()
        .nth_append(2)
        .is_never_answered();
    let store = RecordingEventStore::new(faulty);
    assert!(
        store
            .append(append("door-1", ExpectedVersion::Any))
            .now_or_never()
            .is_none()
    );
    let mut waiting = store.append(append("door-1", ExpectedVersion::Any));
    assert!((&mut waiting).now_or_never().is_none());
    let answers = [
        "append to door-1, expecting any version: DoorOpened.v1 -> dropped by the caller",
        "append to door-1, expecting any version: DoorOpened.v1 -> no answer yet",
    ];
    assert_eq!(store.transcript(), answers);
}

#[test]
fn a_read_that_fails_is_recorded_with_what_it_gave_before() {
    let faulty = FaultyEventStore::new(InMemoryEventStore::new())
        .nth_read(1)
        .fails_after(1);
    let store = RecordingEventStore::new(faulty);
    for _ in 0..3 {
        block_on(store.append(append("door-1", ExpectedVersion::Any))).unwrap();
    }
    let items: Vec<_> = block_on(store.read_stream(ReadStream::new(door())).collect());
    assert_eq!(items.len(), 2);
    assert_eq!(
        store.transcript().pop().unwrap(),
        "read door-1 -> after 1: the event store is unavailable: the database can not be reached"
    );
}

#[test]
fn a_test_can_wait_until_an_append_has_begun() {
    let store = RecordingEventStore::new(InMemoryEventStore::new());
    let mut begun = Box::pin(store.appends_begun(1));
    assert!((&mut begun).now_or_never().is_none());
    block_on(store.append(append("door-1", ExpectedVersion::Any))).unwrap();
    assert!(begun.now_or_never().is_some());
}
