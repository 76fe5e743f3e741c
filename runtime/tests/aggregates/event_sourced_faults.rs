//! `EventSourced`: outages, lost answers, panics, refusals.

use composable_rust_core::Version;
use composable_rust_runtime::{EventSourcedAction, ExecuteError};

use crate::{
    account::{
        AccountCommand::{self, Deposit, DepositIf},
        AccountEvent::Deposited,
        ReadStep, Scripted, Step, stream,
    },
    event_sourced::{AccountStore, balance, open, send},
};

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_with_the_identical_append() {
    for step in [Step::AnswerLost, Step::Lost, Step::Unavailable, Step::Panic] {
        let events = Scripted::new([step]);
        let store = open(&events, 3);
        send(&store, Deposit(1)).await;
        let appends = events.appends();
        assert_eq!((appends.len(), &appends[0]), (2, &appends[1]));
        assert_eq!(balance(&store), (1, Version::from(1)));
        assert_eq!(events.stored(stream()).await, [Deposited(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stays_lost_is_reported_and_the_stream_is_loaded_anew() {
    let events = Scripted::new([Step::AnswerLost, Step::Unavailable]);
    let store = open(&events, 2);
    send(&store, Deposit(1)).await;
    assert!(store.state(|account| matches!(account.last_failure(), Some(ExecuteError::OutcomeUnknown(_)))));
    send(&store, DepositIf { balance: 1 }).await;
    assert_eq!(balance(&store), (2, Version::from(2)));
    assert!(store.state(|account| account.last_failure().is_none()));
}

#[tokio::test(start_paused = true)]
async fn conflicts_without_end_are_reported_and_later_commands_go_on() {
    let overtaken = || Step::OvertakenBy(vec![Deposited(1)]);
    let events = Scripted::new([overtaken(), overtaken()]);
    let store = open(&events, 2);
    send(&store, Deposit(100)).await;
    assert!(store.state(|account| matches!(account.last_failure(), Some(ExecuteError::Conflict(_)))));
    send(&store, DepositIf { balance: 2 }).await;
    assert_eq!(balance(&store), (3, Version::from(3)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_loaded_is_reported() {
    let events = Scripted::new([]);
    events.script_reads([ReadStep::Unavailable; 2]);
    let store = open(&events, 2);
    send(&store, Deposit(1)).await;
    assert!(store.state(|account| matches!(account.last_failure(), Some(ExecuteError::Unavailable(_)))));
    assert!(
        events.appends().is_empty(),
        "nothing is decided on a history that was not seen"
    );
    send(&store, Deposit(1)).await;
    assert_eq!(balance(&store), (1, Version::from(1)));
}

#[tokio::test]
async fn one_command_that_fails_leaves_the_others_as_they_are() {
    let events = Scripted::new([Step::Held]);
    let store = open(&events, 3);
    let mut handles = vec![store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap()];
    events.arrived.notified().await;
    for command in [AccountCommand::Panic, AccountCommand::Unencodable, Deposit(2)] {
        handles.push(store.send(EventSourcedAction::execute(command)).await.unwrap());
    }
    events.proceed.notify_one();
    for handle in handles {
        handle.settled().await.unwrap();
    }
    assert_eq!(events.stored(stream()).await, [Deposited(1), Deposited(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_between_two_attempts_leaves_nothing_waiting_for_ever() {
    for step in [Step::Unavailable, Step::OvertakenBy(vec![Deposited(10)])] {
        let events = Scripted::new([step]);
        let store = open(&events, 3);
        let cancelled = store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap();
        events.arrived.notified().await;
        tokio::task::yield_now().await;
        cancelled.cancel();
        send(&store, Deposit(2)).await;
        assert!(store.state(|account| account.is_ready() && account.last_failure().is_none()));
        assert_eq!(events.stored(stream()).await.last(), Some(&Deposited(2)));
    }
}

#[tokio::test]
async fn a_command_that_the_store_refuses_takes_no_other_with_it() {
    let events = Scripted::new([Step::Held, Step::Full, Step::Pass, Step::Full]);
    let store = open(&events, 3);
    let mut handles = vec![store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap()];
    events.arrived.notified().await;
    for amount in [10, 100, 1000] {
        handles.push(store.send(EventSourcedAction::execute(Deposit(amount))).await.unwrap());
    }
    events.proceed.notify_one();
    for handle in handles {
        handle.settled().await.unwrap();
    }
    let sizes: Vec<_> = events.appends().iter().map(|append| append.events.len()).collect();
    assert_eq!(sizes, [1, 3, 1, 1, 1], "together, then one by one");
    assert_eq!(
        balance(&store),
        (1011, Version::from(3)),
        "all but the one that was refused"
    );
}

#[tokio::test]
async fn a_panic_in_apply_is_reported_and_the_store_goes_on() {
    let events = Scripted::new([]);
    let store = open(&events, 3);
    send(&store, AccountCommand::Poison).await;
    let panicked = |store: &AccountStore| {
        store.state(|account| matches!(account.last_failure(), Some(ExecuteError::Panicked { .. })))
    };
    assert!(panicked(&store));
    assert_eq!(events.stored(stream()).await.len(), 1, "it is stored all the same");
    send(&store, Deposit(1)).await;
    assert!(panicked(&store), "the history can't be replayed");
    assert_eq!(balance(&store), (0, Version::INITIAL));
}

#[tokio::test]
async fn a_panic_in_encode_is_reported_and_changes_nothing() {
    let events = Scripted::new([]);
    let store = open(&events, 3);
    send(&store, AccountCommand::Unwritable).await;
    assert!(store.state(|account| matches!(account.last_failure(), Some(ExecuteError::Panicked { .. }))));
    send(&store, DepositIf { balance: 0 }).await;
    assert_eq!(balance(&store), (1, Version::from(1)));
}
