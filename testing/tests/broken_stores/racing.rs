//! Promise 3: many writers.

use std::sync::atomic::{AtomicUsize, Ordering};

use composable_rust_core::{AppendError, Appended, Conflict, EventStore, ExpectedVersion, StreamAppend, Version};
use composable_rust_testing::{InMemoryEventStore, conformance::concurrent_writers_lose_nothing};

use super::broken::{Append, Fault, assert_caught, gap, head, unavailable};

struct ChecksThenWrites;
impl Fault for ChecksThenWrites {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let (expected, actual) = (append.expected, head(store, &append.stream_id));
            if !expected.accepts(actual) {
                let stream_id = append.stream_id;
                return Err(Conflict {
                    stream_id,
                    expected,
                    actual,
                }
                .into());
            }
            gap().await;
            append.expected = ExpectedVersion::Any;
            store.append(append).await
        })
    }
}

#[test]
fn a_store_that_checks_and_then_writes_is_caught() {
    assert_caught(
        concurrent_writers_lose_nothing,
        ChecksThenWrites,
        "exactly one was to win",
    );
}

struct TakesAnyForTheHead;
impl Fault for TakesAnyForTheHead {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            if append.expected == ExpectedVersion::Any {
                append.expected = head(store, &append.stream_id).into();
                gap().await;
            }
            store.append(append).await
        })
    }
}

#[test]
fn a_store_on_which_unconditional_writers_fail_is_caught() {
    let complaint = "a concurrent append expecting any version was to be written";
    assert_caught(concurrent_writers_lose_nothing, TakesAnyForTheHead, complaint);
}

struct TellsLosersTheirBelief;
impl Fault for TellsLosersTheirBelief {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            store.append(append).await.map_err(|error| match error {
                AppendError::Conflict(Conflict {
                    stream_id,
                    expected,
                    actual,
                }) => {
                    let actual = expected.exact().unwrap_or(actual);
                    Conflict {
                        stream_id,
                        expected,
                        actual,
                    }
                    .into()
                }
                other => other,
            })
        })
    }
}

#[test]
fn a_store_whose_losers_are_not_told_the_true_version_is_caught() {
    assert_caught(
        concurrent_writers_lose_nothing,
        TellsLosersTheirBelief,
        "a writer who came second",
    );
}

/// What happens to one in ten of the unconditional appends.
struct OneInTen {
    appends: AtomicUsize,
    loses: bool,
}
impl OneInTen {
    fn that(loses: bool) -> Self {
        let appends = AtomicUsize::new(1);
        Self { appends, loses }
    }
}
impl Fault for OneInTen {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let hit = append.expected == ExpectedVersion::Any
                && self.appends.fetch_add(1, Ordering::SeqCst).is_multiple_of(10);
            if hit && self.loses {
                let version = head(store, &append.stream_id).checked_add(append.events.len() as u64);
                let version = version.unwrap_or(Version::MAX);
                return Ok(Appended::new(version, store.head_now()));
            }
            let outcome = store.append(append).await;
            if hit { Err(unavailable().into()) } else { outcome }
        })
    }
}

trait HeadNow {
    fn head_now(&self) -> composable_rust_core::Position;
}
impl HeadNow for InMemoryEventStore {
    fn head_now(&self) -> composable_rust_core::Position {
        self.all_events().last().map(|event| event.position).unwrap_or_default()
    }
}

#[test]
fn a_store_that_loses_acknowledged_appends_is_caught() {
    let complaint = "an acknowledged event is not where its append said";
    assert_caught(concurrent_writers_lose_nothing, OneInTen::that(true), complaint);
}

#[test]
fn a_store_that_calls_a_written_append_unavailable_is_caught() {
    let complaint = "was to be written, and was refused: the event store is unavailable";
    assert_caught(concurrent_writers_lose_nothing, OneInTen::that(false), complaint);
}
