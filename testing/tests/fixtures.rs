//! Fixtures and assertions: what they make, and what they say when they fail.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod said;

use std::{convert::Infallible, sync::Arc};

use composable_rust_core::{
    Aggregate, AppendError, Codec, CommandMark, Decoded, EncodedEvent, Encoding, Event, EventError, EventLog,
    EventMetadata, EventStore, IdGenerator, Position, SerializedEvent, SnapshotOutcome, SnapshotPolicy, StreamAppend,
    Version,
};
use composable_rust_testing::{
    FixedClock, History, InMemoryEventStore, SequentialIds, SnapshotFixture, assert_events, assert_stream,
};
use futures::executor::block_on;

use crate::said::{assert_points_here, said};

#[derive(Clone, Debug, PartialEq)]
enum Counted {
    Up(u64),
    Reset,
    Broken,
}

impl Event for Counted {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Up(_) => "CountedUp.v1",
            Self::Reset => "CountReset.v1",
            Self::Broken => "CountBroken.v1",
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        match self {
            Self::Up(by) => Codec::BINCODE.encode(by),
            Self::Reset => Ok(vec![]),
            Self::Broken => Err(EventError::TooLarge { bytes: 5, limit: 4 }),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        match stored.event_type {
            "CountedUp.v1" => Codec::BINCODE.decode(stored.data).map(|by| Self::Up(by).into()),
            "CountReset.v1" => Ok(Self::Reset.into()),
            "CountPainted.v1" => Ok(Decoded::Nothing),
            _ => Err(EventError::unknown_type(stored)),
        }
    }
}

struct Counter;

impl Aggregate for Counter {
    const CATEGORY: &'static str = "counter";
    const SNAPSHOTS: SnapshotPolicy<u64> = SnapshotPolicy::every(100, 3);
    type State = u64;
    type Command = ();
    type Event = Counted;
    type Rejection = Infallible;
    type Environment = ();

    fn decide(_: &u64, (): &(), (): &()) -> Result<Vec<Counted>, Infallible> {
        Ok(vec![])
    }

    fn apply(count: &mut u64, event: &Counted) {
        match event {
            Counted::Up(by) => *count += by,
            Counted::Reset | Counted::Broken => *count = 0,
        }
    }
}

/// The same without snapshots.
struct Plain;

impl Aggregate for Plain {
    const CATEGORY: &'static str = "plain";
    type State = ();
    type Command = ();
    type Event = Counted;
    type Rejection = Infallible;
    type Environment = ();

    fn decide((): &(), (): &(), (): &()) -> Result<Vec<Counted>, Infallible> {
        Ok(vec![])
    }

    fn apply((): &mut (), _: &Counted) {}
}

fn stored(name: &'static str) -> SerializedEvent {
    SerializedEvent::new(SequentialIds::series(9).event_id(), name, Encoding::BINCODE, vec![])
}

fn history() -> History {
    History::of::<Counter>("1").events(&[Counted::Up(1), Counted::Up(2), Counted::Reset, Counted::Up(4)])
}

#[test]
fn every_failure_points_to_the_line_of_the_test() {
    assert_points_here(|| assert_events!(history().recorded(), [Counted::Reset]));
    assert_points_here(|| assert_events!(history().recorded(), []));
    assert_points_here(|| block_on(async { assert_stream!(InMemoryEventStore::new(), "counter-1", [Counted::Reset]) }));
    assert_points_here(|| block_on(async { assert_stream!(InMemoryEventStore::new(), "", []) }));
    assert_points_here(|| history().event(&Counted::Broken));
    assert_points_here(|| history().snapshot::<Counter>(1_000));
}

#[test]
fn a_history_carries_ids_metadata_and_marks() {
    let clerk = EventMetadata::default().with_actor("clerk-7");
    let ids = SequentialIds::series(1);
    let command = ids.command_id();
    let events = History::of::<Counter>("1")
        .event(&Counted::Up(1))
        .metadata(clerk.clone())
        .command(command, &[Counted::Up(2), Counted::Reset])
        .metadata(EventMetadata::default())
        .ids(ids)
        .event(&Counted::Up(3))
        .to_append();
    let mark = CommandMark::new(command, 2);
    let marks: Vec<_> = events.iter().map(|event| event.command).collect();
    assert_eq!(marks, [None, Some(mark), None, None]);
    let metadata: Vec<_> = events.iter().map(|event| event.metadata.clone()).collect();
    assert_eq!(metadata, [None, Some(clerk.clone()), Some(clerk), None]);
    let expected = SequentialIds::new();
    for event in events.iter().take(3) {
        assert_eq!(event.id, expected.event_id());
    }
    assert_ne!(events.last().unwrap().id, expected.event_id(), "another series");
}

