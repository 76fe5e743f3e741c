//! Time limits nest, so that the identical append can follow one that was not answered; in both shells.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{CommandId, UnavailableReason, Version};
use composable_rust_runtime::{
    Aggregates, CommandContext, EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState,
    ExecuteError, Store, SystemIds,
};
use composable_rust_testing::TestClock;
use futures::FutureExt;
use uuid::Uuid;

use crate::{
    account::{
        Account,
        AccountCommand::{Deposit, DepositIf, Withdraw},
        AccountEvent::Deposited,
        NotEnough, Scripted, Step, stream,
    },
    event_sourced::{balance, open, send},
    host,
};

/// With all defaults: the first append is never answered.
#[tokio::test(start_paused = true)]
async fn an_append_that_is_never_answered_is_sent_again_by_aggregates() {
    let events = Scripted::new([Step::Hang]);
    let committed = host(&events).execute("a", Deposit(1)).await.unwrap();
    assert_eq!(committed.version, Version::from(1));
    let appends = events.appends();
    assert_eq!((appends.len(), &appends[0]), (2, &appends[1]), "the identical append");
    assert_eq!(events.stored(stream()).await, [Deposited(1)]);
}

#[tokio::test(start_paused = true)]
async fn an_append_that_is_never_answered_is_sent_again_by_event_sourced() {
    let events = Scripted::new([Step::Hang]);
    let environment = EventSourcedEnvironment::new(events.port(), Arc::new(SystemIds), ());
    let store = Store::builder(EventSourced::<Account>::new(), environment);
    let store = store.build(EventSourcedState::new(stream())).unwrap();
    send(&store, Deposit(1)).await;
    let appends = events.appends();
    assert_eq!((appends.len(), &appends[0]), (2, &appends[1]), "the identical append");
    assert_eq!(balance(&store), (1, Version::from(1)));
    assert!(store.state(|account| account.last_failure().is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_command_on_a_store_that_never_answers_ends_after_a_minute() {
    let events = Scripted::new([Step::Hang, Step::Hang, Step::Hang, Step::Hang, Step::Hang]);
    let host = host(&events);
    let begun = tokio::time::Instant::now();
    let told = host.execute("a", Deposit(1)).await;
    assert!(matches!(told, Err(ExecuteError::OutcomeUnknown(_))));
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_a_command_does_not_exceed_that_of_its_host() {
    let events = Scripted::new([Step::Hang]);
    let host = Aggregates::<Account>::builder(events.port(), ())
        .command_timeout(Duration::from_secs(2))
        .build();
    let begun = tokio::time::Instant::now();
    let patient = CommandContext::default().with_timeout(Duration::from_hours(1));
    let told = host.execute_with("a", Deposit(1), patient).await;
    assert!(matches!(told, Err(ExecuteError::OutcomeUnknown(_))));
    assert_eq!(begun.elapsed().as_secs(), 2);
}

fn command(n: u128) -> CommandContext {
    CommandContext::default().with_command_id(CommandId::from_uuid(Uuid::from_u128(n)))
}

async fn send_with(
    store: &crate::event_sourced::AccountStore,
    command: crate::account::AccountCommand,
    context: CommandContext,
) {
    let sent = store.send(EventSourcedAction::execute_with(command, context)).await;
    sent.unwrap().settled().await.unwrap();
}

#[tokio::test]
async fn a_command_that_is_sent_twice_to_event_sourced_is_stored_once() {
    let events = Scripted::new([]);
    let store = open(&events, 3);
    for _ in 0..2 {
        send_with(&store, Deposit(5), command(1)).await;
        assert_eq!(balance(&store), (5, Version::from(1)));
        assert!(store.state(|account| account.last_failure().is_none() && account.is_ready()));
    }
    // Another process, to which the first one's events are new.
    let other = open(&events, 3);
    let waits = other
        .send(EventSourcedAction::execute_with(Deposit(700), command(1)))
        .await
        .unwrap();
    let behind = other
        .send(EventSourcedAction::execute(DepositIf { balance: 5 }))
        .await
        .unwrap();
    waits.settled().await.unwrap();
    behind.settled().await.unwrap();
    assert_eq!(balance(&other), (6, Version::from(2)));
}

#[tokio::test]
async fn a_command_of_event_sourced_that_expects_another_version_is_a_conflict() {
    let events = Scripted::new([]);
    let store = open(&events, 3);
    send(&store, Deposit(5)).await;
    let expecting = |version: u32| CommandContext::default().with_expected_version(Version::from(version));
    send_with(&store, Deposit(1), expecting(0)).await;
    let conflicts = |actual: u32| {
        let actual = Version::from(actual);
        store.state(|account| matches!(account.last_failure(), Some(ExecuteError::Conflict(conflict)) if conflict.actual == actual))
    };
    assert!(conflicts(1));
    send_with(&store, Deposit(1), expecting(1)).await;
    assert_eq!(balance(&store), (6, Version::from(2)));
}

#[tokio::test]
async fn a_command_of_event_sourced_that_waits_for_longer_than_its_timeout_is_not_carried_out() {
    let (events, clock) = (Scripted::new([Step::Held]), TestClock::new());
    let environment =
        EventSourcedEnvironment::new(events.port(), Arc::new(SystemIds), ()).with_clock(Arc::new(clock.clone()));
    let store = Store::builder(EventSourced::<Account>::new(), environment);
    let store = store.build(EventSourcedState::new(stream())).unwrap();
    store.dispatch(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    events.arrived.notified().await;
    let patience = CommandContext::default().with_timeout(Duration::from_secs(2));
    let waits = store
        .send(EventSourcedAction::execute_with(Deposit(10), patience))
        .await
        .unwrap();
    clock.advance(Duration::from_secs(2));
    events.proceed.notify_one();
    waits.settled().await.unwrap();
    assert!(store.state(|account| matches!(account.last_failure(), Some(ExecuteError::NotStarted))));
    assert_eq!(events.stored(stream()).await, [Deposited(1)]);
}

#[tokio::test]
async fn a_timeout_beyond_what_a_clock_can_count_is_none() {
    let events = Scripted::new([]);
    let store = open(&events, 3);
    let for_ever = || CommandContext::default().with_timeout(Duration::MAX);
    send_with(&store, Deposit(1), for_ever()).await;
    assert_eq!(balance(&store), (1, Version::from(1)));
    let told = host(&events).execute_with("a", Withdraw(1), for_ever()).now_or_never();
    assert_eq!(told.unwrap().unwrap().version, Version::from(2));
}

#[test]
fn an_error_is_final_if_the_same_command_meets_it_again() {
    type Error = ExecuteError<NotEnough>;
    let unavailable = |reason| {
        Error::Unavailable(composable_rust_core::Unavailable::new(
            reason,
            Arc::new(std::fmt::Error),
        ))
    };
    assert!(Error::Rejected(NotEnough { balance: 1 }).is_final());
    assert!(Error::Append(composable_rust_core::AppendError::NoEvents).is_final());
    for passing in [
        unavailable(UnavailableReason::Busy),
        Error::NotStarted,
        Error::OutcomeUnknown(Arc::new(std::fmt::Error)),
        Error::Closed,
    ] {
        assert!(!passing.is_final(), "{passing}");
    }
}
