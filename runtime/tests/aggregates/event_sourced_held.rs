//! `EventSourced`: what was decided on events that are not stored yet, and then are not.

use std::{collections::HashSet, pin::pin, sync::Arc, time::Duration};

use composable_rust_core::{Aggregate, EventStore, ExpectedVersion, StreamAppend, Version};
use composable_rust_runtime::{
    ActionHandle, EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState, ExecuteError, Store,
    SystemClock, SystemIds,
};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore};
use proptest::{collection::vec, prelude::*};

use crate::{
    account::{
        Account,
        AccountCommand::{self, Deposit, DepositIf, DoNothing, Withdraw},
        AccountEvent::{self, Deposited, Withdrawn},
        NotEnough, Scripted, Step, serialized, stream,
    },
    attempts,
    event_sourced::{AccountStore, balance, open, rejection, send},
    event_sourced_cuts::check,
};

async fn sent(store: &AccountStore, commands: impl IntoIterator<Item = AccountCommand>) -> Vec<ActionHandle> {
    let mut sent = Vec::new();
    for command in commands {
        sent.push(store.send(EventSourcedAction::execute(command)).await.unwrap());
    }
    sent
}

async fn settled(sent: Vec<ActionHandle>) {
    for handle in sent {
        handle.settled().await.unwrap();
    }
}

/// Ten are deposited by an append that is held; what is sent meanwhile shares the next one.
async fn with_ten_under_way(events: &Scripted, store: &AccountStore) -> Vec<ActionHandle> {
    let sent = sent(store, [Deposit(10)]).await;
    events.arrived.notified().await;
    sent
}

fn sizes(events: &Scripted) -> Vec<usize> {
    events.appends().iter().map(|append| append.events.len()).collect()
}

