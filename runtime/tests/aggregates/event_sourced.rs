//! `EventSourced`: an aggregate as a reducer, in a store.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Backoff, ExpectedVersion, Version};
use composable_rust_runtime::{
    EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState, ExecuteError, Retries, Store,
    SystemIds,
};

use crate::account::{
    Account,
    AccountCommand::{self, Deposit, DepositIf, DoNothing, Withdraw},
    AccountEvent::Deposited,
    NotEnough, ReadStep, Scripted, Step, stream, write,
};

type AccountStore = Store<EventSourced<Account>>;

fn open(events: &Arc<Scripted>, attempts: u32) -> AccountStore {
    let backoff = Backoff::exponential(attempts, Duration::from_millis(1));
    let retries = Retries::default().with_conflicts(backoff).with_outages(backoff);
    let environment = EventSourcedEnvironment::new(events.clone(), Arc::new(SystemIds), ());
    let state = EventSourcedState::new(stream());
    Store::builder(EventSourced::<Account>::with_retries(retries), environment)
        .build(state)
        .unwrap()
}

async fn send(store: &AccountStore, command: AccountCommand) {
    store
        .send(EventSourcedAction::execute(command))
        .await
        .unwrap()
        .settled()
        .await
        .unwrap();
}

fn balance(store: &AccountStore) -> (i64, Version) {
    store.state(|account| (**account.state(), account.version()))
}

fn rejection(store: &AccountStore) -> Option<NotEnough> {
    store.state(|account| account.last_rejection().map(|rejection| NotEnough::clone(rejection)))
}

#[tokio::test]
async fn a_command_is_stored_and_then_applied() {
    let events = Scripted::new([Step::Held]);
    let store = open(&events, 3);
    store.dispatch(EventSourcedAction::execute(Deposit(5))).await.unwrap();
    events.arrived.notified().await;
    assert_eq!(
        balance(&store),
        (0, Version::INITIAL),
        "not before the store has acknowledged it"
    );
    events.proceed.notify_one();
    send(&store, DoNothing).await;
    assert_eq!(balance(&store), (5, Version::from(1)));
    assert_eq!(events.stored(stream()).await, [Deposited(5)]);
}

#[tokio::test]
async fn the_stream_is_loaded_before_the_first_decision() {
    let events = Scripted::new([]);
    write(&events, &[Deposited(5)]).await;
    let store = open(&events, 3);
    send(&store, DepositIf { balance: 5 }).await;
    assert_eq!(balance(&store), (6, Version::from(2)));
}

#[tokio::test]
async fn a_rejection_changes_nothing_and_is_the_last_rejection() {
    let events = Scripted::new([]);
    let store = open(&events, 3);
    send(&store, Withdraw(5)).await;
    assert_eq!(rejection(&store), Some(NotEnough { balance: 0 }));
    assert!(events.appends().is_empty());
    send(&store, Deposit(5)).await;
    assert_eq!(rejection(&store), None, "an accepted command supersedes it");
}

#[tokio::test]
async fn commands_that_come_meanwhile_share_the_next_append() {
    let events = Scripted::new([Step::Held]);
    let store = open(&events, 3);
    let mut handles = vec![store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap()];
    events.arrived.notified().await;
    for balance in 1..=5 {
        handles.push(
            store
                .send(EventSourcedAction::execute(DepositIf { balance }))
                .await
                .unwrap(),
        );
    }
    events.proceed.notify_one();
    for handle in handles {
        handle.settled().await.unwrap();
    }
    assert_eq!(balance(&store), (6, Version::from(6)));
    let sizes: Vec<_> = events.appends().iter().map(|append| append.events.len()).collect();
    assert_eq!(sizes, [1, 5], "each was decided on what those before it decided");
}

#[tokio::test(start_paused = true)]
async fn after_a_conflict_all_commands_of_the_append_are_decided_again_in_order() {
    let overtaken = Step::OvertakenBy(vec![Deposited(100)]);
    let events = Scripted::new([Step::Held, overtaken]);
    let store = open(&events, 3);
    let first = store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    events.arrived.notified().await;
    let accepted = store.send(EventSourcedAction::execute(Deposit(2))).await.unwrap();
    let refused = store
        .send(EventSourcedAction::execute(DepositIf { balance: 3 }))
        .await
        .unwrap();
    events.proceed.notify_one();
    for handle in [first, accepted, refused] {
        handle.settled().await.unwrap();
    }
    assert_eq!(balance(&store), (103, Version::from(3)));
    assert_eq!(
        rejection(&store),
        Some(NotEnough { balance: 103 }),
        "what it stood on was gone: decided again"
    );
}

