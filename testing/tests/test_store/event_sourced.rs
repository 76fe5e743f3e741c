//! Event-sourced aggregates in the test store.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{
    Aggregate, Codec, Decoded, Effect, EncodedEvent, Event, EventError, EventStore, ExpectedVersion, IdGenerator,
    Reducer, ReducerExt, SerializedEvent, StreamId, Version, prism,
};
use composable_rust_runtime::{
    EventSourced, EventSourcedAction,
    EventSourcedAction::{Appended, Loaded},
    EventSourcedEnvironment, EventSourcedState,
};
use composable_rust_testing::{
    EventSourcedTest, FaultyEventStore, HostedState, InMemoryEventStore, SequentialIds, TestClock, TestStore,
    TestStoreBuilder,
};

use crate::said::said;

/// Something was paid in, or out when it is negative.
#[derive(Clone, Debug, PartialEq)]
struct Moved(i64);

impl Event for Moved {
    fn event_type(&self) -> &'static str {
        "Moved.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Codec::BINCODE.encode(&self.0)
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        Codec::new(stored.encoding)
            .decode(stored.data)
            .map(|amount| Self(amount).into())
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the account holds only {0}")]
struct Insufficient(i64);

/// The state is the balance, a command an amount to move.
struct Account;

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    type State = i64;
    type Command = i64;
    type Event = Moved;
    type Rejection = Insufficient;
    type Environment = ();

    fn decide(balance: &i64, amount: &i64, (): &()) -> Result<Vec<Moved>, Insufficient> {
        if balance + amount < 0 {
            return Err(Insufficient(*balance));
        }
        Ok(vec![Moved(*amount)])
    }

    fn apply(balance: &mut i64, event: &Moved) {
        *balance += event.0;
    }
}

type Action = EventSourcedAction<Account>;
type Store = TestStore<EventSourced<Account>, HostedState<Account>>;

fn account() -> StreamId {
    Account::stream_id("a-1").unwrap()
}

fn receive_loaded(store: &mut Store, change: impl FnOnce(&mut HostedState<Account>)) {
    store.receive_matching(|action| matches!(action, Loaded(Ok(_))), change);
}

fn receive_stored(store: &mut Store, state: i64, version: u32) {
    let stored =
        |action: &Action| matches!(action, Appended(Ok(appended)) if appended.version == Version::from(version));
    store.receive_matching(stored, |account| {
        account.state = state;
        account.version = Version::from(version);
    });
}

/// With 50 in it.
fn opened(test: EventSourcedTest<Account>) -> Store {
    let mut store = test.build();
    store.send(Action::execute(50), |_| {});
    receive_loaded(&mut store, |_| {});
    receive_stored(&mut store, 50, 1);
    store
}

#[test]
fn a_command_is_loaded_for_stored_and_applied() {
    let events = InMemoryEventStore::new();
    let mut store = opened(EventSourcedTest::new(account(), ()).store(Arc::new(events.clone())));
    store.send(Action::execute(-20), |_| {});
    receive_stored(&mut store, 30, 2);
    store.finish();
    assert_eq!(events.events(&account()).len(), 2);
}

