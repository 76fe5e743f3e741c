//! `EventSourced`: an aggregate as a reducer, in a store.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Backoff, ExpectedVersion, Version};
use composable_rust_runtime::{
    EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState, RetryPolicy, Store, SystemIds,
};

use crate::account::{
    Account,
    AccountCommand::{self, Deposit, DepositIf, DoNothing, Withdraw},
    AccountEvent::Deposited,
    NotEnough, Scripted, Step, stream, write,
};

pub(crate) type AccountStore = Store<EventSourced<Account>>;

pub(crate) fn open(events: &Arc<Scripted>, attempts: u32) -> AccountStore {
    let backoff = Backoff::exponential(attempts, Duration::from_millis(1));
    let retries = RetryPolicy::default()
        .with_on_conflict(backoff)
        .with_on_unavailable(backoff);
    let environment = EventSourcedEnvironment::new(events.port(), Arc::new(SystemIds), ());
    let state = EventSourcedState::new(stream());
    Store::builder(EventSourced::<Account>::with_retry_policy(retries), environment)
        .build(state)
        .unwrap()
}

pub(crate) async fn send(store: &AccountStore, command: AccountCommand) {
    store
        .send(EventSourcedAction::execute(command))
        .await
        .unwrap()
        .settled()
        .await
        .unwrap();
}

pub(crate) fn balance(store: &AccountStore) -> (i64, Version) {
    store.state(|account| (**account.state(), account.version()))
}

pub(crate) fn rejection(store: &AccountStore) -> Option<NotEnough> {
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
async fn a_rejection_rests_on_what_is_known_and_a_load_before_the_command_brings_the_rest() {
    let events = Scripted::new([]);
    let store = open(&events, 3);
    send(&store, Deposit(1)).await;
    write(&events, &[Deposited(10)]).await;
    send(&store, Withdraw(5)).await;
    assert_eq!(
        rejection(&store),
        Some(NotEnough { balance: 1 }),
        "nothing is appended that would find out"
    );
    let load = store.send(EventSourcedAction::load()).await.unwrap();
    let withdrawal = store.send(EventSourcedAction::execute(Withdraw(5))).await.unwrap();
    withdrawal.settled().await.unwrap();
    load.settled().await.unwrap();
    assert_eq!((rejection(&store), balance(&store)), (None, (6, Version::from(3))));
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
async fn commands_that_wait_inside_take_places_of_the_inbox() {
    let events = Scripted::new([Step::Held]);
    let environment = EventSourcedEnvironment::new(events.port(), Arc::new(SystemIds), ());
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
