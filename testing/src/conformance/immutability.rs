//! Promise 11: what was recorded stays.

use composable_rust_core::{ExpectedVersion, RecordedEvent, Snapshot, StreamId, Version};

use super::{
    Fixture,
    events::{new_event, new_events, new_stream},
    subject::Subject,
};

/// A recorded event never changes: not by later writes, refused ones and snapshots, and not behind the store's back, as
/// far as its medium can refuse that. `recorded_at` is the store's clock in microseconds, written once.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn recorded_events_never_change(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    let stream = new_stream("kept");
    store.append(&stream, ExpectedVersion::NoStream, &new_events(3)).await;
    let kept = store.load(&stream).await;
    check_precision(&kept);
    write_more(&store, &stream, &kept).await;
    assert_kept(&store, &stream, &kept, "later writes").await;
    for event in &kept {
        check_tampering(&store, &fixture, event, &kept).await;
    }
    store
        .append(&stream, ExpectedVersion::StreamExists, &new_events(1))
        .await;
    assert_kept(&store, &stream, &kept, "tampering").await;
}

fn check_precision(events: &[RecordedEvent]) {
    for event in events {
        let nanoseconds = event.recorded_at.timestamp_subsec_nanos();
        assert_eq!(
            nanoseconds % 1000,
            0,
            "recorded_at is finer than microseconds: {}",
            event.recorded_at
        );
    }
}

/// Everything a store is asked to do after a write.
async fn write_more(store: &Subject, stream: &StreamId, kept: &[RecordedEvent]) {
    let at = Version::from(3);
    store.append(stream, ExpectedVersion::Exact(at), &new_events(300)).await;
    store
        .append(&new_stream("other"), ExpectedVersion::Any, &new_events(2))
        .await;
    let mut twisted = new_event();
    twisted.id = kept[0].id;
    for expected in [
        ExpectedVersion::Any,
        ExpectedVersion::NoStream,
        ExpectedVersion::Exact(at),
    ] {
        let outcome = store.try_append(stream, expected, &[twisted.clone()]).await;
        assert!(
            outcome.is_err(),
            "an append that reuses a stored id, expecting {expected}, was accepted"
        );
    }
    let snapshot = Snapshot {
        version: at,
        schema: 1,
        data: vec![1],
    };
    let saved = store
        .in_time("a snapshot's save", store.store.save_snapshot(stream.clone(), snapshot))
        .await;
    saved.unwrap_or_else(|error| panic!("a snapshot could not be saved: {error}"));
}

async fn check_tampering(store: &Subject, fixture: &impl Fixture, event: &RecordedEvent, kept: &[RecordedEvent]) {
    let attempts = store.in_time("tampering", fixture.tamper(event)).await;
    for attempt in attempts {
        assert!(
            attempt.refused,
            "recorded events can be changed: {} was accepted",
            attempt.attempt
        );
    }
    assert_kept(store, &event.stream_id, kept, "tampering").await;
}

/// In its stream and in the log, to the last field.
async fn assert_kept(store: &Subject, stream: &StreamId, kept: &[RecordedEvent], after: &str) {
    let stored = store.load(stream).await;
    assert_eq!(
        stored.get(..kept.len()),
        Some(kept),
        "after {after}, recorded events are not what they were"
    );
    let Some(log) = store.log_if_any().await else {
        return;
    };
    let shown: Vec<_> = log.into_iter().filter(|event| event.stream_id == *stream).collect();
    assert!(
        shown == stored,
        "after {after}, the log shows other events than their stream"
    );
}