#[test]
fn two_runs_store_the_same_ids_at_the_same_time() {
    let run = || {
        let events = InMemoryEventStore::new();
        opened(EventSourcedTest::new(account(), ()).store(Arc::new(events.clone()))).finish();
        events.events(&account())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_rejection_is_part_of_what_is_asserted() {
    let mut store = opened(EventSourcedTest::new(account(), ()));
    store.send(Action::execute(-60), |account| {
        account.rejection = Some("the account holds only 50".to_owned());
    });
    store.finish();
}

#[test]
fn an_unasserted_rejection_is_shown() {
    let message = said(|| opened(EventSourcedTest::new(account(), ())).send(Action::execute(-60), |_| {}));
    let shown = r#"
    -     rejection: None,
    +     rejection: Some(
    +         "the account holds only 50",
    +     ),"#;
    assert!(message.contains(shown), "{message}");
}

/// Somebody else moves so much.
fn another_moves(events: &InMemoryEventStore, amount: i64) {
    let event = SerializedEvent::encode(&Moved(amount), SequentialIds::series(9).event_id()).unwrap();
    let appended = events.append_events(account(), ExpectedVersion::StreamExists, vec![event]);
    futures::executor::block_on(appended).unwrap();
}

#[test]
fn a_conflict_is_decided_again_after_its_pause() {
    let (events, clock) = (InMemoryEventStore::new(), TestClock::new());
    let test = EventSourcedTest::new(account(), ()).store(Arc::new(events.clone()));
    let mut store = opened(test.clock(clock.clone()));
    another_moves(&events, 5);
    store.send(Action::execute(-20), |_| {});
    store.receive_matching(|action| matches!(action, Appended(Err(_))), |_| {});
    assert_eq!(clock.pending(), 1);
    store.run();
    receive_loaded(&mut store, |account| {
        account.state = 55;
        account.version = Version::from(2);
    });
    receive_stored(&mut store, 35, 3);
    store.finish();
}

#[test]
fn an_answer_that_waits_for_its_pause_is_in_flight() {
    let message = said(|| {
        let events = InMemoryEventStore::new();
        let mut store = opened(EventSourcedTest::new(account(), ()).store(Arc::new(events.clone())));
        another_moves(&events, 5);
        store.send(Action::execute(-20), |_| {});
        store.receive_matching(|action| matches!(action, Appended(Err(_))), |_| {});
        store.finish();
    });
    let started = "`load`, started by Appended(Err(Conflict(";
    assert!(
        message.contains(started) && message.contains("sleeps on the clock for another"),
        "{message}"
    );
}

#[tokio::test]
async fn settle_leaves_alone_a_pause_between_two_attempts() {
    let events = InMemoryEventStore::new();
    let mut store = opened(EventSourcedTest::new(account(), ()).store(Arc::new(events.clone())));
    another_moves(&events, 5);
    store.send(Action::execute(-20), |_| {});
    store.settle().await;
    store.receive_matching(|action| matches!(action, Appended(Err(_))), |_| {});
    store.skip_in_flight();
    store.finish();
}

#[test]
fn more_commands_than_can_wait_fail_the_test() {
    let message = said(|| {
        let events = InMemoryEventStore::new();
        let mut store = opened(EventSourcedTest::new(account(), ()).store(Arc::new(events.clone())));
        another_moves(&events, 5);
        store.send(Action::execute(1), |_| {});
        store.receive_matching(|action| matches!(action, Appended(Err(_))), |_| {});
        // They wait for the command before them, and that for the end of its pause.
        for _ in 0..2_000 {
            store.send(Action::execute(1), |_| {});
        }
    });
    assert_eq!(
        message,
        "\
send(Execute): the store's inbox is full

help: let the commands that wait in the state be carried out first: advance the clock, or await settle()"
    );
}

/// An application that counts what its account has stored.
struct App;

struct AppState {
    account: EventSourcedState<Account>,
    stored: u32,
}

#[derive(Clone, Debug)]
enum AppAction {
    Account(Action),
}

impl Reducer for App {
    type State = AppState;
    type Action = AppAction;
    type Environment = EventSourcedEnvironment<()>;

    fn reduce(&self, app: &mut AppState, action: &AppAction, _: &Self::Environment) -> Effect<AppAction> {
        let AppAction::Account(action) = action;
        app.stored += u32::from(matches!(action, Appended(Ok(_))));
        Effect::none()
    }
}

#[test]
fn a_parent_of_an_aggregate_is_asserted_through_a_view() {
    let clock = TestClock::new();
    let events = Arc::new(InMemoryEventStore::new());
    let environment =
        EventSourcedEnvironment::new(events, Arc::new(SequentialIds::new()), ()).with_clock(Arc::new(clock.clone()));
    let state = AppState {
        account: EventSourcedState::new(account()),
        stored: 0,
    };
    let app = App.child(
        "account",
        |app: &mut AppState| Some(&mut app.account),
        prism!(AppAction::Account),
        EventSourced::new(),
    );
    let view = |app: &AppState| (HostedState::of(&app.account), app.stored);
    let mut store = TestStoreBuilder::with_view(app, state, environment, view)
        .clock(clock)
        .build();
    store.send(AppAction::Account(Action::execute(50)), |_| {});
    store.receive_matching(|AppAction::Account(action)| matches!(action, Loaded(_)), |_| {});
    store.receive_matching(
        |AppAction::Account(action)| matches!(action, Appended(_)),
        |(account, stored)| {
            account.state = 50;
            account.version = Version::from(1);
            *stored = 1;
        },
    );
    store.finish();
}

/// Ends on another thread, as what a database does.
async fn elsewhere() {
    let (send, done) = futures::channel::oneshot::channel();
    std::thread::spawn(move || send.send(()));
    done.await.unwrap();
}

#[tokio::test]
async fn a_store_that_answers_from_elsewhere_is_waited_for_though_its_answers_have_timeouts() {
    for _ in 0..200 {
        let remote = FaultyEventStore::new(InMemoryEventStore::new());
        remote.next_read().is_held_until(elsewhere());
        remote.next_append().is_held_until(elsewhere());
        let mut store = EventSourcedTest::new(account(), ())
            .store(Arc::new(remote.clone()))
            .patience(Duration::from_mins(1))
            .build();
        store.send(Action::execute(50), |_| {});
        store.settle().await;
        receive_loaded(&mut store, |_| {});
        receive_stored(&mut store, 50, 1);
        store.finish();
        remote.assert_script_met();
    }
}
