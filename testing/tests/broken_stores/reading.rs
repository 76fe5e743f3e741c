//! Promises 7 and 11: what is read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use composable_rust_core::{Direction, EventStore, ReadStream, Version};
use composable_rust_testing::{
    InMemoryEventStore,
    conformance::{Tampering, reads_are_complete_or_fail, recorded_events_never_change},
};
use futures::{StreamExt, future, stream};
use tokio::sync::Semaphore;

use super::broken::{Fault, Reader, SHORT, assert_caught, unavailable};

struct LosesAPageBorder;
impl Fault for LosesAPageBorder {
    fn read_stream(&self, store: &InMemoryEventStore, read: ReadStream) -> Reader {
        let backward = read.direction == Direction::Backward;
        let events = store.read_stream(read).enumerate();
        let kept = events.filter(move |(index, _)| future::ready(!backward || *index != 1000));
        kept.map(|(_, event)| event).boxed()
    }
}

#[test]
fn a_store_that_loses_an_event_at_the_border_of_a_page_is_caught() {
    assert_caught(reads_are_complete_or_fail, LosesAPageBorder, "was to give");
}

struct ExcludesFrom;
impl Fault for ExcludesFrom {
    fn read_stream(&self, store: &InMemoryEventStore, mut read: ReadStream) -> Reader {
        if read.direction == Direction::Forward {
            read.from = read.from.and_then(Version::next);
        }
        store.read_stream(read)
    }
}

#[test]
fn a_store_that_excludes_the_version_to_read_from_is_caught() {
    assert_caught(reads_are_complete_or_fail, ExcludesFrom, "was to give");
}

/// Reads fail on demand; what a reader is told of it is the question.
#[derive(Default)]
struct FailingReads {
    failing: Arc<AtomicBool>,
    goes_on_after_the_error: bool,
}
impl Fault for FailingReads {
    fn read_stream(&self, store: &InMemoryEventStore, read: ReadStream) -> Reader {
        let (failing, goes_on) = (Arc::clone(&self.failing), self.goes_on_after_the_error);
        let events = store.read_stream(read);
        if goes_on {
            let fail = move |(index, event)| {
                let fails = index == 100 && failing.load(Ordering::SeqCst);
                if fails { Err(unavailable().into()) } else { event }
            };
            return events.enumerate().map(fail).boxed();
        }
        events
            .take_while(move |_| future::ready(!failing.load(Ordering::SeqCst)))
            .boxed()
    }
    fn break_reads(&self) -> bool {
        self.failing.store(true, Ordering::SeqCst);
        true
    }
}

#[test]
fn a_store_that_swallows_a_failure_in_the_middle_of_a_read_is_caught() {
    let complaint = "a read that failed in its middle was to end with an error: it gave 1 of 5000 events";
    assert_caught(reads_are_complete_or_fail, FailingReads::default(), complaint);
}

#[test]
fn a_store_that_reads_on_after_a_failure_is_caught() {
    let fault = FailingReads {
        goes_on_after_the_error: true,
        ..FailingReads::default()
    };
    assert_caught(reads_are_complete_or_fail, fault, "was to end with an error");
}

/// Every reader holds one of a few connections as long as it lives.
struct HoldsConnections(Arc<Semaphore>);
impl Fault for HoldsConnections {
    fn patience(&self) -> Duration {
        SHORT
    }
    fn read_stream(&self, store: &InMemoryEventStore, read: ReadStream) -> Reader {
        let (connections, events) = (Arc::clone(&self.0), store.read_stream(read));
        let connected = stream::once(async move {
            let connection = connections.acquire_owned().await;
            events.map(move |event| {
                let _held = &connection;
                event
            })
        });
        connected.flatten().boxed()
    }
}

#[test]
fn a_store_whose_paused_readers_hold_others_up_is_caught() {
    let fault = HoldsConnections(Arc::new(Semaphore::new(8)));
    assert_caught(reads_are_complete_or_fail, fault, "the first event of a read is stuck");
}

struct CanBeChanged;
impl Fault for CanBeChanged {
    fn tamper(&self) -> Vec<Tampering> {
        let refused: Result<(), &str> = Err("refused");
        vec![
            Tampering::new("DELETE", &refused),
            Tampering::new("REPLACE", &Ok::<(), &str>(())),
        ]
    }
}

#[test]
fn a_store_whose_events_can_be_changed_is_caught() {
    let complaint = "recorded events can be changed: REPLACE was accepted";
    assert_caught(recorded_events_never_change, CanBeChanged, complaint);
}

/// Tells the time of the read, in this unit.
struct RecordsWhenRead {
    reads: AtomicI64,
    unit: TimeDelta,
}
impl RecordsWhenRead {
    fn in_units_of(unit: TimeDelta) -> Self {
        let reads = AtomicI64::new(0);
        Self { reads, unit }
    }
}
impl Fault for RecordsWhenRead {
    fn read_stream(&self, store: &InMemoryEventStore, read: ReadStream) -> Reader {
        let reads = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        let later = TimeDelta::nanoseconds(reads * self.unit.num_nanoseconds().unwrap_or(1));
        let events = store.read_stream(read);
        let moved = events.map(move |event| {
            event.map(|mut event| {
                event.recorded_at += later;
                event
            })
        });
        moved.boxed()
    }
}

#[test]
fn a_store_that_records_the_time_of_the_read_is_caught() {
    let fault = RecordsWhenRead::in_units_of(TimeDelta::microseconds(1));
    assert_caught(
        recorded_events_never_change,
        fault,
        "recorded events are not what they were",
    );
}

#[test]
fn a_store_that_records_nanoseconds_is_caught() {
    let fault = RecordsWhenRead::in_units_of(TimeDelta::nanoseconds(1));
    assert_caught(
        recorded_events_never_change,
        fault,
        "recorded_at is finer than microseconds",
    );
}
