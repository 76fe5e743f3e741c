//! Logs whose readable end stays behind.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{EventLog, Position, ReadAll};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, TestClock};
use futures::{FutureExt, executor::block_on};

use crate::{Faulty, append, healthy, sent};

fn page(store: &Faulty, after: Position) -> (usize, Position) {
    let page = block_on(store.read_all(ReadAll::after(after))).unwrap();
    (page.events.len(), page.resume_after)
}

fn at(position: u64) -> Position {
    Position::from_sequence(position)
}

#[test]
fn readers_of_a_stalled_log_stay_where_it_was_and_miss_nothing_afterwards() {
    let store = healthy();
    sent(&store, &append());
    block_on(store.stall_log()).unwrap();
    sent(&store, &append());
    assert_eq!(page(&store, Position::BEGINNING), (1, at(1)));
    assert_eq!(page(&store, at(1)), (0, at(1)), "at the end, as far as anybody can see");
    assert_eq!(block_on(store.head()).unwrap(), at(1));
    store.resume_log();
    assert_eq!(page(&store, at(1)), (1, at(2)));
}

#[test]
fn who_waits_on_a_stalled_log_is_woken_when_it_goes_on() {
    let store = healthy();
    block_on(store.stall_log()).unwrap();
    sent(&store, &append());
    let mut more = store.wait_for_events(Position::BEGINNING);
    assert!((&mut more).now_or_never().is_none());
    store.resume_log();
    assert!(matches!(more.now_or_never(), Some(Ok(()))));
}

#[test]
fn what_was_readable_before_a_stall_stays_readable() {
    let store = healthy();
    sent(&store, &append());
    block_on(store.stall_log()).unwrap();
    assert!(matches!(
        store.wait_for_events(Position::BEGINNING).now_or_never(),
        Some(Ok(()))
    ));
}

#[test]
fn a_wait_that_began_before_a_stall_ends_with_something_readable() {
    let store = healthy();
    let mut more = store.wait_for_events(Position::BEGINNING);
    assert!((&mut more).now_or_never().is_none());
    block_on(store.stall_log()).unwrap();
    sent(&store, &append());
    assert!((&mut more).now_or_never().is_none(), "nothing is readable");
    store.resume_log();
    assert!(more.now_or_never().is_some());
}

#[test]
fn a_seeded_stall_ends_with_its_time() {
    let clock = TestClock::new();
    let second = Duration::from_secs(1);
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 7).stalls(1.0, second, Arc::new(clock.clone()));
    assert_eq!(page(&store, Position::BEGINNING), (0, Position::BEGINNING));
    sent(&store, &append());
    assert_eq!(page(&store, Position::BEGINNING), (0, Position::BEGINNING));
    let mut more = store.wait_for_events(Position::BEGINNING);
    assert!((&mut more).now_or_never().is_none());
    clock.advance(second);
    assert!(more.now_or_never().is_some());
    assert_eq!(
        page(&store, Position::BEGINNING),
        (1, at(1)),
        "the next stall begins where the log ends by then"
    );
    assert_eq!(store.faults()[0].to_string(), "page 1 finds the log stalled at 0");
}

#[test]
fn a_reader_of_a_log_that_stalls_and_fails_meets_everything_once_whatever_the_seed() {
    for seed in 0..100 {
        let clock = TestClock::new();
        let second = Duration::from_secs(1);
        let store = FaultyEventStore::seeded(InMemoryEventStore::new(), seed)
            .read_failures(0.1)
            .stalls(0.3, second, Arc::new(clock.clone()));
        let (mut seen, mut after) = (Vec::new(), Position::BEGINNING);
        while seen.len() < 30 {
            if store.inner().len() < 30 {
                sent(&store, &append());
            }
            let Ok(page) = block_on(store.read_all(ReadAll::after(after).limit(4))) else {
                continue;
            };
            assert!(
                page.resume_after <= block_on(store.head()).unwrap(),
                "nothing beyond the end is shown"
            );
            seen.extend(page.events);
            if page.resume_after == after && store.wait_for_events(after).now_or_never().is_none() {
                clock.advance(second);
            }
            after = page.resume_after;
        }
        assert_eq!(seen, store.inner().all_events());
    }
}

#[test]
fn a_stall_longer_than_time_goes_on_to_its_end() {
    let clock = TestClock::new();
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 7).stalls(1.0, Duration::MAX, Arc::new(clock));
    sent(&store, &append());
    for _ in 0..10 {
        block_on(store.read_all(ReadAll::after(Position::BEGINNING))).unwrap();
    }
}
