//! What it says: failure messages are features.

use std::process::Command;

use composable_rust_core::ExpectedVersion;
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore};

use crate::{append, healthy, sent};

#[test]
#[should_panic(expected = "2 scripted faults did not come to pass:\n  \
                           append 2 fails before its commit: only 1 append was made\n  \
                           read 1 fails after 2 events: no read was made")]
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
#[should_panic(
    expected = "append 1 is overtaken by another writer in door-1: the other writer was refused: \
                           conflict on door-1: expected an existing stream, actual version 0"
)]
fn a_rival_that_is_refused_is_no_race() {
    let mut rival = append();
    rival.expected = ExpectedVersion::StreamExists;
    let store = healthy().nth_append(1).is_overtaken_by(rival);
    sent(&store, &append());
    store.assert_script_met();
}

#[test]
#[should_panic(expected = "append 1 can't be scripted any more: 2 were made already, append 3 is the next")]
fn the_past_can_not_be_scripted() {
    let store = healthy();
    sent(&store, &append());
    sent(&store, &append());
    let _ = store.nth_append(1);
}

#[test]
fn the_report_names_the_seed_and_every_fault() {
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 42)
        .failures_before_commit(1.0)
        .nth_append(2)
        .fails_after_commit()
        .nth_append(3)
        .is_overtaken_by(append());
    for _ in 0..3 {
        sent(&store, &append());
    }
    let report = [
        "FaultyEventStore, seed 42: 3 faults came to pass:",
        "  append 1 to door-1 fails before its commit",
        "  append 2 to door-1 fails after its commit",
        "  append 3 to door-1 is overtaken: another writer brings door-1 to version 2",
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