#[test]
fn a_history_is_recorded_as_a_store_records_it() {
    let store = InMemoryEventStore::new();
    let appended = block_on(history().store_in(&store)).unwrap();
    assert_eq!(
        (appended.version, history().version()),
        (Version::from(4), Version::from(4))
    );
    assert_eq!(store.events(history().stream_id()), history().recorded());
    assert_eq!(history().recorded().first().unwrap().recorded_at, FixedClock::START);
}

#[test]
fn a_history_is_stored_once_in_any_store() {
    let store: Arc<dyn EventLog> = Arc::new(InMemoryEventStore::new());
    let first = block_on(history().store_in(&store)).unwrap();
    assert_eq!(block_on(history().store_in(&*store)).unwrap(), first.as_repeated());
    let other = History::of::<Counter>("1")
        .ids(SequentialIds::series(1))
        .event(&Counted::Reset);
    let error = block_on(other.store_in(&store)).unwrap_err();
    assert!(matches!(error, AppendError::Conflict(conflict) if conflict.actual == Version::from(4)));
    let nothing = block_on(History::of::<Counter>("2").store_in(&store)).unwrap();
    assert_eq!(
        (nothing.version, nothing.position),
        (Version::INITIAL, Position::BEGINNING)
    );
}

#[test]
fn a_cut_through_a_command_leaves_a_mark_that_stores_take() {
    let whole = History::of::<Counter>("1").event(&Counted::Reset).command(
        SequentialIds::series(1).command_id(),
        &[Counted::Up(1), Counted::Up(2), Counted::Up(3)],
    );
    for events in 1..=4_u32 {
        let cut = whole.first(events as usize);
        let append = StreamAppend::new(cut.stream_id().clone(), Version::INITIAL, cut.to_append());
        assert!(append.validate().is_ok(), "{events}");
        assert_eq!(cut.version(), Version::from(events));
    }
}

#[test]
fn an_event_that_can_not_be_written_and_a_name_that_is_none_are_named() {
    assert_eq!(
        said(|| History::of::<Counter>("1").event(&Counted::Broken)),
        "the event CountBroken.v1 can't be stored

an event of 5 bytes is too large: at most 4 are allowed

help: see the event's `encode` and `decode`, and what its fields' serde attributes do in its encoding"
    );
    assert_eq!(
        said(|| History::of::<Counter>("a\0b")),
        "\"a\\0b\" names no stream of the category \"counter\"

a stream id must not hold a NUL character

help: choose another id"
    );
}

#[test]
fn a_snapshot_is_taken_at_any_cut() {
    let states = [0, 1, 3, 0, 4];
    for (events, state) in states.into_iter().enumerate() {
        let fixture = history().snapshot::<Counter>(events);
        assert_eq!(Counter::SNAPSHOTS.restore(fixture.snapshot()), Some(state));
        assert_eq!(fixture.snapshot().version.get(), events as u64);
        assert_eq!(fixture.snapshot().schema, 3);
    }
}

#[test]
fn bad_snapshots_are_stored_and_never_restored() {
    let store = InMemoryEventStore::new();
    block_on(history().store_in(&store)).unwrap();
    let good = history().snapshot::<Counter>(2);
    let bad: [fn(&SnapshotFixture) -> SnapshotFixture; 2] =
        [SnapshotFixture::corrupt, SnapshotFixture::of_another_schema];
    for bad in bad {
        let outcome = block_on(bad(&good).store_in(&store)).unwrap();
        assert_eq!(outcome, SnapshotOutcome::Stored);
        let stored = store.snapshot(history().stream_id()).unwrap();
        assert_eq!(Counter::SNAPSHOTS.restore(&stored), None);
    }
    let ahead = good.claiming(Version::from(5));
    assert_eq!(block_on(ahead.store_in(&store)).unwrap(), SnapshotOutcome::Declined);
}

