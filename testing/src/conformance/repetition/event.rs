//! The identical append, and ids that are taken.

use composable_rust_core::{CommandMark, Encoding, EventMetadata, ExpectedVersion, SerializedEvent, StreamId, Version};

use crate::conformance::{
    events::{new_command, new_event, new_events, new_stream, trace_context},
    run::race,
    subject::{Refusal, Subject, assert_refused, version, written},
};

pub(super) async fn check(store: &Subject) {
    check_identical(store).await;
    check_other_content(store).await;
    check_other_place(store).await;
    check_precedence(store).await;
    for _ in 0..10 {
        check_race(store).await;
    }
}

const TRACED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// With everything an event can carry, so that all of it takes part in the comparison.
fn full_event() -> SerializedEvent {
    let metadata = EventMetadata::default()
        .with_actor("clerk")
        .with_trace_context(trace_context(TRACED, "a=1"))
        .with("ratio", 0.1 + 0.2)
        .with("most", u64::MAX);
    new_event().with_metadata(metadata)
}

/// The identical append, whatever came after it.
async fn check_identical(store: &Subject) {
    let stream = new_stream("again");
    let (first, second) = (vec![full_event(), new_event()], new_events(3));
    let zero = ExpectedVersion::Exact(Version::INITIAL);
    let after_first = store.append(&stream, ExpectedVersion::NoStream, &first).await;
    let after_second = store.append(&stream, ExpectedVersion::Exact(version(2)), &second).await;
    let what = "the identical append, sent again,";
    for (expected, events, result) in [
        (ExpectedVersion::NoStream, &first, after_first),
        (zero, &first, after_first),
        (ExpectedVersion::Exact(version(2)), &second, after_second),
    ] {
        assert!(
            !result.repeated,
            "the first append of events was answered as a repeated one"
        );
        let again = written(store.try_append(&stream, expected, events).await, what);
        assert_eq!(
            again,
            result.as_repeated(),
            "{what} was to return the first result, with `repeated` true"
        );
    }
    store.assert_holds(&stream, &[first, second].concat(), what).await;
}

/// The same id with anything else changed is another event.
async fn check_other_content(store: &Subject) {
    let stream = new_stream("changed");
    let stored = full_event();
    store
        .append(&stream, ExpectedVersion::NoStream, std::slice::from_ref(&stored))
        .await;
    for (part, changed) in changes(&stored) {
        let what = format!("an append with a stored id and another {part}");
        let outcome = store.try_append(&stream, ExpectedVersion::NoStream, &[changed]).await;
        assert_refused(outcome, &Refusal::DuplicateId(&stream, stored.id), &what);
    }
    let longer = [stored.clone(), new_event()];
    let outcome = store.try_append(&stream, ExpectedVersion::NoStream, &longer).await;
    assert_refused(
        outcome,
        &Refusal::DuplicateId(&stream, stored.id),
        "a stored append with an event more",
    );
    store
        .assert_holds(&stream, &[stored], "after appends with other content")
        .await;
}

fn changes(stored: &SerializedEvent) -> Vec<(&'static str, SerializedEvent)> {
    let changed = |change: fn(&mut SerializedEvent)| {
        let mut event = stored.clone();
        change(&mut event);
        event
    };
    let mark = CommandMark::new(new_command(), 1);
    vec![
        ("payload", changed(|event| event.data.push(0))),
        ("event type", changed(|event| event.event_type = "Happened.v2".into())),
        ("encoding", changed(|event| event.encoding = Encoding::JSON)),
        (
            "metadata",
            changed(|event| event.metadata = Some(EventMetadata::default().with_actor("other"))),
        ),
        (
            "trace",
            changed(|event| trace(event, &TRACED.replace("b7-01", "b8-01"), "a=1")),
        ),
        ("tracestate", changed(|event| trace(event, TRACED, "a=2"))),
        ("metadata (none)", changed(|event| event.metadata = None)),
        ("command", stored.clone().with_command(mark)),
    ]
}

fn trace(event: &mut SerializedEvent, traceparent: &str, tracestate: &str) {
    if let Some(metadata) = &mut event.metadata {
        metadata.trace_context = Some(trace_context(traceparent, tracestate));
    }
}

/// Without saying where it belongs, or elsewhere, the same append is a duplicate; in another stream it is new.
async fn check_other_place(store: &Subject) {
    let (stream, other) = (new_stream("place"), new_stream("place"));
    let stored = new_events(2);
    store.append(&stream, ExpectedVersion::NoStream, &stored).await;
    for expected in [
        ExpectedVersion::Any,
        ExpectedVersion::StreamExists,
        ExpectedVersion::Exact(version(1)),
        ExpectedVersion::Exact(version(2)),
    ] {
        let what = format!("stored events, sent again expecting {expected},");
        let outcome = store.try_append(&stream, expected, &stored).await;
        assert_refused(outcome, &Refusal::DuplicateId(&stream, stored[0].id), &what);
    }
    store
        .assert_holds(&stream, &stored, "after stored events were sent again")
        .await;
    store.append(&other, ExpectedVersion::NoStream, &stored).await;
    store.assert_holds(&other, &stored, "ids of another stream").await;
}

/// What is wrong twice is told by what cannot be mended: the id before the version.
async fn check_precedence(store: &Subject) {
    let stream = new_stream("both");
    let stored = new_events(2);
    store.append(&stream, ExpectedVersion::NoStream, &stored).await;
    let events = [new_event(), stored[1].clone()];
    let outcome = store
        .try_append(&stream, ExpectedVersion::Exact(version(7)), &events)
        .await;
    let what = "an append that is stale and holds a stored id";
    assert_refused(outcome, &Refusal::DuplicateId(&stream, stored[1].id), what);
}

/// The same append from many tasks at once: stored once, and everyone gets the one result, one of them as the first.
async fn check_race(store: &Subject) {
    let (stream, events) = (new_stream("racing"), new_events(3));
    let sender = |store: Subject, stream: StreamId, events: Vec<SerializedEvent>| async move {
        store.try_append(&stream, ExpectedVersion::NoStream, &events).await
    };
    let what = "the identical append, sent by many at once,";
    let outcomes = race((0..8).map(|_| sender(store.clone(), stream.clone(), events.clone()))).await;
    let results: Vec<_> = outcomes.into_iter().map(|outcome| written(outcome, what)).collect();
    assert!(
        results
            .iter()
            .all(|result| result.as_repeated() == results[0].as_repeated()),
        "{what} returned several results: {results:?}"
    );
    let first = results.iter().filter(|result| !result.repeated).count();
    assert_eq!(
        first, 1,
        "{what} was to be new once and `repeated` otherwise: {results:?}"
    );
    store.assert_holds(&stream, &events, what).await;
}
