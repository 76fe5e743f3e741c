//! Promise 12: limits and typed failures.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, StreamAppend};
use composable_rust_testing::{InMemoryEventStore, conformance::limits_and_failures_are_typed};

use super::broken::{Append, Fault, assert_caught, head, source};

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
