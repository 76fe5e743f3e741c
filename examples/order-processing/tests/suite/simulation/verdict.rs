//! What has to be true after a run.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use composable_rust::{Aggregate, Committed, ExecuteError, RecordedEvent, StreamId, testing::FixedClock};
use order_processing::order::{Order, OrderEnvironment, OrderEvent, OrderRejection};

use super::{
    journal::{Answer, Call},
    plan::Intent,
    users::is_final,
    world::{RIVAL, World, actor, fold},
};

pub(super) fn check(world: &mut World) {
    let calls = world.journal.calls();
    for (nth, intent) in world.intents.iter().enumerate() {
        let calls: Vec<&Call> = calls.iter().filter(|call| call.intent == nth).collect();
        of_intent(world, intent, &calls);
    }
    log_is_explained(world);
    let streams: BTreeSet<StreamId> = world.intents.iter().map(Intent::stream).collect();
    for stream in streams {
        rules_were_kept(&world.store.events(&stream));
        states_are_the_fold(world, &stream);
    }
    sent_again(world, &calls);
}

/// Where the events of a command are in the log: of all streams, since none but its own may hold it. By whose wish they
/// are, so that a wrong mark can't hide a second time.
fn stored(world: &World, intent: &Intent) -> Vec<RecordedEvent> {
    let is_of = |event: &RecordedEvent| actor(event) == Some(&intent.user());
    world.store.all_events().into_iter().filter(is_of).collect()
}

fn of_intent(world: &World, intent: &Intent, calls: &[&Call]) {
    let stored = stored(world, intent);
    assert!(stored.len() <= 1, "{intent} was carried out {} times", stored.len());
    if let Some(stored) = stored.first() {
        follows_from_what_was_before(world, intent, stored);
    }
    for call in calls {
        answer_is_true(world, intent, call, stored.first());
    }
    let answers: Vec<&Answer> = calls.iter().filter_map(|call| call.answer.as_ref()).collect();
    assert!(
        answers
            .iter()
            .all(|answer| !matches!(answer, Answer::Told(Err(error)) if is_unforeseen(error)))
    );
    if may_not_be_there(&answers, intent.sent_at_once) {
        assert!(
            stored.is_empty(),
            "{intent} is in the log, and nobody was told that it might be"
        );
    }
}

/// Neither done nor in doubt; or in doubt at first, and refused when it was sent again.
fn may_not_be_there(answers: &[&Answer], sent_at_once: usize) -> bool {
    let is_done = answers.iter().any(|answer| answer.committed().is_some());
    let (_, last) = answers.split_at(answers.len() - sent_at_once);
    let is_certain = |answers: &[&Answer]| answers.iter().all(|answer| answer.is_certain());
    let is_refused = last.iter().any(|answer| is_final(answer));
    !is_done && (is_certain(answers) || is_certain(last) && is_refused)
}

/// It is in its own stream, under its own id, and says what is decided on the events before it.
fn follows_from_what_was_before(world: &World, intent: &Intent, stored: &RecordedEvent) {
    assert_eq!(stored.stream_id, intent.stream(), "{intent} is in another stream");
    assert_eq!(
        stored.command.map(|mark| mark.command_id),
        intent.id,
        "{intent} is marked otherwise"
    );
    let before = usize::try_from(stored.version.get()).unwrap() - 1;
    let order = fold(&world.store.events(&stored.stream_id)[..before]);
    let events = stored.decode::<OrderEvent>().unwrap().into_vec();
    let decided = decide(&order, intent, events[0].occurred_at());
    assert_eq!(
        decided.as_ref(),
        Ok(&events),
        "{intent} does not follow from what was before it"
    );
}

fn is_unforeseen<R>(error: &ExecuteError<R>) -> bool {
    !matches!(
        error,
        ExecuteError::Rejected(_)
            | ExecuteError::Conflict(_)
            | ExecuteError::Unavailable(_)
            | ExecuteError::OutcomeUnknown(_)
            | ExecuteError::NotStarted
    )
}

