//! Promise 1: the expected version.

use composable_rust_core::{ExpectedVersion, StreamId, Version};

use super::{
    Fixture,
    events::{new_events, new_stream},
    subject::{Refusal, Subject, assert_refused, version, written},
};

/// An append is accepted exactly if the stream is as expected: a version ahead of the stream is as wrong as a stale one. A
/// conflict writes nothing, and has the stream, the expected and the actual version.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn expected_version_matrix_is_exact(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    let mut events = 0;
    for stored in [0, 1, 3] {
        for (expected, accepted) in matrix(stored) {
            events += check_cell(&store, stored, expected, accepted).await;
        }
    }
    let log = store.log_if_any().await;
    let shown = log.map_or(events, |log| log.len());
    assert_eq!(shown, events, "a refused append left something in the log");
}

/// What a stream at version `stored` accepts.
fn matrix(stored: usize) -> Vec<(ExpectedVersion, bool)> {
    let mut cells = vec![
        (ExpectedVersion::Any, true),
        (ExpectedVersion::NoStream, stored == 0),
        (ExpectedVersion::StreamExists, stored > 0),
        (ExpectedVersion::Exact(Version::MAX), false),
    ];
    cells.extend((0..=stored + 2).map(|n| (ExpectedVersion::Exact(version(n)), n == stored)));
    cells
}

/// Tries one cell on a stream of its own, and returns how many events that left.
async fn check_cell(store: &Subject, stored: usize, expected: ExpectedVersion, accepted: bool) -> usize {
    let stream = new_stream("matrix");
    let mut events = new_events(stored);
    if stored > 0 {
        store.append(&stream, ExpectedVersion::NoStream, &events).await;
    }
    let what = format!("expecting {expected} of a stream at version {stored}: the append");
    let more = new_events(2);
    let outcome = store.try_append(&stream, expected, &more).await;
    if accepted {
        let appended = written(outcome, &what);
        assert_eq!(appended.version, version(stored + 2), "{what} answers another version");
        events.extend(more);
    } else {
        assert_refused(outcome, &Refusal::Conflict(&stream, expected, stored), &what);
    }
    store.assert_holds(&stream, &events, &what).await;
    append_at(store, &stream, &mut events).await;
    events.len()
}

/// Whatever was refused: the stream goes on from where it is.
async fn append_at(store: &Subject, stream: &StreamId, events: &mut Vec<composable_rust_core::SerializedEvent>) {
    let head = version(events.len());
    let more = new_events(1);
    store.append(stream, ExpectedVersion::Exact(head), &more).await;
    events.extend(more);
}
