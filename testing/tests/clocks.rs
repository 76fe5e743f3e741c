//! What the clocks of tests promise.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::{Clock, Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent};
use composable_rust_testing::{FixedClock, InMemoryEventStore, SequentialIds, TestClock};
use futures::{
    FutureExt,
    executor::{LocalPool, block_on},
    future::join_all,
    task::LocalSpawnExt,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_fixed_clock_shows_what_it_was_set_to_on_every_handle() {
    let clock = FixedClock::default();
    let other = clock.clone();
    clock.set(FixedClock::START + SECOND);
    assert_eq!(other.now(), FixedClock::START + SECOND);
}

#[test]
fn time_that_stands_still_ends_no_sleep() {
    let clock = FixedClock::default();
    let mut pool = LocalPool::new();
    let woken = Arc::new(Mutex::new(Vec::new()));
    for seconds in [2, 1, 3] {
        let (sleep, woken) = (clock.sleep(SECOND * seconds), Arc::clone(&woken));
        let sleeper = async move {
            sleep.await;
            woken.lock().unwrap().push(seconds);
        };
        pool.spawner().spawn_local(sleeper).unwrap();
    }
    for (now, expected) in [
        (0, vec![]),
        (1, vec![1]),
        (0, vec![1]),
        (2, vec![1, 2]),
        (9, vec![1, 2, 3]),
    ] {
        clock.set(FixedClock::START + SECOND * now);
        for _ in 0..10 {
            pool.run_until_stalled();
        }
        assert_eq!(*woken.lock().unwrap(), expected, "at {now} s");
    }
}

#[test]
fn a_fixed_clock_wakes_at_the_deadline_and_forgets_sleeps_that_were_dropped() {
    let clock = FixedClock::default();
    let (mut kept, dropped) = (clock.sleep(SECOND), clock.sleep(SECOND));
    assert_eq!((&mut kept).now_or_never(), None);
    drop(dropped);
    clock.set(FixedClock::START + SECOND - Duration::from_nanos(1));
    assert_eq!((&mut kept).now_or_never(), None);
    clock.set(FixedClock::START + SECOND);
    assert_eq!(kept.now_or_never(), Some(()));
    assert_eq!(clock.sleep(Duration::ZERO).now_or_never(), Some(()));
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines_and_see_the_time_they_waited_for() {
    let (clock, woken) = (TestClock::new(), Arc::new(Mutex::new(Vec::new())));
    let mut pool = LocalPool::new();
    for seconds in [3, 1, 2, 1] {
        let (clock, woken) = (clock.clone(), Arc::clone(&woken));
        let sleep = clock.sleep(SECOND * seconds);
        let sleeper = async move {
            sleep.await;
            woken.lock().unwrap().push((seconds, clock.now()));
        };
        pool.spawner().spawn_local(sleeper).unwrap();
    }
    pool.run_until_stalled();
    clock.advance_with(SECOND * 5, || pool.run_until_stalled());
    let expected = [1, 1, 2, 3].map(|seconds| (seconds, FixedClock::START + SECOND * seconds));
    assert_eq!(*woken.lock().unwrap(), expected);
    assert_eq!(clock.now(), FixedClock::START + SECOND * 5);
}

#[test]
fn an_advance_wakes_nobody_before_the_deadline() {
    let clock = TestClock::new();
    let mut sleep = clock.sleep(SECOND);
    clock.advance(Duration::from_nanos(999_999_999));
    assert_eq!((&mut sleep).now_or_never(), None);
    clock.advance(Duration::from_nanos(1));
    assert_eq!((&mut sleep).now_or_never(), Some(()));
}

#[test]
fn a_sleep_counts_from_the_call_and_not_from_the_first_poll() {
    let clock = TestClock::new();
    let sleep = clock.sleep(SECOND);
    clock.advance(SECOND);
    assert_eq!(sleep.now_or_never(), Some(()));
}

#[test]
fn a_sleep_of_nothing_is_over_at_once() {
    let clock = TestClock::new();
    assert_eq!(clock.sleep(Duration::ZERO).now_or_never(), Some(()));
    assert_eq!(clock.pending(), 0);
}

#[test]
fn a_dropped_sleep_leaves_the_clock() {
    let clock = TestClock::new();
    let (kept, dropped) = (clock.sleep(SECOND * 2), clock.sleep(SECOND));
    assert_eq!(
        (clock.pending(), clock.next_deadline()),
        (2, Some(FixedClock::START + SECOND))
    );
    drop(dropped);
    assert_eq!(
        (clock.pending(), clock.next_deadline()),
        (1, Some(FixedClock::START + SECOND * 2))
    );
    drop(kept);
    assert_eq!((clock.pending(), clock.next_deadline()), (0, None));
}

#[test]
fn advancing_to_the_next_deadline_wakes_that_one_alone() {
    let clock = TestClock::new();
    let (mut first, mut second) = (clock.sleep(SECOND), clock.sleep(SECOND * 2));
    assert_eq!(clock.advance_to_next(), Some(FixedClock::START + SECOND));
    assert_eq!((&mut first).now_or_never(), Some(()));
    assert_eq!((&mut second).now_or_never(), None);
    assert_eq!(clock.advance_to_next(), Some(FixedClock::START + SECOND * 2));
    assert_eq!(clock.advance_to_next(), None);
}

#[test]
fn running_the_clock_wakes_everyone() {
    let clock = TestClock::new();
    let sleeps = join_all((1..=100).map(|seconds| clock.sleep(SECOND * seconds)));
    clock.run();
    assert!(sleeps.now_or_never().is_some());
    assert_eq!((clock.pending(), clock.now()), (0, FixedClock::START + SECOND * 100));
}

#[test]
fn the_end_of_time_is_not_passed() {
    let clock = TestClock::new();
    let _forever = clock.sleep(Duration::MAX);
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), DateTime::<Utc>::MAX_UTC);
}

