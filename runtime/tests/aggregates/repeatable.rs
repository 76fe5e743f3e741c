//! Commands with an id, an expected version, or a deadline; and states of the past.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{CommandId, Version};
use composable_rust_runtime::{Aggregates, CommandContext, ExecuteError, LoadError};
use composable_rust_testing::TestClock;
use futures::FutureExt;
use uuid::Uuid;

use crate::{
    account::{Account, AccountCommand, AccountEvent, NotEnough, ReadStep, Scripted, Step, write},
    attempts, balance, host, impatient,
};

fn command(n: u128) -> CommandContext {
    CommandContext::default().with_command_id(CommandId::from_uuid(Uuid::from_u128(n)))
}

#[tokio::test]
async fn a_command_that_is_sent_again_has_its_first_result() {
    let store = Scripted::new([]);
    let host = host(&store);
    let first = host
        .execute_with("a", AccountCommand::Deposit(5), command(1))
        .await
        .unwrap();
    host.execute("a", AccountCommand::Deposit(1)).await.unwrap();
    let again = host
        .execute_with("a", AccountCommand::Deposit(5), command(1))
        .await
        .unwrap();
    assert_eq!(again, first);
    assert_eq!(balance(&host).await, (6, Version::from(2)));
}

#[tokio::test]
async fn the_id_says_which_command_it_is_and_not_what_it_asks_for() {
    let store = Scripted::new([]);
    let host = host(&store);
    let deposit = |amount| host.execute_with("a", AccountCommand::Deposit(amount), command(1));
    let first = deposit(5).await.unwrap();
    assert_eq!(deposit(700).await.unwrap(), first);
    assert_eq!(balance(&host).await, (5, Version::from(1)));
}

#[tokio::test]
async fn a_command_that_would_be_rejected_by_now_has_its_first_result() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", AccountCommand::Deposit(5)).await.unwrap();
    let first = host
        .execute_with("a", AccountCommand::Withdraw(5), command(1))
        .await
        .unwrap();
    let again = host
        .execute_with("a", AccountCommand::Withdraw(5), command(1))
        .await
        .unwrap();
    assert_eq!(again, first);
    let other = host.execute_with("a", AccountCommand::Withdraw(5), command(2)).await;
    assert!(matches!(other, Err(ExecuteError::Rejected(NotEnough { balance: 0 }))));
}

#[tokio::test]
async fn a_command_whose_answer_was_lost_with_its_process_has_its_first_result_in_the_next() {
    let store = Scripted::new([]);
    let first = host(&store)
        .execute_with("a", AccountCommand::Deposit(5), command(1))
        .await
        .unwrap();
    let again = host(&store)
        .execute_with("a", AccountCommand::Deposit(5), command(1))
        .await
        .unwrap();
    assert_eq!(again, first);
}

#[tokio::test]
async fn a_rejection_is_not_remembered() {
    let store = Scripted::new([]);
    let host = host(&store);
    let refused = host.execute_with("a", AccountCommand::Withdraw(5), command(1)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(_))));
    host.execute("a", AccountCommand::Deposit(5)).await.unwrap();
    let accepted = host
        .execute_with("a", AccountCommand::Withdraw(5), command(1))
        .await
        .unwrap();
    assert_eq!(accepted.version, Version::from(2));
}

#[tokio::test]
async fn the_same_command_from_two_processes_at_once_is_carried_out_once() {
    let store = Scripted::new([Step::Held, Step::Held]);
    let hosts = [host(&store), host(&store)];
    let mut answers = Vec::new();
    for host in hosts.clone() {
        answers.push(tokio::spawn(async move {
            host.execute_with("a", AccountCommand::Deposit(5), command(1))
                .await
                .unwrap()
        }));
        store.arrived.notified().await;
    }
    store.proceed.notify_one();
    store.proceed.notify_waiters();
    let first = answers.remove(0).await.unwrap();
    assert_eq!(answers.remove(0).await.unwrap(), first);
    assert_eq!(balance(&hosts[1]).await, (5, Version::from(1)));
}

#[tokio::test]
async fn the_same_command_twice_in_a_line_is_carried_out_once() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let mut answers = Vec::new();
    for n in [9, 1, 1, 2] {
        let host = host.clone();
        let mut answer = async move { host.execute_with("a", AccountCommand::Deposit(5), command(n)).await }.boxed();
        assert!(answer.as_mut().now_or_never().is_none());
        answers.push(tokio::spawn(answer));
    }
    store.proceed.notify_one();
    let mut versions = Vec::new();
    for answer in answers {
        versions.push(answer.await.unwrap().unwrap().version.get());
    }
    assert_eq!(versions, [1, 2, 2, 3]);
}

#[tokio::test]
async fn a_command_that_another_process_stores_while_its_append_is_in_doubt_has_the_first_result() {
    let id = CommandId::from_uuid(Uuid::from_u128(1));
    let other = Step::OvertakenByCommand(id, vec![AccountEvent::Deposited(5)]);
    let store = Scripted::new([Step::Lost, other]);
    let host = impatient(&store);
    let told = host.execute_with("a", AccountCommand::Deposit(5), command(1)).await;
    let told = told.unwrap();
    assert_eq!(
        (told.version, told.events),
        (Version::from(1), vec![AccountEvent::Deposited(5)])
    );
    assert_eq!(balance(&host).await, (5, Version::from(1)));
}

