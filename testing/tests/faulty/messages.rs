//! What it says: failure messages are features.

use std::{error::Error, process::Command};

use composable_rust_core::{EventStore, ExpectedVersion};
use composable_rust_testing::{FaultyEventStore, History, InMemoryEventStore, Operation};
use futures::executor::block_on;

use crate::{append, door, healthy, sent};

#[test]
#[should_panic(expected = "2 scripted faults did not come to pass:\n  \
                           append 2 fails before its commit: only 1 append was made\n  \
                           read 1 fails after 2 events: no read was made\n\n\
                           help: let the test come so far, or script only what is to happen: it proves less than it says")]
fn a_script_that_was_not_reached_says_how_far_the_test_came() {
    let store = healthy().nth_append(2).fails_before_commit().nth_read(1).fails_after(2);
    sent(&store, &append());
    store.assert_script_met();
}

#[test]
#[should_panic(expected = "1 scripted fault did not come to pass:\n  \
                           append 1 fails after its commit: the store itself refused it: \
                           conflict on door-1: expected an existing stream, actual version 0")]
fn a_commit_that_never_was_can_not_be_failed_after() {
    let store = healthy().nth_append(1).fails_after_commit();
    let mut refused = append();
    refused.expected = ExpectedVersion::StreamExists;
    sent(&store, &refused);
    store.assert_script_met();
}

#[test]
#[should_panic(expected = "append 1 loses a race in door-1: the other writer was refused: \
                           conflict on door-1: expected an existing stream, actual version 0")]
fn a_rival_that_is_refused_is_no_race() {
    let mut rival = append();
    rival.expected = ExpectedVersion::StreamExists;
    let store = healthy().nth_append(1).loses_race_to(rival);
    sent(&store, &append());
    store.assert_script_met();
}

#[test]
#[should_panic(expected = "append 1 can't be scripted any more: 2 were made already\n\n\
                           help: script it before it is made; append 3 is the next")]
fn the_past_can_not_be_scripted() {
    let store = healthy();
    sent(&store, &append());
    sent(&store, &append());
    let _ = store.nth_append(1);
}

#[test]
#[should_panic(expected = "append 1 can't lose a race to nothing\n\nhelp: give the other writer an event to append")]
fn a_rival_that_writes_nothing_is_no_race() {
    healthy().nth_append(1).loses_race_to(History::new(door()));
}

#[test]
#[should_panic(expected = "there is no append 0\n\nhelp: count from 1, as in \"the 1st append\"")]
fn calls_are_counted_from_one() {
    let _ = healthy().nth_append(0);
}

#[test]
#[should_panic(expected = "append 1 has an end already: it fails before its commit\n\n\
                           help: let one of the two happen to another call")]
fn a_call_has_one_end() {
    let store = healthy().nth_append(1).fails_before_commit();
    store.nth_append(1).fails_after_commit();
}

#[test]
#[should_panic(expected = "what happens to an append is not said like that\n\nhelp: write `nth_append(2)`")]
fn an_append_fails_before_or_after_its_commit_and_not_just_so() {
    let _ = healthy().nth(Operation::Append, 2);
}

#[test]
#[should_panic(expected = "without a seed there are no chances\n\n\
                           help: make the store with `FaultyEventStore::seeded(store, seed)`, or script what is to happen")]
fn a_chance_needs_a_seed() {
    let _ = healthy().failures_before_commit(0.1);
}

#[test]
#[should_panic(expected = "10 is no chance\n\nhelp: write 0.1 for one call in ten, 1.0 for each")]
fn a_percentage_is_no_chance() {
    let _ = FaultyEventStore::seeded(InMemoryEventStore::new(), 42).read_failures(10.0);
}

#[test]
fn an_error_that_was_injected_names_its_fault_and_the_seed() {
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 42).failures_before_commit(1.0);
    let error = sent(&store, &append()).unwrap().unwrap_err();
    let cause = "append 1 to door-1 fails before its commit, injected by FaultyEventStore::seeded(store, 42)";
    assert_eq!(error.source().unwrap().to_string(), cause);

    let store = healthy().nth_read(1).fails();
    let error = block_on(store.load_events(door(), None)).unwrap_err();
    assert_eq!(
        error.source().unwrap().to_string(),
        "read 1 of door-1 fails, injected by FaultyEventStore"
    );
}

#[test]
fn the_report_names_the_seed_and_every_fault() {
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 42)
        .failures_before_commit(1.0)
        .nth_append(2)
        .fails_after_commit()
        .nth_append(3)
        .loses_race_to(append());
    for _ in 0..3 {
        sent(&store, &append());
    }
    let report = [
        "FaultyEventStore, seed 42: 3 faults came to pass:",
        "  append 1 to door-1 fails before its commit",
        "  append 2 to door-1 fails after its commit",
        "  append 3 to door-1 loses a race: another writer brings door-1 to version 2",
        "the same faults again: FaultyEventStore::seeded(store, 42)",
    ];
    assert_eq!(store.report(), report.join("\n"));
}

/// Set for the child, which fails as a test of a user would.
const FAILS: &str = "COMPOSABLE_RUST_TEST_FAILS_ON_PURPOSE";

#[test]
fn a_test_that_fails_prints_the_seed() {
    if std::env::var_os(FAILS).is_some() {
        let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 42).failures_before_commit(1.0);
        let _second_handle = store.clone();
        sent(&store, &append()).unwrap().unwrap();
    }
    let name = "messages::a_test_that_fails_prints_the_seed";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(FAILS, "1")
        .output();
    let output = child.unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "the child was to fail");
    let report = "FaultyEventStore, seed 42: 1 fault came to pass:\n  append 1 to door-1 fails before its commit\n\
                  the same faults again: FaultyEventStore::seeded(store, 42)\n";
    assert_eq!(printed.matches(report).count(), 1, "once for all handles: {printed}");
}
