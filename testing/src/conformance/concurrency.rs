//! Promise 3: many writers at once.

use std::collections::HashMap;

use composable_rust_core::{AppendError, EventId, ExpectedVersion, SerializedEvent, StreamId};

use super::{
    Fixture,
    events::{new_events, new_stream},
    run::race,
    subject::{Outcome, Refusal, Subject, assert_refused, version, written},
};

const WRITERS: usize = 16;

/// Of concurrent writers that expect the same version one wins, and the others get the actual version. Writers that expect any
/// version all succeed. Every acknowledged event is stored once; refused ones are not stored.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn concurrent_writers_lose_nothing(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    let stream = new_stream("exact");
    let mut stored = Vec::new();
    for _ in 0..20 {
        check_one_winner(&store, &stream, &mut stored).await;
    }
    check_any(&store, ExpectedVersion::Any).await;
    check_any(&store, ExpectedVersion::StreamExists).await;
    check_own_streams(&store).await;
}

async fn append_once(
    store: Subject,
    stream: StreamId,
    expected: ExpectedVersion,
    events: Vec<SerializedEvent>,
) -> (Vec<SerializedEvent>, Outcome) {
    let outcome = store.try_append(&stream, expected, &events).await;
    (events, outcome)
}

/// All expect the version that the stream has: one may be right about it.
async fn check_one_winner(store: &Subject, stream: &StreamId, stored: &mut Vec<SerializedEvent>) {
    let expected = ExpectedVersion::Exact(version(stored.len()));
    let writers = (0..WRITERS).map(|_| append_once(store.clone(), stream.clone(), expected, new_events(2)));
    let (winners, losers): (Vec<_>, Vec<_>) = race(writers)
        .await
        .into_iter()
        .partition(|(_, outcome)| outcome.is_ok());
    assert_eq!(
        winners.len(),
        1,
        "of {WRITERS} concurrent writers expecting {expected}, exactly one was to win"
    );
    stored.extend(winners.into_iter().flat_map(|(events, _)| events));
    for (_, outcome) in losers {
        let truth = Refusal::Conflict(stream, expected, stored.len());
        assert_refused(outcome, &truth, "a writer who came second");
    }
    store
        .assert_holds(stream, stored, "after a race of exact writers")
        .await;
}

/// Nothing is expected that another writer could spoil: all succeed.
async fn check_any(store: &Subject, expected: ExpectedVersion) {
    const APPENDS: usize = 20;
    let stream = new_stream("any");
    store.append(&stream, ExpectedVersion::NoStream, &new_events(1)).await;
    let writer = |own: usize, store: Subject, stream: StreamId| async move {
        let mut acknowledged = Vec::new();
        for _ in 0..APPENDS {
            let events = new_events(1 + own % 3);
            let what = format!("a concurrent append expecting {expected}");
            let appended = written(store.try_append(&stream, expected, &events).await, &what);
            let first = appended.version.get() + 1 - events.len() as u64;
            acknowledged.extend((first..).zip(events).map(|(place, event)| (event.id, place)));
        }
        acknowledged
    };
    let all = race((0..WRITERS).map(|own| writer(own, store.clone(), stream.clone()))).await;
    let acknowledged: HashMap<EventId, u64> = all.into_iter().flatten().collect();
    assert_all_there(store, &stream, &acknowledged).await;
}

async fn assert_all_there(store: &Subject, stream: &StreamId, acknowledged: &HashMap<EventId, u64>) {
    let stored = store.load(stream).await;
    for (place, event) in (1_u64..).zip(&stored) {
        assert_eq!(
            event.version.get(),
            place,
            "the versions are not dense after concurrent appends"
        );
    }
    let found: HashMap<EventId, u64> = stored.iter().map(|event| (event.id, event.version.get())).collect();
    assert_eq!(
        found.len(),
        stored.len(),
        "an event is stored twice after concurrent appends"
    );
    for (id, place) in acknowledged {
        assert_eq!(
            found.get(id),
            Some(place),
            "an acknowledged event is not where its append said"
        );
    }
    assert_eq!(
        stored.len(),
        acknowledged.len() + 1,
        "events are stored that nobody was told of"
    );
}

/// Writers to streams of their own never disturb each other, and an error means that nothing was written.
async fn check_own_streams(store: &Subject) {
    let writer = |store: Subject| async move {
        let stream = new_stream("own");
        let mut stored = Vec::new();
        for _ in 0..10 {
            let events = new_events(3);
            let expected = ExpectedVersion::Exact(version(stored.len()));
            match store.try_append(&stream, expected, &events).await {
                Ok(_) => stored.extend(events),
                Err(AppendError::OutcomeUnknown(_)) => {
                    store.append(&stream, expected, &events).await;
                    stored.extend(events);
                }
                Err(error) => panic!("the only writer of a stream was refused: {error}"),
            }
        }
        store
            .assert_holds(&stream, &stored, "after concurrent appends to other streams")
            .await;
    };
    race((0..WRITERS).map(|_| writer(store.clone()))).await;
}