#[tokio::test]
async fn a_command_that_is_stored_but_can_not_be_read_back_is_unknown_and_never_said_to_be_undone() {
    let store = Scripted::new([]);
    let host = impatient(&store);
    let deposit = || host.execute_with("a", AccountCommand::Deposit(5), command(1));
    let first = deposit().await.unwrap();
    store.script_reads([ReadStep::Unavailable, ReadStep::Unavailable]);
    assert!(matches!(deposit().await, Err(ExecuteError::OutcomeUnknown(_))));
    assert_eq!(deposit().await.unwrap(), first);
}

#[tokio::test]
async fn a_command_that_is_stored_and_read_back_too_late_is_unknown_and_never_said_to_be_undone() {
    let (store, clock) = (Scripted::new([]), TestClock::default());
    let host = timed(&store, &clock);
    let deposit = || {
        let context = command(1).with_timeout(Duration::from_secs(2));
        host.execute_with("a", AccountCommand::Deposit(5), context)
    };
    let first = deposit().await.unwrap();
    store.script_reads([ReadStep::Hang]);
    let mut again = deposit().boxed();
    assert!(futures::poll!(&mut again).is_pending());
    clock.advance(Duration::from_secs(2));
    assert!(matches!(again.await, Err(ExecuteError::OutcomeUnknown(_))));
    // The read is given up after its own limit, and the next command is carried out.
    let mut last = host.execute_with("a", AccountCommand::Deposit(5), command(1)).boxed();
    assert!(futures::poll!(&mut last).is_pending());
    clock.advance(Duration::from_secs(15));
    assert_eq!(last.await.unwrap(), first);
}

#[tokio::test]
async fn a_caller_that_saw_another_version_is_told_and_nothing_is_stored() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", AccountCommand::Deposit(5)).await.unwrap();
    let expecting = |version: u32| CommandContext::default().with_expected_version(Version::from(version));
    let stale = host.execute_with("a", AccountCommand::Deposit(1), expecting(0)).await;
    assert!(matches!(stale, Err(ExecuteError::Conflict(conflict)) if conflict.actual == Version::from(1)));
    let right = host
        .execute_with("a", AccountCommand::Deposit(1), expecting(1))
        .await
        .unwrap();
    assert_eq!(right.version, Version::from(2));
}

#[tokio::test]
async fn a_caller_that_saw_what_another_process_has_changed_is_told() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", AccountCommand::Deposit(5)).await.unwrap();
    write(&store, &[AccountEvent::Deposited(1)]).await;
    // In memory the stream is at version 1 still: the append finds out.
    let context = CommandContext::default().with_expected_version(Version::from(1));
    let stale = host.execute_with("a", AccountCommand::Deposit(1), context).await;
    assert!(matches!(stale, Err(ExecuteError::Conflict(conflict)) if conflict.actual == Version::from(2)));
    assert_eq!(balance(&host).await, (6, Version::from(2)));
}

fn timed(store: &Arc<Scripted>, clock: &TestClock) -> Aggregates<Account> {
    Aggregates::builder(store.port(), ())
        .clock(Arc::new(clock.clone()))
        .retry_policy(attempts(1))
        .build()
}

#[tokio::test]
async fn what_is_not_begun_at_the_deadline_is_not_carried_out() {
    let (store, clock) = (Scripted::new([Step::Held]), TestClock::default());
    let host = timed(&store, &clock);
    let mut first = host.execute("a", AccountCommand::Deposit(1)).boxed();
    assert!(futures::poll!(&mut first).is_pending());
    let context = CommandContext::default().with_timeout(Duration::from_secs(2));
    let mut waiting = host.execute_with("a", AccountCommand::Deposit(10), context).boxed();
    assert!(futures::poll!(&mut waiting).is_pending());
    clock.advance(Duration::from_secs(2));
    assert!(matches!(waiting.await, Err(ExecuteError::NotStarted)));
    store.proceed.notify_one();
    first.await.unwrap();
    assert_eq!(balance(&host).await, (1, Version::from(1)));
}

#[tokio::test]
async fn what_is_under_way_at_the_deadline_has_an_unknown_outcome() {
    let (store, clock) = (Scripted::new([Step::Held]), TestClock::default());
    let host = timed(&store, &clock);
    let context = CommandContext::default().with_timeout(Duration::from_secs(2));
    let mut under_way = host.execute_with("a", AccountCommand::Deposit(10), context).boxed();
    assert!(futures::poll!(&mut under_way).is_pending());
    clock.advance(Duration::from_secs(2));
    assert!(matches!(under_way.await, Err(ExecuteError::OutcomeUnknown(_))));
}

#[tokio::test]
async fn a_state_of_the_past_can_be_looked_at() {
    let store = Scripted::new([]);
    let host = host(&store);
    // More than a snapshot's worth, so that some lie before it and some after.
    for _ in 0..25 {
        host.execute("a", AccountCommand::Deposit(1)).await.unwrap();
    }
    for version in [0, 1, 9, 10, 11, 20, 25] {
        let past = host.state_at("a", Version::from(version)).await.unwrap();
        assert_eq!(
            (*past.state, past.version),
            (i64::from(version), Version::from(version))
        );
    }
    let future = host.state_at("a", Version::from(26)).await;
    assert!(matches!(future, Err(LoadError::VersionNotReached { actual, .. }) if actual == Version::from(25)));
}

#[tokio::test]
async fn what_another_process_appended_can_be_asked_for() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", AccountCommand::Deposit(5)).await.unwrap();
    write(&store, &[AccountEvent::Deposited(1)]).await;
    assert_eq!(host.refresh("a").await.unwrap(), Version::from(2));
    // Known now: no conflict on the way.
    let context = CommandContext::default().with_expected_version(Version::from(2));
    host.execute_with("a", AccountCommand::Withdraw(6), context)
        .await
        .unwrap();
}
