//! Promise 10: futures that are dropped.

use composable_rust_core::{ExpectedVersion, SerializedEvent, StreamAppend, StreamId};

use super::{
    Fixture,
    events::{new_events, new_stream},
    subject::{Subject, version, written},
};

/// An append whose future is dropped at any point is stored as a whole or not at all, and the store goes on working. The
/// identical append, sent again, finds out which.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn dropped_appends_are_all_or_nothing(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    for round in 0..80 {
        check_append(&store, round % 16).await;
    }
    for round in 0..40 {
        check_batch(&store, round % 16).await;
    }
    for round in 0..40 {
        check_aborted(&store, round % 8).await;
    }
}

/// Polls `future` a few times, with whatever runs in between, and drops it.
async fn drop_after(polls: usize, future: impl Future) {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        if futures::poll!(&mut future).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn check_append(store: &Subject, polls: usize) {
    let (stream, events) = (new_stream("dropped"), new_events(20));
    let append = store
        .store
        .append_events(stream.clone(), ExpectedVersion::NoStream, events.clone());
    drop_after(polls, append).await;
    assert_whole(store, &stream, &events).await;
    settle(store, &stream, &events).await;
}

async fn assert_whole(store: &Subject, stream: &StreamId, events: &[SerializedEvent]) {
    let stored = store.load(stream).await.len();
    let whole = stored == 0 || stored == events.len();
    assert!(
        whole,
        "a dropped append of {} events left {stored} of them",
        events.len()
    );
}

/// Sent again, it returns the first result if it was stored, and is stored now if it was not.
async fn settle(store: &Subject, stream: &StreamId, events: &[SerializedEvent]) {
    let what = "the identical append, after its first future was dropped,";
    let appended = written(store.try_append(stream, ExpectedVersion::NoStream, events).await, what);
    assert_eq!(
        appended.version,
        version(events.len()),
        "{what} answers another version"
    );
    store.assert_holds(stream, events, what).await;
}

async fn check_batch(store: &Subject, polls: usize) {
    let streams = [new_stream("dropped"), new_stream("dropped")];
    let events = [new_events(3), new_events(20)];
    let entries = || {
        let pairs = streams.iter().zip(&events);
        pairs.map(|(stream, events)| StreamAppend::new(stream.clone(), ExpectedVersion::NoStream, events.clone()))
    };
    drop_after(polls, store.store.append_batch(entries().collect())).await;
    // Read against the order of the entries: what is found first must not be missing afterwards.
    let (second, first) = (store.load(&streams[1]).await.len(), store.load(&streams[0]).await.len());
    let whole = matches!((first, second), (0, 0) | (3, 0 | 20));
    assert!(
        whole,
        "a dropped batch of 3 and 20 events left {first} and {second} of them"
    );
    let what = "the identical batch, after its first future was dropped,";
    written(store.try_batch(entries().collect()).await, what);
    for (stream, events) in streams.iter().zip(&events) {
        store.assert_holds(stream, events, what).await;
    }
}

/// A task that is aborted while others write to the same stream: nobody else is harmed.
async fn check_aborted(store: &Subject, yields: usize) {
    let (stream, dropped, others) = (new_stream("aborted"), new_events(20), new_events(2));
    let doomed = {
        let (store, stream, dropped) = (store.clone(), stream.clone(), dropped.clone());
        tokio::spawn(async move { store.try_append(&stream, ExpectedVersion::Any, &dropped).await })
    };
    for _ in 0..yields {
        tokio::task::yield_now().await;
    }
    doomed.abort();
    store.append(&stream, ExpectedVersion::Any, &others).await;
    let outcome = doomed.await;
    let stored = store.load(&stream).await.len();
    let whole = stored == others.len() || stored == others.len() + dropped.len();
    assert!(
        whole,
        "an aborted append of 20 events, beside one of 2, left {stored} events"
    );
    if let Ok(outcome) = outcome {
        written(outcome, "an append that ended before it was aborted");
        assert_eq!(
            stored,
            others.len() + dropped.len(),
            "an append that ended before it was aborted is missing"
        );
    }
}
