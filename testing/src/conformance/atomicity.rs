//! Promise 2: one append.

use composable_rust_core::{AppendError, ExpectedVersion, StreamId};

use super::{
    Fixture,
    events::{new_events, new_stream},
    run::race,
    subject::{Refusal, Subject, assert_refused, version},
};

/// An append of one event or of 70,000 is there as a whole, in order, at the next versions, or not at all. An append
/// of nothing is [`AppendError::NoEvents`] and makes no stream.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn appends_are_atomic_dense_and_ordered(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    for count in [1, 999, 1000, 1001, 70_000] {
        check_size(&store, count).await;
    }
    check_nothing(&store).await;
    check_refused_tail(&store).await;
    check_what_readers_see(&store).await;
}

async fn check_size(store: &Subject, count: usize) {
    let stream = new_stream("size");
    let what = format!("an append of {count} events");
    let mut events = new_events(count);
    let appended = store.append(&stream, ExpectedVersion::NoStream, &events).await;
    assert_eq!(
        appended.version,
        version(count),
        "{what} answers another version than its last event's"
    );
    let more = new_events(2);
    let after = store
        .append(&stream, ExpectedVersion::Exact(version(count)), &more)
        .await;
    events.extend(more);
    store.assert_holds(&stream, &events, &what).await;
    let stored = store.load(&stream).await;
    let at = |appended: usize| stored.get(appended - 1).map(|event| event.position);
    assert_eq!(
        at(count),
        Some(appended.position),
        "{what} answers another position than its last event's"
    );
    assert_eq!(
        at(count + 2),
        Some(after.position),
        "an append answers another position than its last event's"
    );
}

async fn check_nothing(store: &Subject) {
    let (stream, head) = (new_stream("nothing"), store.head_if_any().await);
    for expected in [
        ExpectedVersion::Any,
        ExpectedVersion::NoStream,
        ExpectedVersion::StreamExists,
        ExpectedVersion::Exact(version(3)),
    ] {
        let outcome = store.try_append(&stream, expected, &[]).await;
        let typed = matches!(outcome, Err(AppendError::NoEvents));
        assert!(
            typed,
            "an append of nothing was to be refused with NoEvents, got {outcome:?}"
        );
    }
    store.assert_nothing_in(&stream, "an append of nothing").await;
    assert_eq!(
        store.head_if_any().await,
        head,
        "an append of nothing moved the head of the log"
    );
    store.append(&stream, ExpectedVersion::NoStream, &new_events(1)).await;
}

/// The last event makes the append impossible: the ones before it must not be there either.
async fn check_refused_tail(store: &Subject) {
    let stream = new_stream("tail");
    let stored = new_events(2);
    store.append(&stream, ExpectedVersion::NoStream, &stored).await;
    let mut events = new_events(40);
    events.extend_from_slice(&stored[1..]);
    let outcome = store
        .try_append(&stream, ExpectedVersion::Exact(version(2)), &events)
        .await;
    let what = "an append whose last event is stored already";
    assert_refused(outcome, &Refusal::DuplicateId(&stream, stored[1].id), what);
    store.assert_holds(&stream, &stored, what).await;
}

/// Readers beside a writer see whole appends only.
async fn check_what_readers_see(store: &Subject) {
    const EACH: usize = 30;
    let stream = new_stream("whole");
    let writer = |store: Subject, stream: StreamId| async move {
        for _ in 0..20 {
            store.append(&stream, ExpectedVersion::Any, &new_events(EACH)).await;
        }
    };
    let reader = |store: Subject, stream: StreamId| async move {
        let mut seen = 0;
        while seen < 20 * EACH {
            seen = store.load(&stream).await.len();
            assert_eq!(
                seen % EACH,
                0,
                "a reader saw a part of an append: {seen} events of appends of {EACH}"
            );
            tokio::task::yield_now().await;
        }
    };
    let (own, others) = (store.clone(), stream.clone());
    let writing = tokio::spawn(writer(own, others));
    race((0..2).map(|_| reader(store.clone(), stream.clone()))).await;
    writing.await.unwrap_or_else(|error| super::run::carry_on(error));
}
