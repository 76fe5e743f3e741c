//! Promises 1 and 2: one append.

use std::time::Duration;

use composable_rust_core::{
    AppendError, Appended, EventStore, ExpectedVersion, Position, ReadStream, StreamAppend, StreamId, Version,
};
use composable_rust_testing::{
    InMemoryEventStore,
    conformance::{appends_are_atomic_dense_and_ordered, expected_version_matrix_is_exact},
};

use tokio::sync::watch;

use super::broken::{Append, Fault, Reader, assert_caught, head, source};

struct AcceptsWhatIsAhead;
impl Fault for AcceptsWhatIsAhead {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        if append.expected.exact() > Some(head(store, &append.stream_id)) {
            append.expected = ExpectedVersion::Any;
        }
        store.append(append)
    }
}

#[test]
fn a_store_that_accepts_a_version_from_the_future_is_caught() {
    assert_caught(
        expected_version_matrix_is_exact,
        AcceptsWhatIsAhead,
        "was to be refused with Conflict",
    );
}

struct TakesExistsForAny;
impl Fault for TakesExistsForAny {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        if append.expected == ExpectedVersion::StreamExists {
            append.expected = ExpectedVersion::Any;
        }
        store.append(append)
    }
}

#[test]
fn a_store_that_takes_stream_exists_for_any_is_caught() {
    let complaint = "expecting an existing stream of a stream at version 0: the append was to be refused";
    assert_caught(expected_version_matrix_is_exact, TakesExistsForAny, complaint);
}

struct TellsTheBelief;
impl Fault for TellsTheBelief {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            store.append(append).await.map_err(|error| match error {
                AppendError::Conflict(mut conflict) => {
                    conflict.actual = conflict.expected.exact().unwrap_or(conflict.actual);
                    conflict.into()
                }
                other => other,
            })
        })
    }
}

#[test]
fn a_store_whose_conflict_does_not_tell_the_actual_version_is_caught() {
    assert_caught(
        expected_version_matrix_is_exact,
        TellsTheBelief,
        "got Conflict(Conflict",
    );
}

struct WritesTheConflict;
impl Fault for WritesTheConflict {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let events = append.events.clone();
            let stream_id = append.stream_id.clone();
            let outcome = store.append(append).await;
            if outcome.is_err() {
                store.append_events(stream_id, ExpectedVersion::Any, events).await?;
            }
            outcome
        })
    }
}

#[test]
fn a_store_that_reports_a_conflict_after_writing_is_caught() {
    assert_caught(
        expected_version_matrix_is_exact,
        WritesTheConflict,
        "holds another number of events",
    );
}

/// Event by event, so that a refused one leaves those before it.
struct WritesOneByOne;
impl Fault for WritesOneByOne {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let StreamAppend {
                stream_id,
                mut expected,
                events,
                ..
            } = append;
            let mut last = Err(AppendError::NoEvents);
            for event in events {
                last = Ok(store.append_events(stream_id.clone(), expected, vec![event]).await?);
                expected = ExpectedVersion::Any;
            }
            last
        })
    }
}

#[test]
fn a_store_that_leaves_a_torn_append_is_caught() {
    assert_caught(
        appends_are_atomic_dense_and_ordered,
        WritesOneByOne,
        "holds another number of events",
    );
}

/// Where nothing can be refused any more, in two halves; the second follows when somebody has looked at the first.
struct ShowsHalves {
    reads: watch::Sender<u64>,
}

impl ShowsHalves {
    /// The stream that the suite reads while it is written.
    fn is_read(stream_id: &StreamId) -> bool {
        stream_id.category() == "whole"
    }

    /// Of three reads that the suite's two readers begin, one has ended.
    async fn somebody_looked(&self) {
        let mut reads = self.reads.subscribe();
        let known = *reads.borrow();
        let looked = reads.wait_for(|now| *now >= known + 3);
        drop(tokio::time::timeout(Duration::from_secs(30), looked).await);
    }
}

impl Fault for ShowsHalves {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            if Self::is_read(&append.stream_id) {
                let rest = append.events.split_off(append.events.len() / 2);
                let stream_id = append.stream_id.clone();
                store.append(append).await?;
                self.somebody_looked().await;
                return store.append_events(stream_id, ExpectedVersion::Any, rest).await;
            }
            store.append(append).await
        })
    }

    fn read_stream(&self, store: &InMemoryEventStore, read: ReadStream) -> Reader {
        if Self::is_read(&read.stream_id) {
            self.reads.send_modify(|reads| *reads += 1);
        }
        store.read_stream(read)
    }
}

#[test]
fn a_store_that_shows_half_an_append_is_caught() {
    assert_caught(
        appends_are_atomic_dense_and_ordered,
        ShowsHalves {
            reads: watch::channel(0).0,
        },
        "a reader saw a part of an append",
    );
}

struct AcceptsNothing;
impl Fault for AcceptsNothing {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        if append.events.is_empty() {
            let (version, position) = (Version::INITIAL, Position::BEGINNING);
            return Box::pin(async move { Ok(Appended::new(version, position)) });
        }
        store.append(append)
    }
}

#[test]
fn a_store_that_accepts_an_append_of_nothing_is_caught() {
    assert_caught(
        appends_are_atomic_dense_and_ordered,
        AcceptsNothing,
        "refused with NoEvents",
    );
}

struct PanicsOnNothing;
impl Fault for PanicsOnNothing {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        assert!(!append.events.is_empty(), "no events to append");
        store.append(append)
    }
}

#[test]
fn a_store_that_panics_on_an_append_of_nothing_is_caught() {
    assert_caught(
        appends_are_atomic_dense_and_ordered,
        PanicsOnNothing,
        "no events to append",
    );
}

/// As many rows in a statement as the protocol has parameters.
struct RunsOutOfParameters;
impl Fault for RunsOutOfParameters {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        if append.events.len() > 65_535 {
            return Box::pin(async { Err(AppendError::Backend(source())) });
        }
        store.append(append)
    }
}

#[test]
fn a_store_that_can_not_take_many_events_is_caught() {
    assert_caught(
        appends_are_atomic_dense_and_ordered,
        RunsOutOfParameters,
        "an append of 70000 events",
    );
}

struct Reverses;
impl Fault for Reverses {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        append.events.reverse();
        store.append(append)
    }
}

#[test]
fn a_store_that_changes_the_order_of_events_is_caught() {
    assert_caught(appends_are_atomic_dense_and_ordered, Reverses, "came back changed");
}
