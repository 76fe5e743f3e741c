//! Faults by a seed.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{
    AppendError, Appended, EventStore, ExpectedVersion, SerializedEvent, StreamAppend, Version,
};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, TestClock};
use futures::{FutureExt, executor::block_on};

use crate::{Faulty, append, door};

fn stormy(seed: u64) -> Faulty {
    FaultyEventStore::seeded(InMemoryEventStore::new(), seed)
        .failures_before_commit(0.1)
        .failures_after_commit(0.1)
        .lost_requests(0.1)
        .lost_answers(0.1)
        .conflicts(0.2, |_| append())
        .read_failures(0.2)
}

/// A writer as it should be: unknown outcomes are asked for again with the identical append, conflicts are decided
/// anew, and patience ends.
fn write(store: &Faulty, event: &SerializedEvent) -> Appended {
    let mut in_doubt: Option<StreamAppend> = None;
    loop {
        let append = in_doubt.take().unwrap_or_else(|| {
            let expected = ExpectedVersion::Exact(version(store));
            StreamAppend::new(door(), expected, vec![event.clone()])
        });
        match store.append(append.clone()).now_or_never() {
            Some(Ok(appended)) => return appended,
            // `Unavailable` says that it was not written this time; an attempt before may have been.
            None | Some(Err(AppendError::OutcomeUnknown(_) | AppendError::Unavailable(_))) => in_doubt = Some(append),
            Some(Err(AppendError::Conflict(conflict))) => {
                assert_eq!(conflict.actual.get(), store.inner().events(&door()).len() as u64);
                assert!(
                    !conflict.expected.accepts(conflict.actual),
                    "a conflict tells the truth"
                );
            }
            Some(Err(error)) => panic!("{error}"),
        }
    }
}

fn version(store: &Faulty) -> Version {
    loop {
        if let Ok(version) = block_on(store.stream_version(door())) {
            return version;
        }
    }
}

#[test]
fn a_careful_writer_loses_and_doubles_nothing_whatever_the_seed() {
    let mut faults = 0;
    for seed in 0..300 {
        let store = stormy(seed);
        let events: Vec<_> = (0..10).map(|_| append().events.remove(0)).collect();
        for event in &events {
            let appended = write(&store, event);
            let stored = store.inner().events(&door());
            let place = stored
                .iter()
                .position(|record| record.version == appended.version)
                .unwrap();
            assert!(stored[place].is_record_of(event), "where the answer says");
        }
        let stored = store.inner().events(&door());
        let ours = stored
            .iter()
            .filter_map(|record| events.iter().position(|event| record.is_record_of(event)));
        assert!(ours.eq(0..10), "once each, in order");
        faults += store.faults().len();
    }
    assert!(faults > 1000, "only {faults} faults came to pass");
}

#[test]
fn a_seed_brings_the_same_faults_in_every_run() {
    let run = |seed| {
        let store = stormy(seed);
        for _ in 0..30 {
            drop(store.append(append()).now_or_never());
        }
        store.faults()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn reads_in_between_do_not_change_what_happens_to_appends() {
    let run = |reads: bool| {
        let store = stormy(7);
        for _ in 0..30 {
            if reads {
                drop(block_on(store.load_events(door(), None)));
            }
            drop(store.append(append()).now_or_never());
        }
        let faults = store.faults();
        let of_appends = faults.into_iter().map(|fault| fault.to_string());
        of_appends
            .filter(|fault| fault.starts_with("append"))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn a_script_goes_before_the_seed() {
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 7)
        .failures_before_commit(1.0)
        .nth_append(2)
        .fails_after_commit();
    let outcomes = [(); 3].map(|()| store.append(append()).now_or_never());
    assert!(matches!(
        outcomes,
        [
            Some(Err(AppendError::Unavailable(_))),
            Some(Err(AppendError::OutcomeUnknown(_))),
            Some(Err(AppendError::Unavailable(_)))
        ]
    ));
}

#[test]
fn delays_pass_on_the_clock_that_was_given_and_nowhere_else() {
    let clock = TestClock::new();
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 7).delays(
        1.0,
        Duration::from_secs(10),
        Arc::new(clock.clone()),
    );
    let mut delayed = store.append(append());
    assert!((&mut delayed).now_or_never().is_none());
    assert!(clock.next_deadline().is_some());
    clock.advance(Duration::from_secs(10));
    assert!(matches!(delayed.now_or_never(), Some(Ok(_))));
}

#[test]
fn snapshots_fail_as_often_as_they_are_told_to() {
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 7).snapshot_failures(0.5);
    let failed = (0..100)
        .filter(|_| block_on(store.load_snapshot(door())).is_err())
        .count();
    assert_eq!(store.faults().len(), failed);
    assert!((30..70).contains(&failed), "{failed}");
}
