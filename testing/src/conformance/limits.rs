//! Promise 12: limits, and typed failures.

use composable_rust_core::{
    AppendError, CommandMark, EventMetadata, ExpectedVersion, InvalidAppend, Limit, Position, SerializedEvent,
    StreamAppend, StreamId, TooLarge,
};

use super::{
    Fixture, closed,
    events::{nested, new_command, new_event, new_events, new_stream},
    subject::{Outcome, Refusal, Subject, assert_refused, written},
};

/// Every limit is exact and the same for appends and batches, is checked before anything is written, whatever else is
/// wrong, and is told with its name and number. What no store can accept is [`AppendError::Invalid`]. A closed store says so.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn limits_and_failures_are_typed(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    for (limit, actual, events) in too_large() {
        check_too_large(&store, TooLarge { limit, actual }, events).await;
    }
    check_shared_limits(&store).await;
    check_entries(&store).await;
    check_invalid(&store).await;
    check_id_twice(&store).await;
    assert_eq!(
        store.head_if_any().await.unwrap_or_default(),
        Position::BEGINNING,
        "a refused append moved the head of the log"
    );
    for events in just_allowed() {
        let stream = new_stream("allowed");
        store.append(&stream, ExpectedVersion::NoStream, &events).await;
        store.assert_holds(&stream, &events, "an append at a limit").await;
    }
    check_most_entries(&store).await;
    if fixture.close().await {
        closed::check(&store).await;
    }
}

fn with_data(bytes: usize) -> SerializedEvent {
    let mut event = new_event();
    event.data = vec![0; bytes];
    event
}

fn with_type(bytes: usize) -> SerializedEvent {
    let mut event = new_event();
    event.event_type = "t".repeat(bytes).into();
    event
}

/// Metadata that is so long as JSON.
fn with_metadata(bytes: usize) -> SerializedEvent {
    let around = r#"{"k":""}"#.len();
    new_event().with_metadata(EventMetadata::default().with("k", "m".repeat(bytes - around)))
}

/// Each limit exceeded by one, behind an event that alone would be fine.
fn too_large() -> Vec<(Limit, usize, Vec<SerializedEvent>)> {
    let [events, bytes, event, name, metadata] = [
        Limit::EventsPerAppend,
        Limit::BytesPerAppend,
        Limit::BytesPerEvent,
        Limit::BytesPerEventType,
        Limit::BytesPerMetadata,
    ]
    .map(|limit| (limit, limit.max() + 1));
    let sixteen = Limit::BytesPerEvent.max();
    let four: Vec<_> = (0..4).map(|_| with_data(sixteen)).collect();
    vec![
        (events.0, events.1, new_events(events.1)),
        (bytes.0, bytes.1, [four, vec![with_data(1)]].concat()),
        (event.0, event.1, vec![new_event(), with_data(event.1)]),
        (name.0, name.1, vec![new_event(), with_type(name.1)]),
        (metadata.0, metadata.1, vec![new_event(), with_metadata(metadata.1)]),
    ]
}

fn just_allowed() -> [Vec<SerializedEvent>; 3] {
    [
        vec![with_data(Limit::BytesPerEvent.max())],
        vec![with_type(Limit::BytesPerEventType.max())],
        vec![with_metadata(Limit::BytesPerMetadata.max())],
    ]
}

/// Refused by its size, also where the stream is not as expected.
async fn check_too_large(store: &Subject, too_large: TooLarge, events: Vec<SerializedEvent>) {
    let (stream, other) = (new_stream("large"), new_stream("large"));
    let what = format!("an append with {} {}", too_large.actual, too_large.limit);
    let assert_typed = |outcome: &Result<(), AppendError>| {
        let typed = matches!(outcome, Err(AppendError::TooLarge(told)) if *told == too_large);
        assert!(
            typed,
            "{what} was to be refused as TooLarge with that number, got {outcome:?}"
        );
    };
    for expected in [ExpectedVersion::NoStream, ExpectedVersion::StreamExists] {
        assert_typed(&store.try_append(&stream, expected, &events).await.map(drop));
    }
    let entries = vec![
        StreamAppend::new(other.clone(), ExpectedVersion::NoStream, new_events(1)),
        StreamAppend::new(stream.clone(), ExpectedVersion::StreamExists, events),
    ];
    let outcome = store.try_batch(entries).await.map(drop);
    let refused = matches!(outcome, Err(AppendError::TooLarge(told)) if told.limit == too_large.limit);
    assert!(
        refused,
        "a batch with {what} was to be refused as TooLarge, got {outcome:?}"
    );
    for stream in [&stream, &other] {
        store.assert_nothing_in(stream, &what).await;
    }
}

