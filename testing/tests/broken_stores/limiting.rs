//! Promise 12: limits and typed failures.

use std::sync::atomic::{AtomicBool, Ordering};

use composable_rust_core::{
    AppendError, EventStore, ExpectedVersion, Limit, StreamAppend, TooLarge, Unavailable, UnavailableReason,
};
use composable_rust_testing::{InMemoryEventStore, conformance::limits_and_failures_are_typed};

use super::broken::{Append, Batch, Fault, assert_caught, head, source};

/// What becomes of an append that is too large.
struct OnTooLarge {
    writes_first: bool,
    forgets_type: bool,
}
impl Fault for OnTooLarge {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let first = append.events.first().cloned();
            let stream_id = append.stream_id.clone();
            match (store.append(append).await, first) {
                (Err(AppendError::TooLarge(_)), _) if self.forgets_type => Err(AppendError::Backend(source())),
                (Err(AppendError::TooLarge(too_large)), Some(first)) if self.writes_first => {
                    store
                        .append_events(stream_id, ExpectedVersion::Any, vec![first])
                        .await
                        .ok();
                    Err(too_large.into())
                }
                (outcome, _) => outcome,
            }
        })
    }
}

#[test]
fn a_store_that_writes_before_it_checks_the_limits_is_caught() {
    let fault = OnTooLarge {
        writes_first: true,
        forgets_type: false,
    };
    assert_caught(limits_and_failures_are_typed, fault, "holds another number of events");
}

#[test]
fn a_store_whose_limits_are_not_typed_is_caught() {
    let fault = OnTooLarge {
        writes_first: false,
        forgets_type: true,
    };
    assert_caught(limits_and_failures_are_typed, fault, "was to be refused as TooLarge");
}

struct JudgesVersionsFirst;
impl Fault for JudgesVersionsFirst {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        if !append.expected.accepts(head(store, &append.stream_id)) {
            append.events.truncate(1);
        }
        store.append(append)
    }
}

#[test]
fn a_store_that_judges_before_it_checks_the_limits_is_caught() {
    assert_caught(
        limits_and_failures_are_typed,
        JudgesVersionsFirst,
        "was to be refused as TooLarge",
    );
}

#[test]
fn a_store_with_a_limit_of_its_own_is_caught() {
    struct TakesLess;
    impl Fault for TakesLess {
        fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
            if append.validate().is_ok() && append.events.iter().any(|event| event.data.len() >= 16 << 20) {
                return Box::pin(async { Err(AppendError::Backend(source())) });
            }
            store.append(append)
        }
    }
    assert_caught(
        limits_and_failures_are_typed,
        TakesLess,
        "was to be written, and was refused",
    );
}

/// Batches of more entries than `most` are answered by `instead`.
struct LimitsEntries {
    most: usize,
    instead: for<'a> fn(&'a InMemoryEventStore, Vec<StreamAppend>) -> Batch<'a>,
}
impl Fault for LimitsEntries {
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, entries: Vec<StreamAppend>) -> Batch<'a> {
        if entries.len() > self.most {
            return (self.instead)(store, entries);
        }
        store.append_batch(entries)
    }
}

#[test]
fn a_store_that_takes_batches_of_any_number_of_entries_is_caught() {
    let fault = LimitsEntries {
        most: Limit::EntriesPerBatch.max(),
        instead: |store, mut entries| {
            entries.truncate(Limit::EntriesPerBatch.max());
            store.append_batch(entries)
        },
    };
    let complaint = "a batch of 1001 entries was to be refused as TooLarge with that number";
    assert_caught(limits_and_failures_are_typed, fault, complaint);
}

#[test]
fn a_store_that_takes_fewer_entries_than_are_allowed_is_caught() {
    let fault = LimitsEntries {
        most: Limit::EntriesPerBatch.max() - 1,
        instead: |_, entries| {
            let (limit, actual) = (Limit::EntriesPerBatch, entries.len());
            Box::pin(async move { Err(TooLarge { limit, actual }.into()) })
        },
    };
    let complaint = "a batch of 1000 entries was to be written, and was refused";
    assert_caught(limits_and_failures_are_typed, fault, complaint);
}

/// Says, once it is closed, that the database can't be reached: its caller would try again for ever.
#[derive(Default)]
struct TakesClosedForUnreachable(AtomicBool);
impl Fault for TakesClosedForUnreachable {
    fn close(&self) -> bool {
        self.0.store(true, Ordering::Relaxed);
        true
    }
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        if self.0.load(Ordering::Relaxed) {
            let unreachable = Unavailable::new(UnavailableReason::Unreachable, source());
            return Box::pin(async move { Err(unreachable.into()) });
        }
        store.append(append)
    }
}

#[test]
fn a_store_that_does_not_say_that_it_is_closed_is_caught() {
    let complaint = "an append on a closed store was to be Unavailable, because it is closed";
    assert_caught(
        limits_and_failures_are_typed,
        TakesClosedForUnreachable::default(),
        complaint,
    );
}

/// A closed store that goes on working.
#[test]
fn a_store_that_works_after_it_was_closed_is_caught() {
    struct StaysOpen;
    impl Fault for StaysOpen {
        fn close(&self) -> bool {
            true
        }
    }
    let complaint = "an append on a closed store was to be Unavailable, because it is closed";
    assert_caught(limits_and_failures_are_typed, StaysOpen, complaint);
}