#[tokio::test]
async fn a_rejection_against_tentative_state_is_held_until_that_is_stored() {
    let events = Scripted::new([Step::Pass, Step::Held]);
    let store = open(&events, 3);
    store.dispatch(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    events.arrived.notified().await;
    send(&store, DoNothing).await;
    // Both wait for the load that this one starts, and are then decided together.
    let second = open(&events, 3);
    let deposit = second.send(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    let withdraw = second.send(EventSourcedAction::execute(Withdraw(50))).await.unwrap();
    events.arrived.notified().await;
    assert_eq!(
        rejection(&second),
        None,
        "the deposit it was decided on is not stored yet"
    );
    events.proceed.notify_one();
    deposit.settled().await.unwrap();
    withdraw.settled().await.unwrap();
    assert_eq!(rejection(&second), Some(NotEnough { balance: 2 }));
}

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

#[tokio::test]
async fn loading_again_brings_what_others_wrote() {
    let events = Scripted::new([]);
    let store = open(&events, 3);
    send(&store, Deposit(1)).await;
    write(&events, &[Deposited(10)]).await;
    store
        .send(EventSourcedAction::load())
        .await
        .unwrap()
        .settled()
        .await
        .unwrap();
    assert_eq!(balance(&store), (11, Version::from(2)));
    assert_eq!(events.appends()[0].expected, ExpectedVersion::NoStream);
}

#[tokio::test]
async fn who_sent_a_command_that_has_to_wait_can_wait_for_it() {
    let events = Scripted::new([Step::Held, Step::Held]);
    let store = open(&events, 3);
    store.dispatch(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    events.arrived.notified().await;
    let waiting = store.send(EventSourcedAction::execute(Deposit(2))).await.unwrap();
    let release = async {
        events.proceed.notify_one();
        events.arrived.notified().await;
        events.proceed.notify_one();
    };
    let (settled, ()) = tokio::join!(waiting.settled(), release);
    settled.unwrap();
    assert_eq!(balance(&store), (3, Version::from(2)));
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
async fn many_waiting_commands_share_several_appends_within_the_limits() {
    let events = Scripted::new([Step::Held]);
    let store = open(&events, 3);
    store.dispatch(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    events.arrived.notified().await;
    let mut last = None;
    for _ in 0..1023 {
        last = Some(store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap());
    }
    events.proceed.notify_one();
    last.unwrap().settled().await.unwrap();
    assert_eq!(balance(&store), (1024, Version::from(1024)));
    let sizes: Vec<_> = events.appends().iter().map(|append| append.events.len()).collect();
    assert_eq!(sizes, [1, 1000, 23]);
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
async fn commands_that_wait_inside_take_places_of_the_inbox() {
    let events = Scripted::new([Step::Held]);
    let environment = EventSourcedEnvironment::new(events.clone(), Arc::new(SystemIds), ());
    let builder = Store::builder(EventSourced::<Account>::new(), environment).capacity(10);
    let store = builder.build(EventSourcedState::new(stream())).unwrap();
    store.dispatch(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    events.arrived.notified().await;
    let accepted = (0..100)
        .filter(|_| store.try_dispatch(EventSourcedAction::execute(Deposit(1))).is_ok())
        .count();
    assert_eq!(accepted, 10);
    let caller = store.send(EventSourcedAction::execute(Deposit(1)));
    let (sent, ()) = tokio::join!(caller, async { events.proceed.notify_one() });
    sent.unwrap().settled().await.unwrap();
    assert_eq!(
        balance(&store),
        (12, Version::from(12)),
        "the caller that waited was let in"
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

#[tokio::test]
async fn a_load_has_settled_when_it_has_brought_what_was_recorded_before() {
    let events = Scripted::new([Step::Held]);
    let store = open(&events, 3);
    let first = store.send(EventSourcedAction::load()).await.unwrap();
    let second = store.send(EventSourcedAction::load()).await.unwrap();
    second.settled().await.unwrap();
    assert!(store.state(EventSourcedState::is_ready));
    first.settled().await.unwrap();
    store.dispatch(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    events.arrived.notified().await;
    let load = store.send(EventSourcedAction::load()).await.unwrap();
    events.proceed.notify_one();
    load.settled().await.unwrap();
    assert_eq!(balance(&store), (1, Version::from(1)));
}
