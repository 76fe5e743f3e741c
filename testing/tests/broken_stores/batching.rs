//! Promise 4: batches.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use composable_rust_core::{
    AppendError, Appended, Conflict, EventStore, ExpectedVersion, InvalidAppend, Position, StreamAppend, StreamId,
};
use composable_rust_testing::{InMemoryEventStore, conformance::batches_are_all_or_nothing};

use super::broken::{Batch, Fault, SHORT, assert_caught, gap, head};

fn check(store: &InMemoryEventStore, entry: &StreamAppend) -> Result<Appended, AppendError> {
    let (expected, actual) = (entry.expected, head(store, &entry.stream_id));
    let position = store.events(&entry.stream_id).last().map(|event| event.position);
    let position = position.unwrap_or(Position::BEGINNING);
    let stream_id = entry.stream_id.clone();
    if expected.accepts(actual) {
        return Ok(Appended::new(actual, position));
    }
    Err(Conflict {
        stream_id,
        expected,
        actual,
    }
    .into())
}

async fn one_by_one(store: &InMemoryEventStore, entries: Vec<StreamAppend>) -> Result<Vec<Appended>, AppendError> {
    let mut answers = Vec::new();
    for entry in entries {
        answers.push(if entry.events.is_empty() {
            check(store, &entry)?
        } else {
            store.append(entry).await?
        });
    }
    Ok(answers)
}

struct WritesEntryByEntry;
impl Fault for WritesEntryByEntry {
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, entries: Vec<StreamAppend>) -> Batch<'a> {
        Box::pin(one_by_one(store, entries))
    }
}

#[test]
fn a_store_whose_batches_are_not_atomic_is_caught() {
    assert_caught(
        batches_are_all_or_nothing,
        WritesEntryByEntry,
        "holds another number of events",
    );
}

struct IgnoresChecks;
impl Fault for IgnoresChecks {
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, mut entries: Vec<StreamAppend>) -> Batch<'a> {
        for entry in entries.iter_mut().filter(|entry| entry.events.is_empty()) {
            entry.expected = ExpectedVersion::Any;
        }
        store.append_batch(entries)
    }
}

#[test]
fn a_store_that_ignores_entries_without_events_is_caught() {
    assert_caught(
        batches_are_all_or_nothing,
        IgnoresChecks,
        "a batch with a failing check was to be refused",
    );
}

/// The checks hold when they are made, and no longer when the batch is written.
struct ChecksBeforehand;
impl Fault for ChecksBeforehand {
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, mut entries: Vec<StreamAppend>) -> Batch<'a> {
        Box::pin(async move {
            StreamAppend::validate_batch(&entries)?;
            for entry in entries.iter_mut().filter(|entry| entry.events.is_empty()) {
                check(store, entry)?;
                entry.expected = ExpectedVersion::Any;
            }
            gap().await;
            store.append_batch(entries).await
        })
    }
}

#[test]
fn a_store_that_allows_write_skew_is_caught() {
    let complaint = "of two batches that each check what the other writes, exactly one was to win";
    assert_caught(batches_are_all_or_nothing, ChecksBeforehand, complaint);
}

struct AllowsStreamsTwice;
impl Fault for AllowsStreamsTwice {
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, entries: Vec<StreamAppend>) -> Batch<'a> {
        let twice = StreamAppend::validate_batch(&entries);
        if let Err(AppendError::Invalid(InvalidAppend::DuplicateStream { .. })) = twice {
            return Box::pin(one_by_one(store, entries));
        }
        store.append_batch(entries)
    }
}

#[test]
fn a_store_that_accepts_a_stream_twice_is_caught() {
    assert_caught(
        batches_are_all_or_nothing,
        AllowsStreamsTwice,
        "refused with DuplicateStream",
    );
}

#[derive(Default)]
struct LocksInTheOrderOfEntries {
    locks: Mutex<HashMap<StreamId, Arc<tokio::sync::Mutex<()>>>>,
}
impl Fault for LocksInTheOrderOfEntries {
    fn patience(&self) -> Duration {
        SHORT
    }
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, entries: Vec<StreamAppend>) -> Batch<'a> {
        Box::pin(async move {
            let mut held = Vec::new();
            for entry in &entries {
                let lock = self
                    .locks
                    .lock()
                    .map(|mut locks| locks.entry(entry.stream_id.clone()).or_default().clone());
                held.push(lock.unwrap_or_default().lock_owned().await);
                gap().await;
            }
            store.append_batch(entries).await
        })
    }
}

#[test]
fn a_store_that_deadlocks_on_opposite_orders_is_caught() {
    assert_caught(
        batches_are_all_or_nothing,
        LocksInTheOrderOfEntries::default(),
        "a batch is stuck",
    );
}