/// Before 1970, and at either end of what a clock can show.
const MOMENTS: [DateTime<Utc>; 4] = [
    DateTime::<Utc>::MIN_UTC,
    DateTime::from_timestamp_secs(-1).unwrap(),
    DateTime::UNIX_EPOCH,
    DateTime::<Utc>::MAX_UTC,
];

#[test]
fn a_clock_may_begin_at_any_moment_and_neither_wraps_nor_panics() {
    for now in MOMENTS {
        let clock = TestClock::at(now);
        assert_eq!((clock.now(), clock.pending()), (now, 0));
        clock.advance(Duration::ZERO);
        assert_eq!(clock.now(), now);
        let second = clock.sleep(SECOND);
        clock.advance(Duration::MAX);
        assert_eq!(second.now_or_never(), Some(()));
        assert_eq!(clock.now(), DateTime::<Utc>::MAX_UTC);
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_its_sleepers_and_their_deadlines() {
    let clock = FixedClock::default();
    let mut sleep = clock.sleep(SECOND);
    for now in MOMENTS.into_iter().filter(|now| *now < FixedClock::START) {
        clock.set(now);
        assert_eq!((clock.now(), (&mut sleep).now_or_never()), (now, None));
        let from_here = clock.sleep(SECOND);
        clock.set(now + SECOND);
        assert_eq!(from_here.now_or_never(), Some(()));
    }
    clock.set(FixedClock::START + SECOND);
    assert_eq!(sleep.now_or_never(), Some(()));
}

#[test]
fn a_store_records_events_at_any_moment() {
    for now in MOMENTS {
        let store = InMemoryEventStore::with_clock(Arc::new(FixedClock::at(now)));
        let event = SerializedEvent::new(
            SequentialIds::new().event_id(),
            "DoorOpened.v1",
            Encoding::BINCODE,
            vec![],
        );
        let append = store.append_events("door-1".parse().unwrap(), ExpectedVersion::Any, vec![event]);
        block_on(append).unwrap();
        assert_eq!(store.all_events()[0].recorded_at.timestamp(), now.timestamp());
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_the_deadlines_of_sleepers_also_before_1970() {
    for start in [FixedClock::START, DateTime::UNIX_EPOCH - SECOND * 3_600] {
        let clock = TestClock::at(start);
        let mut sleep = clock.sleep(SECOND * 60);
        clock.set(start - SECOND * 3_600);
        assert_eq!(clock.now(), start - SECOND * 3_600);
        assert_eq!((&mut sleep).now_or_never(), None);
        // What falls asleep now counts from the earlier time.
        let mut short = clock.sleep(SECOND);
        clock.advance(SECOND);
        assert_eq!((&mut short).now_or_never(), Some(()));
        clock.set(start + SECOND * 60);
        assert_eq!(sleep.now_or_never(), Some(()));
    }
}
