//! Faults by script.

use composable_rust_core::{
    AppendError, CommandId, EventLog, EventStore, ExpectedVersion, Position, ReadAll, ReadError, Snapshot,
    SnapshotError, StreamAppend, UnavailableReason, Version,
};
use composable_rust_testing::{Operation, TestClock};
use futures::{FutureExt, StreamExt, channel::oneshot, executor::block_on};
use uuid::Uuid;

use crate::{append, door, healthy, sent, stored};

#[test]
fn an_append_that_fails_before_its_commit_is_not_written_and_says_so() {
    let store = healthy().nth_append(2).fails_before_commit();
    assert!(matches!(sent(&store, &append()), Some(Ok(_))));
    assert!(matches!(
        sent(&store, &append()),
        Some(Err(AppendError::Unavailable(_)))
    ));
    assert_eq!(stored(&store), 1);
    store.assert_script_met();
}

#[test]
fn a_call_can_be_unavailable_for_any_reason() {
    let (busy, overloaded) = (UnavailableReason::Busy, UnavailableReason::Overloaded);
    let store = healthy()
        .nth_append(1)
        .is_unavailable(overloaded)
        .nth_read(1)
        .is_unavailable(busy);
    let Some(Err(AppendError::Unavailable(refused))) = sent(&store, &append()) else {
        panic!("the append was to be refused")
    };
    assert_eq!((refused.reason, stored(&store)), (overloaded, 0));
    assert_eq!(
        refused.source.to_string(),
        "append 1 to door-1 is not carried out: too many appends are waiting, injected by FaultyEventStore"
    );
    let read = block_on(store.load_events(door(), None));
    assert!(matches!(read, Err(ReadError::Unavailable(refused)) if refused.reason == busy));
    store.assert_script_met();
}

#[test]
fn an_append_that_fails_after_its_commit_is_written_and_in_doubt() {
    let store = healthy().nth_append(3).fails_after_commit();
    let third = append();
    assert!(sent(&store, &append()).unwrap().is_ok() && sent(&store, &append()).unwrap().is_ok());
    assert!(matches!(
        sent(&store, &third),
        Some(Err(AppendError::OutcomeUnknown(_)))
    ));
    assert_eq!(stored(&store), 3);
    assert!(matches!(
        sent(&store, &third),
        Some(Err(AppendError::DuplicateId { .. }))
    ));
}

#[test]
fn a_request_that_is_lost_is_not_written_and_in_doubt() {
    let store = healthy().nth_append(1).loses_its_request();
    assert!(matches!(
        sent(&store, &append()),
        Some(Err(AppendError::OutcomeUnknown(_)))
    ));
    assert_eq!(stored(&store), 0);
}

#[test]
fn an_answer_that_is_lost_never_comes_though_the_append_is_written() {
    let store = healthy().nth_append(1).loses_its_answer();
    let mut first = append();
    first.expected = ExpectedVersion::NoStream;
    assert!(sent(&store, &first).is_none());
    assert_eq!(stored(&store), 1);
    let again = sent(&store, &first).unwrap().unwrap();
    assert_eq!(again.version, Version::from(1), "the first result");
}

#[test]
fn an_append_can_be_refused_or_never_answered_and_nothing_is_written() {
    let store = healthy().nth_append(1).is_refused().nth_append(2).is_never_answered();
    assert!(matches!(sent(&store, &append()), Some(Err(AppendError::Backend(_)))));
    assert!(sent(&store, &append()).is_none());
    assert_eq!(stored(&store), 0);
}

#[test]
fn an_append_that_is_overtaken_conflicts_with_the_truth() {
    let store = healthy().nth_append(1).loses_race_to(append());
    let mut late = append();
    late.expected = ExpectedVersion::NoStream;
    let Some(Err(AppendError::Conflict(conflict))) = sent(&store, &late) else {
        panic!("no conflict")
    };
    assert_eq!(
        (conflict.actual, conflict.expected),
        (Version::from(1), ExpectedVersion::NoStream)
    );
    assert_eq!(stored(&store), 1);
}

#[test]
fn an_append_that_expects_any_version_survives_being_overtaken() {
    let store = healthy().nth_append(1).loses_race_to(append());
    let appended = sent(&store, &append()).unwrap().unwrap();
    assert_eq!(appended.version, Version::from(2));
}

#[test]
fn an_append_can_be_held_and_overtaken_and_fail_all_at_once() {
    let (open, gate) = oneshot::channel();
    let store = healthy()
        .nth_append(1)
        .is_held_until(gate.map(drop))
        .nth_append(1)
        .loses_race_to(append())
        .nth_append(1)
        .fails_after_commit();
    let mut held = store.append(append());
    assert!((&mut held).now_or_never().is_none());
    assert_eq!(stored(&store), 0, "it waits");
    open.send(()).unwrap();
    assert!(matches!(held.now_or_never(), Some(Err(AppendError::OutcomeUnknown(_)))));
    assert_eq!(stored(&store), 2);
    assert_eq!(store.faults().len(), 3);
}