/// All the ways in which the second append can fail for good.
fn failures() -> [Step; 4] {
    [
        Step::Unavailable,
        Step::Lost,
        Step::Full,
        Step::OvertakenBy(vec![Deposited(0)]),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_because_of_events_that_were_not_stored_is_decided_again() {
    for step in failures() {
        let events = Scripted::new([Step::Held, step]);
        let store = open(&events, 1);
        let mut handles = with_ten_under_way(&events, &store).await;
        // With nothing left, a deposit of one on top of ten is refused.
        let refused = || DepositIf { balance: 10 };
        handles.extend(sent(&store, [Withdraw(10), refused(), DoNothing]).await);
        events.proceed.notify_one();
        settled(handles).await;
        assert_eq!(balance(&store).0, 11, "the withdrawal failed, what stood on it did not");
        assert_eq!(rejection(&store), None);
        let stored = events.stored(stream()).await;
        assert!(!stored.contains(&Withdrawn(10)), "{stored:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_without_them_too_is_refused_for_good() {
    for step in failures() {
        let events = Scripted::new([Step::Held, step]);
        let store = open(&events, 1);
        let mut handles = with_ten_under_way(&events, &store).await;
        handles.extend(sent(&store, [Deposit(5), Withdraw(50)]).await);
        events.proceed.notify_one();
        settled(handles).await;
        assert_eq!(
            rejection(&store),
            Some(NotEnough { balance: 10 }),
            "not of the 15 that never were"
        );
        assert!(
            store.state(|account| account.last_failure().is_some()),
            "that of the deposit"
        );
        assert_eq!(sizes(&events), [1, 1], "a rejection appends nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_between_accepted_commands_is_decided_again_when_their_append_fails() {
    let events = Scripted::new([Step::Held, Step::Unavailable]);
    let store = open(&events, 1);
    let mut handles = with_ten_under_way(&events, &store).await;
    handles.extend(sent(&store, [Withdraw(10), DepositIf { balance: 10 }, Deposit(1)]).await);
    events.proceed.notify_one();
    settled(handles).await;
    assert_eq!(events.stored(stream()).await, [Deposited(10), Deposited(1)]);
    assert_eq!(
        balance(&store),
        (11, Version::from(2)),
        "the first, and the one in the middle"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_again_comes_before_what_was_sent_later() {
    let events = Scripted::new([Step::Held, Step::Unavailable, Step::Unavailable]);
    let store = open(&events, 2);
    let mut handles = with_ten_under_way(&events, &store).await;
    handles.extend(
        sent(
            &store,
            [Withdraw(10), DepositIf { balance: 10 }, DepositIf { balance: 11 }],
        )
        .await,
    );
    events.proceed.notify_one();
    events.arrived.notified().await;
    // Between the two attempts of the append that fails.
    handles.extend(sent(&store, [DepositIf { balance: 12 }]).await);
    settled(handles).await;
    assert_eq!(balance(&store), (13, Version::from(4)));
    assert_eq!(sizes(&events), [1, 1, 1, 3]);
}

#[tokio::test]
async fn a_command_that_the_store_always_refuses_is_given_up_also_beside_one_without_events() {
    for beside in [DoNothing, Withdraw(50)] {
        let events = Scripted::new([Step::Held, Step::Full, Step::Full, Step::Full]);
        let store = open(&events, 3);
        let mut handles = with_ten_under_way(&events, &store).await;
        handles.extend(sent(&store, [beside, Deposit(5)]).await);
        events.proceed.notify_one();
        settled(handles).await;
        assert_eq!(sizes(&events), [1, 1], "it was alone with its events: once is enough");
        assert!(store.state(|account| matches!(account.last_failure(), Some(ExecuteError::Append(_)))));
        assert_eq!(balance(&store), (10, Version::from(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn commands_that_are_tried_alone_are_so_after_a_conflict_too() {
    let overtaken = Step::OvertakenBy(vec![Deposited(0)]);
    let events = Scripted::new([Step::Held, Step::Full, overtaken, Step::Held]);
    let store = open(&events, 3);
    let mut handles = with_ten_under_way(&events, &store).await;
    handles.extend(sent(&store, [Deposit(1), Deposit(2), Deposit(3)]).await);
    events.proceed.notify_one();
    for _ in 0..3 {
        events.arrived.notified().await;
        if sizes(&events).len() == 4 {
            break;
        }
    }
    handles.extend(sent(&store, [Deposit(4)]).await);
    events.proceed.notify_one();
    settled(handles).await;
    assert_eq!(sizes(&events), [1, 3, 1, 1, 1, 1, 1]);
    assert_eq!(balance(&store).0, 20);
}

#[tokio::test]
async fn a_failure_on_top_of_events_that_are_not_stored_yet_is_held_and_lasts() {
    for failing in [AccountCommand::Panic, AccountCommand::Unencodable] {
        let events = Scripted::new([Step::Held, Step::Held]);
        let store = open(&events, 3);
        let mut handles = with_ten_under_way(&events, &store).await;
        handles.extend(sent(&store, [Deposit(1), failing]).await);
        events.proceed.notify_one();
        events.arrived.notified().await;
        let failure = || store.state(|account| account.last_failure().cloned());
        assert!(failure().is_none(), "the deposit before it is not stored yet");
        events.proceed.notify_one();
        settled(handles).await;
        assert!(
            matches!(failure(), Some(ExecuteError::Panicked { .. } | ExecuteError::Encode(_))),
            "{:?}",
            failure()
        );
        assert_eq!(balance(&store), (11, Version::from(2)));
    }
}

#[tokio::test]
async fn a_store_that_has_lost_events_is_believed_also_where_nothing_is_decided_again() {
    let events = Scripted::new([]);
    let store = open(&events, 1);
    send(&store, Deposit(1)).await;
    send(&store, Deposit(1)).await;
    events.inner.reset();
    let kept = serialized(&[Deposited(7)]);
    let written = events
        .inner
        .append_events(stream(), ExpectedVersion::NoStream, kept)
        .await;
    assert_eq!(written.unwrap().version, Version::from(1));
    send(&store, Deposit(1)).await;
    assert!(store.state(|account| matches!(account.last_failure(), Some(ExecuteError::Conflict(_)))));
    send(&store, DepositIf { balance: 7 }).await;
    assert_eq!(balance(&store), (8, Version::from(2)));
}

#[tokio::test]
async fn who_sent_a_command_that_is_decided_again_can_still_wait_for_it() {
    let events = Scripted::new([Step::Held, Step::Unavailable, Step::Held]);
    let store = open(&events, 1);
    let mut others = with_ten_under_way(&events, &store).await;
    others.extend(sent(&store, [Withdraw(10)]).await);
    let mut deposit = pin!(settled(sent(&store, [DepositIf { balance: 10 }]).await));
    events.proceed.notify_one();
    while sizes(&events).len() < 3 {
        events.arrived.notified().await;
    }
    assert!(futures::poll!(&mut deposit).is_pending(), "its append is held");
    events.proceed.notify_one();
    deposit.await;
    assert_eq!(balance(&store), (11, Version::from(2)));
    settled(others).await;
}

/// A store on which much fails, and seldom enough attempts to get over it.
fn much_fails(memory: &InMemoryEventStore, seed: u64) -> AccountStore {
    let rival = |_: &StreamAppend| StreamAppend::new(stream(), ExpectedVersion::Any, serialized(&[Deposited(0)]));
    let faulty = FaultyEventStore::seeded(memory.clone(), seed)
        .failures_before_commit(0.2)
        .failures_after_commit(0.1)
        .lost_requests(0.1)
        .conflicts(0.2, rival)
        .read_failures(0.1)
        .snapshot_failures(0.2)
        .delays(0.3, Duration::from_millis(3), Arc::new(SystemClock));
    let environment = EventSourcedEnvironment::new(Arc::new(faulty), Arc::new(SystemIds), ());
    let reducer = EventSourced::<Account>::with_retry_policy(attempts(2));
    Store::builder(reducer, environment)
        .build(EventSourcedState::new(stream()))
        .unwrap()
}

/// Every deposit has an amount of its own, so that one that was stored twice would be found.
async fn come_to_an_end(commands: Vec<i64>, seed: u64) {
    let memory = InMemoryEventStore::new();
    let store = much_fails(&memory, seed);
    let mut handles = Vec::new();
    for (nth, amount) in (1..).zip(commands) {
        let command = match amount {
            ..0 => Withdraw(-9 * amount),
            0 => DoNothing,
            _ => Deposit(10_000 * nth + amount),
        };
        handles.extend(sent(&store, [command]).await);
        if nth % 7 == 0 {
            tokio::time::advance(Duration::from_millis(2)).await;
        }
    }
    let ended = tokio::time::timeout(Duration::from_mins(10), settled(handles)).await;
    assert!(ended.is_ok(), "some command is decided again for ever");

    let (mut balance, mut deposits) = (0, HashSet::new());
    for recorded in memory.events(&stream()) {
        for event in recorded.decode::<AccountEvent>().unwrap().as_slice() {
            if let Deposited(amount @ 1..) = event {
                assert!(deposits.insert(*amount), "stored twice");
            }
            Account::apply(&mut balance, event);
            assert!(balance >= 0, "withdrawn from what was not there");
        }
    }
}

#[test]
fn whatever_fails_all_commands_come_to_an_end_and_none_is_carried_out_twice() {
    check(
        200,
        &(vec(-9_999..10_000_i64, 1..60), any::<u64>()),
        |(commands, seed)| come_to_an_end(commands, seed),
    );
}
