//! Promise 10: futures that are dropped.

use std::sync::atomic::{AtomicBool, Ordering};

use composable_rust_core::{EventStore, ExpectedVersion, StreamAppend};
use composable_rust_testing::{InMemoryEventStore, conformance::dropped_appends_are_all_or_nothing};

use super::broken::{Append, Batch, Fault, assert_caught, gap, unavailable};

struct WritesInTwoSteps;
impl Fault for WritesInTwoSteps {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, mut append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            let rest = append.events.split_off(append.events.len() / 2);
            let stream_id = append.stream_id.clone();
            store.append(append).await?;
            gap().await;
            store.append_events(stream_id, ExpectedVersion::Any, rest).await
        })
    }
}

#[test]
fn a_store_that_a_dropped_append_leaves_half_written_is_caught() {
    let complaint = "a dropped append of 20 events left 10 of them";
    assert_caught(dropped_appends_are_all_or_nothing, WritesInTwoSteps, complaint);
}

struct WritesBatchesInSteps;
impl Fault for WritesBatchesInSteps {
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, entries: Vec<StreamAppend>) -> Batch<'a> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for entry in entries.into_iter().rev() {
                answers.push(store.append(entry).await?);
                gap().await;
            }
            Ok(answers)
        })
    }
}

#[test]
fn a_store_that_a_dropped_batch_leaves_half_written_is_caught() {
    let complaint = "a dropped batch of 3 and 20 events left 0 and 20 of them";
    assert_caught(dropped_appends_are_all_or_nothing, WritesBatchesInSteps, complaint);
}

/// Gives its only connection back at the end of an append, which a dropped one never reaches.
#[derive(Default)]
struct LosesItsConnection {
    taken: AtomicBool,
}
impl Fault for LosesItsConnection {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        Box::pin(async move {
            if self.taken.swap(true, Ordering::SeqCst) {
                return Err(unavailable().into());
            }
            gap().await;
            let outcome = store.append(append).await;
            self.taken.store(false, Ordering::SeqCst);
            outcome
        })
    }
}

#[test]
fn a_store_that_a_dropped_append_makes_unusable_is_caught() {
    let complaint = "after its first future was dropped, was to be written, and was refused";
    assert_caught(
        dropped_appends_are_all_or_nothing,
        LosesItsConnection::default(),
        complaint,
    );
}