/// The limits of an append hold for a batch as a whole.
async fn check_shared_limits(store: &Subject) {
    let streams = [new_stream("half"), new_stream("half")];
    let entry = |stream: &StreamId| StreamAppend::new(stream.clone(), ExpectedVersion::Any, new_events(50_001));
    let outcome = store.try_batch(streams.iter().map(entry).collect()).await;
    let expected = TooLarge {
        limit: Limit::EventsPerAppend,
        actual: 100_002,
    };
    let typed = matches!(&outcome, Err(AppendError::TooLarge(told)) if *told == expected);
    assert!(
        typed,
        "a batch of 100,002 events was to be refused as TooLarge, got {outcome:?}"
    );
    for stream in &streams {
        store.assert_nothing_in(stream, "a batch of 100,002 events").await;
    }
}

/// A batch with one entry that writes and checks of as many streams as make `entries` of them.
fn batch_of(entries: usize, written: &StreamId, events: &[SerializedEvent]) -> Vec<StreamAppend> {
    let write = StreamAppend::new(written.clone(), ExpectedVersion::NoStream, events.to_vec());
    let check = |_| StreamAppend::check(new_stream("checked"), ExpectedVersion::NoStream);
    std::iter::once(write).chain((1..entries).map(check)).collect()
}

/// Entries count with and without events, before any of them is judged.
async fn check_entries(store: &Subject) {
    let (stream, limit) = (new_stream("entries"), Limit::EntriesPerBatch);
    let actual = limit.max() + 1;
    let mut batch = batch_of(actual, &stream, &new_events(1));
    let Some(stale) = batch.last_mut() else { return };
    stale.expected = ExpectedVersion::StreamExists;
    let outcome = store.try_batch(batch).await;
    let expected = TooLarge { limit, actual };
    let typed = matches!(&outcome, Err(AppendError::TooLarge(told)) if *told == expected);
    assert!(
        typed,
        "a batch of {actual} entries was to be refused as TooLarge with that number, got {outcome:?}"
    );
    store.assert_nothing_in(&stream, "a batch with an entry too many").await;
}

/// A batch of as many entries as are allowed is written.
async fn check_most_entries(store: &Subject) {
    let (stream, events) = (new_stream("entries"), new_events(1));
    let most = Limit::EntriesPerBatch.max();
    let what = format!("a batch of {most} entries");
    let answers = written(store.try_batch(batch_of(most, &stream, &events)).await, &what);
    assert_eq!(answers.len(), most, "{what} was answered for another number of entries");
    store.assert_holds(&stream, &events, &what).await;
}

async fn check_invalid(store: &Subject) {
    let stream = new_stream("invalid");
    let named = |event_type: &'static str| {
        let mut event = new_event();
        event.event_type = event_type.into();
        event
    };
    let metadata = |metadata: EventMetadata| new_event().with_metadata(metadata);
    let mark = |events: u32| new_event().with_command(CommandMark::new(new_command(), events));
    let cases = [
        (named(""), InvalidAppend::EventType),
        (named("a\0b"), InvalidAppend::EventType),
        (
            metadata(EventMetadata::default().with("k", "a\0b")),
            InvalidAppend::Metadata,
        ),
        (
            metadata(EventMetadata::default().with("actor", "shadow")),
            InvalidAppend::Metadata,
        ),
        (
            metadata(EventMetadata::default().with("traceparent", "shadow")),
            InvalidAppend::Metadata,
        ),
        (
            metadata(EventMetadata::default().with("k", nested(EventMetadata::MAX_DEPTH + 1))),
            InvalidAppend::Metadata,
        ),
        (
            metadata(EventMetadata::default().with("k", nested(1_001))),
            InvalidAppend::Metadata,
        ),
        (mark(0), InvalidAppend::CommandMark),
        (mark(2), InvalidAppend::CommandMark),
    ];
    for (event, mistake) in cases {
        let outcome = store
            .try_append(&stream, ExpectedVersion::NoStream, &[new_event(), event])
            .await;
        assert_invalid(&outcome, &mistake);
        store.assert_nothing_in(&stream, "an invalid append").await;
    }
}

fn assert_invalid(outcome: &Outcome, mistake: &InvalidAppend) {
    let typed = matches!(outcome, Err(AppendError::Invalid(told)) if told == mistake);
    assert!(
        typed,
        "an append was to be refused as invalid ({mistake}), got {outcome:?}"
    );
}

async fn check_id_twice(store: &Subject) {
    let stream = new_stream("twice");
    let mut events = new_events(3);
    events[2].id = events[0].id;
    let outcome = store.try_append(&stream, ExpectedVersion::NoStream, &events).await;
    let what = "an append with an id twice in it";
    assert_refused(outcome, &Refusal::DuplicateId(&stream, events[0].id), what);
    store.assert_nothing_in(&stream, what).await;
}
