//! Commands, whose events are stored once a stream.

use composable_rust_core::{AppendError, Appended, CommandId, ExpectedVersion, StreamId};

use crate::conformance::{
    events::{events_of, new_command, new_event, new_events, new_stream},
    run::race,
    subject::{Refusal, Subject, assert_refused, version, written},
};

pub(super) async fn check(store: &Subject) {
    check_second_append(store).await;
    check_several_commands(store).await;
    check_identical(store).await;
    check_lookup(store).await;
    check_lookup_of_many(store).await;
    for _ in 0..15 {
        check_race(store).await;
    }
}

/// With new ids and whatever is expected, before and after others wrote: the first result is told.
async fn check_second_append(store: &Subject) {
    let (stream, command) = (new_stream("command"), new_command());
    let mut stored = events_of(command, 2);
    let first = store.append(&stream, ExpectedVersion::Any, &stored).await;
    for others in [0, 3] {
        if others > 0 {
            let events = new_events(others);
            store.append(&stream, ExpectedVersion::StreamExists, &events).await;
            stored.extend(events);
        }
        for expected in [
            ExpectedVersion::Any,
            ExpectedVersion::NoStream,
            ExpectedVersion::StreamExists,
            ExpectedVersion::Exact(version(1)),
            ExpectedVersion::Exact(version(2)),
            ExpectedVersion::Exact(version(9)),
        ] {
            let what = format!("a second append of a command, expecting {expected},");
            let outcome = store.try_append(&stream, expected, &events_of(command, 1)).await;
            assert_refused(outcome, &Refusal::DuplicateCommand(&stream, command, first), &what);
        }
    }
    store
        .assert_holds(&stream, &stored, "after second appends of a command")
        .await;
    let other = new_stream("command");
    store
        .append(&other, ExpectedVersion::NoStream, &events_of(command, 2))
        .await;
}

/// Several commands in one append, one of them in the middle of it: each has its own end.
async fn check_several_commands(store: &Subject) {
    let (stream, early, late) = (new_stream("commands"), new_command(), new_command());
    let stored = [
        vec![new_event()],
        events_of(early, 2),
        events_of(late, 3),
        vec![new_event()],
    ]
    .concat();
    store.append(&stream, ExpectedVersion::NoStream, &stored).await;
    let records = store.load(&stream).await;
    for (command, last) in [(early, 3), (late, 6)] {
        let first = Appended::new(version(last), records[last - 1].position);
        let events = [vec![new_event()], events_of(command, 1)].concat();
        let outcome = store.try_append(&stream, ExpectedVersion::Any, &events).await;
        let what = "an append with a stored command among its events";
        assert_refused(outcome, &Refusal::DuplicateCommand(&stream, command, first), what);
    }
    store
        .assert_holds(&stream, &stored, "after second appends of several commands")
        .await;
}

/// The identical append of a command: its first result where it says where it belongs, else the duplicate.
async fn check_identical(store: &Subject) {
    let (stream, command) = (new_stream("command"), new_command());
    let stored = events_of(command, 2);
    let first = store.append(&stream, ExpectedVersion::NoStream, &stored).await;
    let what = "the identical append of a command";
    let again = written(
        store.try_append(&stream, ExpectedVersion::NoStream, &stored).await,
        what,
    );
    assert_eq!(
        again,
        first.as_repeated(),
        "{what} was to return the first result, with `repeated` true"
    );
    let outcome = store.try_append(&stream, ExpectedVersion::Any, &stored).await;
    assert_refused(outcome, &Refusal::DuplicateCommand(&stream, command, first), what);
    store.assert_holds(&stream, &stored, what).await;
}

/// Looked up, a command has exactly its events, wherever they stand; what the stream does not hold has none.
async fn check_lookup(store: &Subject) {
    let (stream, [first, early, late, last]) = (new_stream("lookup"), [(); 4].map(|()| new_command()));
    for events in [
        events_of(first, 1),
        [events_of(early, 2), vec![new_event()], events_of(late, 3)].concat(),
        vec![new_event()],
        events_of(last, 2),
    ] {
        store.append(&stream, ExpectedVersion::Any, &events).await;
    }
    let records = store.load(&stream).await;
    for (command, place) in [(first, 0..1), (early, 1..3), (late, 4..7), (last, 8..10)] {
        let what = format!("a command's events are those at {place:?} of the stream");
        assert_eq!(store.load_command(&stream, command).await, records[place], "{what}");
    }
    let other = new_stream("lookup");
    store.append(&other, ExpectedVersion::NoStream, &new_events(2)).await;
    for (stream, command) in [
        (&stream, new_command()),
        (&other, early),
        (&new_stream("lookup"), early),
    ] {
        let found = store.load_command(stream, command).await;
        assert_eq!(found, [], "a command that the stream does not hold has no events");
    }
}

/// Many events, and large ones: more than any page holds.
async fn check_lookup_of_many(store: &Subject) {
    let (stream, many, large) = (new_stream("lookup"), new_command(), new_command());
    let mut of_large = events_of(large, 6);
    for event in &mut of_large {
        event.data = vec![7; 1 << 20];
    }
    for events in [events_of(many, 5_000), of_large, new_events(2)] {
        store.append(&stream, ExpectedVersion::Any, &events).await;
    }
    let records = store.load(&stream).await;
    for (command, place) in [(many, 0..5_000), (large, 5_000..5_006)] {
        let found = store.load_command(&stream, command).await;
        let (found_events, events) = (found.len(), place.len());
        assert_eq!(
            found_events, events,
            "a command was found with another number of events"
        );
        assert!(
            found == records[place],
            "a command of {events} events was found with other events"
        );
    }
}

/// One command from many tasks, each with events of its own: one is stored, the others are told where.
async fn check_race(store: &Subject) {
    let (stream, command) = (new_stream("racing"), new_command());
    let sender = |store: Subject, stream: StreamId| async move {
        store
            .try_append(&stream, ExpectedVersion::Any, &events_of(command, 2))
            .await
    };
    let outcomes = race((0..8).map(|_| sender(store.clone(), stream.clone()))).await;
    let won: Vec<Appended> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok().copied())
        .collect();
    assert_eq!(
        won.len(),
        1,
        "of many racing appends of one command, one was to be stored: {outcomes:?}"
    );
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_told(outcome, &stream, command, won[0]);
    }
    assert_eq!(
        store.load(&stream).await.len(),
        2,
        "racing appends of one command were stored more than once"
    );
}

fn assert_told(outcome: Result<Appended, AppendError>, stream: &StreamId, command: CommandId, first: Appended) {
    let refusal = Refusal::DuplicateCommand(stream, command, first);
    assert_refused(outcome, &refusal, "a racing append of a command that another stored");
}