#[test]
fn an_append_can_wait_for_a_clock() {
    let clock = TestClock::new();
    let second = std::time::Duration::from_secs(1);
    let store = healthy()
        .nth_append(1)
        .is_held_until(composable_rust_core::Clock::sleep(&clock, second));
    let mut held = store.append(append());
    assert!((&mut held).now_or_never().is_none());
    clock.advance(second);
    assert!(held.now_or_never().is_some());
}

#[test]
#[should_panic(expected = "append 1 panics: injected by the test")]
fn an_append_can_panic() {
    sent(&healthy().nth_append(1).panics(), &append());
}

#[test]
fn batches_are_counted_with_the_appends_and_fail_as_a_whole() {
    let store = healthy().nth_append(2).fails_after_commit();
    assert!(sent(&store, &append()).unwrap().is_ok());
    let other = StreamAppend::new("door-2".parse().unwrap(), ExpectedVersion::Any, append().events);
    let batch = store.append_batch(vec![append(), other]).now_or_never();
    assert!(matches!(batch, Some(Err(AppendError::OutcomeUnknown(_)))));
    assert_eq!(store.inner().len(), 3);
    assert_eq!(
        store.faults()[0].to_string(),
        "append 2 to door-1 and door-2 fails after its commit"
    );
}

#[test]
fn what_no_store_accepts_is_refused_before_any_fault() {
    let store = healthy().nth_append(1).fails_before_commit();
    let mut nothing = append();
    nothing.events.clear();
    assert!(matches!(sent(&store, &nothing), Some(Err(AppendError::NoEvents))));
    let twice = store.append_batch(vec![append(), append()]).now_or_never();
    assert!(matches!(twice, Some(Err(AppendError::Invalid(_)))));
    assert_eq!(store.made(Operation::Append), 0);
}

#[test]
fn the_next_append_can_be_scripted_while_the_test_runs() {
    let store = healthy();
    assert!(sent(&store, &append()).unwrap().is_ok());
    store.next_append().fails_before_commit();
    assert!(sent(&store, &append()).unwrap().is_err());
    assert!(sent(&store, &append()).unwrap().is_ok());
}

#[test]
fn a_read_fails_after_so_many_events_and_ends_there() {
    let store = healthy().nth_read(1).fails_after(2);
    for _ in 0..5 {
        sent(&store, &append());
    }
    let read = composable_rust_core::ReadStream::new(door());
    let items: Vec<_> = block_on(store.read_stream(read).collect());
    assert_eq!(items.len(), 3);
    assert!(items[0].is_ok() && items[1].is_ok());
    assert!(matches!(items[2], Err(ReadError::Unavailable(_))));
    assert_eq!(block_on(store.load_events(door(), None)).unwrap().len(), 5);
}

#[test]
fn every_other_call_can_fail_once() {
    let store = healthy().next_read().fails();
    assert!(block_on(store.load_events(door(), None)).is_err());
    for operation in [Operation::Page, Operation::Wait, Operation::Save, Operation::Load] {
        store.nth(operation, 1).fails();
    }
    sent(&store, &append());
    let page = || block_on(store.read_all(ReadAll::after(Position::BEGINNING)));
    assert!(matches!(page(), Err(ReadError::Unavailable(_))));
    assert_eq!(page().unwrap().events.len(), 1);
    assert!(block_on(store.wait_for_events(Position::BEGINNING)).is_err());
    block_on(store.wait_for_events(Position::BEGINNING)).unwrap();
    let snapshot = || Snapshot {
        version: Version::from(1),
        schema: 1,
        data: vec![],
    };
    let saved = || block_on(store.save_snapshot(door(), snapshot()));
    assert!(matches!(saved(), Err(SnapshotError::Unavailable(_))));
    saved().unwrap();
    assert!(block_on(store.load_snapshot(door())).is_err());
    assert_eq!(block_on(store.load_snapshot(door())).unwrap(), Some(snapshot()));
    store.assert_script_met();
}

#[test]
fn a_read_can_hang_or_panic() {
    let store = healthy().nth_read(1).is_never_answered().nth_read(2).panics();
    assert!(store.load_events(door(), None).now_or_never().is_none());
    let read = store.load_events(door(), None);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block_on(read)));
    assert!(caught.is_err());
}

#[test]
fn a_look_up_of_a_command_counts_as_a_read_and_fails_as_one() {
    let store = healthy().nth_read(1).fails();
    let look_up = || {
        let command = CommandId::from_uuid(Uuid::from_u128(7));
        store.load_command(door(), command).now_or_never().unwrap()
    };
    assert!(matches!(look_up(), Err(ReadError::Unavailable(_))));
    assert_eq!(look_up().unwrap(), []);
    assert_eq!(store.made(Operation::Read), 2);
    store.assert_script_met();
}
