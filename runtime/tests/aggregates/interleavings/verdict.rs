//! Whether the log tells what callers were told, and whether anything is left behind.

use std::time::Duration;

use composable_rust_core::{RecordedEvent, Version};
use composable_rust_runtime::{Committed, ExecuteError};
use tokio::runtime::Handle;

use super::{
    tagged::{Command, Part, Wish},
    world::{Call, RIVALS, STREAMS, State, Told, Wants, World, stream_id},
};

pub(super) async fn check(world: &World, patience: Duration) {
    for host in &world.hosts {
        assert!(host.shutdown(patience).await, "somebody holds on to a place");
    }
    while Handle::current().metrics().num_alive_tasks() > 0 {
        world.go_on().await;
    }
    let logs: Vec<_> = (0..STREAMS.len())
        .map(|stream| world.memory.events(&stream_id(stream)))
        .collect();
    states(world, &logs).await;
    for host in &world.hosts {
        // A stream is dropped after its reply, and a new one makes room.
        while host.cached_streams() > world.keep_hot {
            let _ = host.state("d").await;
            world.go_on().await;
        }
    }
    let calls = world.calls.lock().unwrap();
    for call in &*calls {
        answer(call, &logs[call.stream]);
    }
    for (stream, log) in logs.iter().enumerate() {
        let of_stream: Vec<_> = calls.iter().filter(|call| call.stream == stream).collect();
        exactly_once(&of_stream, log);
    }
}

fn parts(log: &[RecordedEvent]) -> State {
    let part = |event: &RecordedEvent| event.decode::<Part>().unwrap().as_slice()[0];
    log.iter().map(part).map(|Part(tag, nth)| (tag, nth)).collect()
}

/// What is hot is what is read, and the streams that nobody uses are let go.
async fn states(world: &World, logs: &[Vec<RecordedEvent>]) {
    for (stream, log) in logs.iter().enumerate() {
        let cold = world.cold().state(STREAMS[stream]).await.unwrap();
        assert_eq!(*cold.state, parts(log), "snapshot and tail");
        for host in &world.hosts {
            let hot = loop {
                if let Ok(hot) = host.state(STREAMS[stream]).await {
                    break hot;
                }
            };
            assert_eq!((hot.version, &*hot.state), (cold.version, &*cold.state));
        }
    }
}

fn answer(call: &Call, log: &[RecordedEvent]) {
    let seen = call.before..=call.after;
    match (&call.told, &call.wants) {
        (Some(Told::Look(Ok(state))), _) => {
            let version = at(state.version);
            assert!(seen.contains(&version), "a state of {version} within {seen:?}");
            assert_eq!(*state.state, parts(&log[..version]));
        }
        (
            Some(Told::Command(told)),
            Wants::Command {
                command,
                has_id,
                expected,
                ..
            },
        ) => match told {
            Ok(committed) if committed.events.is_empty() => {
                assert!(matches!(command.wish, Wish::Put(0)), "{committed:?}");
                assert!(seen.contains(&at(committed.version)));
            }
            Ok(committed) => stored(command, *expected, committed, log),
            Err(ExecuteError::Rejected(odd)) => {
                assert!(matches!(command.wish, Wish::PutIfEven) && odd.0 % 2 == 1);
                assert!(seen.contains(&odd.0), "rejected for {odd}, within {seen:?}");
            }
            Err(ExecuteError::Conflict(conflict)) => {
                assert!(seen.contains(&at(conflict.actual)), "{conflict:?} within {seen:?}");
            }
            Err(
                ExecuteError::Unavailable(_)
                | ExecuteError::OutcomeUnknown(_)
                | ExecuteError::NotStarted
                | ExecuteError::Closed,
            ) => {}
            Err(other) => panic!("{other:?} of {command:?}, {has_id}"),
        },
        _ => {}
    }
}

/// An acknowledged command is where it was said to be, and was decided on what stands before it.
fn stored(command: &Command, expected: Option<usize>, committed: &Committed<Part>, log: &[RecordedEvent]) {
    let end = at(committed.version);
    let begin = end - committed.events.len();
    let of_command = &log[begin..end];
    let told: State = committed.events.iter().map(|Part(tag, nth)| (*tag, *nth)).collect();
    assert_eq!(parts(of_command), told);
    assert!(told.iter().all(|(tag, _)| *tag == command.tag));
    assert_eq!(committed.event_id, Some(log[end - 1].id));
    assert!(committed.position >= Some(log[end - 1].position));
    assert!(
        expected.is_none_or(|expected| expected == begin),
        "expected {expected:?}, decided at {begin}"
    );
    assert!(!matches!(command.wish, Wish::PutIfEven) || begin.is_multiple_of(2));
}

/// No command is stored twice, in parts, or against what its callers were told.
fn exactly_once(calls: &[&Call], log: &[RecordedEvent]) {
    let parts = parts(log);
    let mut stored: Vec<u64> = Vec::new();
    for (tag, nth) in &parts {
        if *nth == 0 {
            assert!(!stored.contains(tag), "{tag} is stored twice");
            stored.push(*tag);
        }
    }
    for call in calls {
        let Wants::Command { command, .. } = &call.wants else {
            continue;
        };
        let count = parts.iter().filter(|(tag, _)| *tag == command.tag).count() as u64;
        let whole = match command.wish {
            Wish::Put(parts) => parts,
            Wish::PutIfEven => 1,
        };
        assert!(count == 0 || count == whole, "{command:?} is stored in parts");
        if count > 0 && parts[..call.before].iter().any(|(tag, _)| *tag == command.tag) {
            let is_denied = matches!(
                call.told,
                Some(Told::Command(
                    Err(ExecuteError::Rejected(_) | ExecuteError::Conflict(_))
                ))
            );
            assert!(!is_denied, "{command:?} was stored before, but {:?}", call.told);
        }
        let sent: Vec<_> = calls.iter().filter(|call| is_of(call, command.tag)).collect();
        let may_be = sent.iter().any(|call| may_be_stored(call));
        assert!(count == 0 || may_be, "{command:?} is stored, though nobody was told so");
    }
    assert!(
        stored
            .iter()
            .all(|tag| *tag >= RIVALS || calls.iter().any(|call| is_of(call, *tag)))
    );
}

fn is_of(call: &Call, tag: u64) -> bool {
    matches!(&call.wants, Wants::Command { command, .. } if command.tag == tag)
}

fn may_be_stored(call: &Call) -> bool {
    matches!(
        call.told,
        None | Some(Told::Command(Ok(_) | Err(ExecuteError::OutcomeUnknown(_))))
    )
}

fn at(version: Version) -> usize {
    usize::try_from(version.get()).unwrap()
}