fn answer_is_true(world: &World, intent: &Intent, call: &Call, stored: Option<&RecordedEvent>) {
    match call.answer.as_ref().unwrap() {
        Answer::Told(Ok(committed)) => {
            let stored = stored.unwrap_or_else(|| panic!("{intent} was acknowledged, and is not in the log"));
            is_of(intent, committed, stored);
        }
        Answer::Told(Err(ExecuteError::Rejected(rejection))) => {
            let is_right = states(world, intent, call)
                .any(|order| decide(&order, intent, FixedClock::START).as_ref() == Err(rejection));
            assert!(
                is_right,
                "{intent} was rejected for what was not so at the time: {rejection}"
            );
        }
        Answer::Told(Err(ExecuteError::Conflict(conflict))) => {
            // Others append to an order twice at most: too few conflicts for a host to give up.
            assert!(
                intent.expects().is_some(),
                "{intent} expects nothing, and was told of a conflict: {conflict}"
            );
            assert_eq!(conflict.expected.exact(), intent.expects(), "{intent}");
            let actual = usize::try_from(conflict.actual.get()).unwrap();
            let is_right = (call.before..=call.after).contains(&actual) && Some(conflict.actual) != intent.expects();
            assert!(is_right, "{intent} was told what was not so at the time: {conflict}");
        }
        _ => {}
    }
}

fn is_of(intent: &Intent, committed: &Committed<OrderEvent>, stored: &RecordedEvent) {
    assert_eq!(committed.version, stored.version, "{intent}");
    assert_eq!(committed.event_id, Some(stored.id), "{intent}");
    assert!(committed.position >= Some(stored.position), "{intent}");
    let events = stored.decode::<OrderEvent>().unwrap().into_vec();
    assert_eq!(committed.events, events, "{intent}");
}

/// The states of the order between a question and its answer.
fn states(world: &World, intent: &Intent, call: &Call) -> impl Iterator<Item = Order> {
    let events = world.store.events(&intent.stream());
    (call.before..=call.after).map(move |version| fold(&events[..version]))
}

fn decide(order: &Order, intent: &Intent, now: DateTime<Utc>) -> Result<Vec<OrderEvent>, OrderRejection> {
    let environment = OrderEnvironment::new(Arc::new(FixedClock::at(now)));
    Order::decide(order, &intent.command, &environment)
}

/// Nothing is in the log that nobody asked for.
fn log_is_explained(world: &World) {
    for event in world.store.all_events() {
        let actor = actor(&event).unwrap_or_default();
        let is_known = actor == RIVAL || world.intents.iter().any(|intent| intent.user() == actor);
        assert!(
            is_known,
            "event {} of {} came from nowhere",
            event.version, event.stream_id
        );
    }
}

/// Each event is one that the rules allow after those before it.
fn rules_were_kept(events: &[RecordedEvent]) {
    let types: Vec<&str> = events
        .iter()
        .map(|event| event.event_type.split('.').next().unwrap())
        .collect();
    let is_allowed = matches!(
        types.as_slice(),
        [] | ["OrderPlaced"] | ["OrderPlaced", "OrderShipped" | "OrderCancelled"]
    );
    assert!(is_allowed, "the rules do not allow {types:?}");
}

/// What the processes have in memory is what the log says.
fn states_are_the_fold(world: &World, stream: &StreamId) {
    let events = world.store.events(stream);
    for process in 0..world.processes() {
        let told = world.asked(process, stream.id().unwrap());
        assert_eq!(
            told,
            Some((fold(&events), events.len() as u64)),
            "{stream} in process {process}"
        );
    }
}

/// To a new process, and to another one after it: what was done is not done again, and both are told the same.
fn sent_again(world: &mut World, calls: &[Call]) {
    let hosts = [(); 2].map(|()| world.start(Arc::new(world.store.clone())));
    let world = &*world;
    let repeatable = world
        .intents
        .iter()
        .enumerate()
        .filter(|(_, intent)| intent.id.is_some());
    for (nth, intent) in repeatable {
        let before = stored(world, intent);
        let told = hosts.each_ref().map(|process| {
            let (command, context) = (intent.command.clone(), intent.context());
            world.alone(process, process.host.execute_with(intent.order(), command, context))
        });
        let after = stored(world, intent);
        assert!(after.len() <= 1, "{intent} was carried out again");
        if let Some(first) = before.first() {
            assert_eq!(after, before, "{intent} was stored already");
            let earlier = calls.iter().filter(|call| call.intent == nth);
            let earlier = earlier.filter_map(|call| call.answer.as_ref()?.committed());
            for committed in told.iter().map(|told| told.as_ref().unwrap()).chain(earlier) {
                is_of(intent, committed, first);
            }
        }
        assert_eq!(told[0].is_ok(), told[1].is_ok(), "{intent} had two results");
    }
}