#[test]
fn a_snapshot_that_can_not_be_had_says_why() {
    assert_eq!(
        said(|| history().snapshot::<Counter>(5)),
        "there is no snapshot after 5 events

the history of counter-1 has 4 events

help: cut at the number of its events at most"
    );
    assert_eq!(
        said(|| history().snapshot::<Plain>(1)),
        "the aggregate of the category \"plain\" has no snapshots

help: give it a policy: `const SNAPSHOTS: SnapshotPolicy<Self::State> = SnapshotPolicy::every(100, 1);`"
    );
    let message = said(|| history().serialized(stored("Other.v1")).snapshot::<Counter>(5));
    assert!(
        message.starts_with("event 5 of counter-1 can't be replayed\n\n") && message.contains("\"Other.v1\""),
        "{message}"
    );
}

#[test]
fn stored_events_are_compared_as_the_application_reads_them() {
    let painted = history().serialized(stored("CountPainted.v1"));
    let expected = [Counted::Up(1), Counted::Up(2), Counted::Reset, Counted::Up(4)];
    assert_events!(painted.recorded(), expected);
    assert_events!(painted.to_append(), expected.to_vec());
    assert_events!(Vec::<SerializedEvent>::new(), []);
}

#[test]
fn other_stored_events_are_shown_by_what_differs() {
    let expected = [Counted::Up(1), Counted::Up(3), Counted::Reset, Counted::Up(4)];
    assert_eq!(
        said(|| assert_events!(history().recorded(), expected)),
        "the events: other events than expected (- expected, + actual)

      Up(
-         3,
+         2,
      ),

help: look at the first line that differs: what comes after it may only be shifted"
    );
}

#[test]
fn stored_events_where_there_should_be_none_are_listed() {
    assert_eq!(
        said(|| assert_events!(history().first(2).recorded(), [])),
        "the events: expected none, and there are 2 events

version 1 of counter-1: CountedUp.v1
version 2 of counter-1: CountedUp.v1

help: find out who writes them, or expect them"
    );
    let message = said(|| assert_events!(history().first(1).to_append(), []));
    assert!(
        message.contains("expected none, and there is 1 event\n\nevent 1: CountedUp.v1"),
        "{message}"
    );
}

#[test]
fn a_stored_event_of_another_type_is_named() {
    let foreign = history().serialized(stored("Other.v1"));
    assert_eq!(
        said(|| assert_events!(foreign.recorded(), [Counted::Up(1)])),
        "the events: version 5 of counter-1 can't be read

unknown event type \"Other.v1\"

help: teach the event type this stored name, or assert on the events of one type only"
    );
}

#[test]
fn a_stream_is_asserted_on_any_store_by_its_id_or_name() {
    block_on(async {
        let store = InMemoryEventStore::new();
        let (log, dynamic): (Arc<dyn EventLog>, &dyn EventStore) = (Arc::new(store.clone()), &store);
        history().first(2).store_in(&store).await.unwrap();
        assert_stream!(store, "counter-1", [Counted::Up(1), Counted::Up(2)]);
        assert_stream!(log, history().stream_id(), [Counted::Up(1), Counted::Up(2)]);
        assert_stream!(dynamic, history().stream_id().clone(), [Counted::Up(1), Counted::Up(2)]);
        assert_stream!(&store, "counter-2", []);
    });
}

#[test]
fn a_stream_that_is_otherwise_is_named() {
    let store = InMemoryEventStore::new();
    block_on(history().store_in(&store)).unwrap();
    let message = said(|| block_on(async { assert_stream!(store, "counter-1", [Counted::Reset]) }));
    assert!(
        message.starts_with("the stream counter-1: other events than expected (- expected, + actual)\n"),
        "{message}"
    );
    let message = said(|| block_on(async { assert_stream!(store, "counter-1", []) }));
    assert!(
        message.starts_with("the stream counter-1: expected none, and there are 4 events\n"),
        "{message}"
    );
    assert_eq!(
        said(|| block_on(async { assert_stream!(store, "", []) })),
        "this names no stream

\"\": a stream id must not be empty

help: name the stream as `category-id`"
    );
}
