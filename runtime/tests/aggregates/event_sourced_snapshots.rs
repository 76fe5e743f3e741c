//! `EventSourced`: snapshots, as effects beside the commands.

use std::sync::Arc;

use composable_rust_core::{
    Aggregate, AppendError, EventStore, ExpectedVersion, ReadStream, RecordedEvent, Reducer, SnapshotOutcome,
    SnapshotPolicy, Version,
};
use composable_rust_runtime::{
    EventSourced,
    EventSourcedAction::{self, Appended, Loaded, SnapshotLoaded, SnapshotSaved},
    EventSourcedEnvironment, EventSourcedState, ExecuteError, Store, SystemIds,
};
use composable_rust_testing::{
    EventSourcedTest, History, HostedState, InMemoryEventStore, NthCall, Operation, Request, TestStore,
};

use crate::{
    account::{
        Account,
        AccountCommand::{self, Deposit},
        AccountEvent::{self, Deposited, Poison},
        AccountOf, Remembered, serialized, stream,
    },
    world::World,
};

pub(crate) type Action = EventSourcedAction<Account>;
pub(crate) type AccountTest = TestStore<EventSourced<Account>, HostedState<Account>>;

impl World {
    pub(crate) async fn holding(events: &[AccountEvent]) -> Self {
        let world = Self::new();
        world.write(events).await;
        world
    }

    pub(crate) async fn write(&self, events: &[AccountEvent]) {
        let appended = self
            .memory
            .append_events(stream(), ExpectedVersion::Any, serialized(events));
        appended.await.unwrap();
    }

    pub(crate) fn store<A: Aggregate<Environment = ()>>(&self) -> Store<EventSourced<A>> {
        let environment = EventSourcedEnvironment::new(Arc::new(self.recorded.clone()), Arc::new(SystemIds), ());
        Store::builder(EventSourced::<A>::new(), environment)
            .build(EventSourcedState::new(stream()))
            .unwrap()
    }

    pub(crate) fn test(&self) -> EventSourcedTest<Account> {
        EventSourcedTest::new(stream(), ()).store(Arc::new(self.recorded.clone()))
    }

    /// The versions that were read from, in order.
    pub(crate) fn read_from(&self) -> Vec<Option<u64>> {
        let from = |read: &ReadStream| read.from.map(Version::get);
        self.recorded.reads().iter().map(from).collect()
    }

    pub(crate) fn saved(&self) -> Option<(u64, i64)> {
        let snapshot = self.memory.snapshot(&stream())?;
        Some((snapshot.version.get(), Account::SNAPSHOTS.restore(&snapshot)?))
    }
}

pub(crate) async fn send<A: Aggregate<Command = AccountCommand>>(
    store: &Store<EventSourced<A>>,
    command: AccountCommand,
) {
    let sent = store.send(EventSourcedAction::execute(command)).await.unwrap();
    sent.settled().await.unwrap();
}

pub(crate) async fn load<A: Aggregate>(store: &Store<EventSourced<A>>) {
    let sent = store.send(EventSourcedAction::load()).await.unwrap();
    sent.settled().await.unwrap();
}

pub(crate) fn at<A: Aggregate<State = i64>>(store: &Store<EventSourced<A>>) -> (i64, u64) {
    store.state(|account| (**account.state(), account.version().get()))
}

pub(crate) fn failure<A: Aggregate>(store: &Store<EventSourced<A>>) -> Option<String> {
    store.state(|account| account.last_failure().map(ToString::to_string))
}

pub(crate) fn receive(test: &mut AccountTest, is_it: impl Fn(&Action) -> bool) {
    test.receive_matching(is_it, |_| {});
}

fn receive_state(test: &mut AccountTest, is_it: impl Fn(&Action) -> bool, balance: i64, version: u32) {
    test.receive_matching(is_it, |account| {
        (account.state, account.version) = (balance, version.into());
    });
}

#[test]
fn in_the_test_store_each_step_of_a_snapshot_is_an_action() {
    let world = World::new();
    let mut test = world.test().build();
    test.send(Action::execute(Deposit(1)), |_| {});
    receive(&mut test, |action| matches!(action, SnapshotLoaded(Ok(None))));
    receive(&mut test, |action| matches!(action, Loaded(Ok(_))));
    receive_state(&mut test, |action| matches!(action, Appended(Ok(_))), 1, 1);
    for version in 2..=10_u32 {
        test.send(Action::execute(Deposit(1)), |_| {});
        receive_state(
            &mut test,
            |action| matches!(action, Appended(Ok(_))),
            version.into(),
            version,
        );
    }
    let stored = |action: &Action| matches!(action, SnapshotSaved(Ok(SnapshotOutcome::Stored)));
    receive(&mut test, stored);
    test.finish();
    assert_eq!(world.saved(), Some((10, 10)));

    let mut again = world.test().build();
    again.send(Action::load(), |_| {});
    let found = |action: &Action| matches!(action, SnapshotLoaded(Ok(Some(found))) if found.version.get() == 10);
    // Not believed before the stream is known to reach it.
    receive(&mut again, found);
    receive_state(&mut again, |action| matches!(action, Loaded(Ok(_))), 10, 10);
    again.send(Action::load(), |_| {});
    receive(
        &mut again,
        |action| matches!(action, Loaded(Ok(tail)) if tail.is_empty()),
    );
    again.finish();
}

/// An account that nobody remembers.
struct Forgotten;

impl Remembered for Forgotten {
    const SNAPSHOTS: SnapshotPolicy<i64> = SnapshotPolicy::never();
}

#[tokio::test]
async fn an_aggregate_without_snapshots_neither_asks_for_one_nor_saves_one() {
    let world = World::new();
    let store = world.store::<AccountOf<Forgotten>>();
    for _ in 0..20 {
        send(&store, Deposit(1)).await;
    }
    load(&store).await;
    let asked = world.recorded.calls();
    let is_expected = |request: &Request| matches!(request, Request::Read(_) | Request::Append(_));
    assert!(asked.iter().all(|call| is_expected(&call.request)), "{asked:?}");
    assert_eq!(asked.len(), 22, "the first load, the commands, the second load");
}

fn deposits(count: usize) -> Vec<AccountEvent> {
    vec![Deposited(1); count]
}

#[tokio::test]
async fn a_snapshot_that_can_not_be_used_is_ignored_and_replaced() {
    let events = deposits(15);
    let history = History::of::<Account>("a").events(&events);
    let good = history.snapshot::<Account>(10);
    for snapshot in [good.of_another_schema(), good.corrupt()] {
        let world = World::new();
        history.store_in(&world.memory).await.unwrap();
        snapshot.store_in(&world.memory).await.unwrap();
        let store = world.store::<Account>();
        load(&store).await;
        assert_eq!(at(&store), (15, 15));
        assert_eq!(world.read_from(), [Some(1)]);
        assert_eq!(world.saved(), Some((15, 15)));
    }
}

#[tokio::test]
async fn a_snapshot_that_can_not_be_loaded_costs_a_replay_and_is_left_as_it_is() {
    for fault in [NthCall::fails, NthCall::panics] {
        let events = deposits(15);
        let history = History::of::<Account>("a").events(&events);
        let world = World::new();
        history.store_in(&world.memory).await.unwrap();
        history.snapshot::<Account>(10).store_in(&world.memory).await.unwrap();
        fault(world.faulty.nth(Operation::Load, 1));
        let store = world.store::<Account>();
        load(&store).await;
        assert_eq!((at(&store), failure(&store)), ((15, 15), None));
        assert_eq!(world.saves(), Vec::<u64>::new());
        assert_eq!(world.saved(), Some((10, 10)));
    }
}

/// What the store is asked next; the answers are given by hand.
fn next(state: &mut EventSourcedState<Account>, action: &Action) -> String {
    let nowhere = Arc::new(InMemoryEventStore::new());
    let environment = EventSourcedEnvironment::new(nowhere, Arc::new(SystemIds), ());
    let effect = EventSourced::<Account>::new().reduce(state, action, &environment);
    effect.describe().to_string()
}

fn recorded(events: &[AccountEvent]) -> Vec<RecordedEvent> {
    History::of::<Account>("a").events(events).recorded()
}

#[test]
fn a_snapshot_beyond_its_stream_is_ignored_and_replaced() {
    for (claimed, events) in [(10, 5), (6, 5), (1, 0)] {
        let mut state = EventSourcedState::<Account>::new(stream());
        assert_eq!(next(&mut state, &Action::load()), "load snapshot of account-a");

        let snapshot = Account::SNAPSHOTS.save(Version::from(claimed), &1000).unwrap().unwrap();
        let loaded = SnapshotLoaded(Ok(Some(snapshot)));
        assert_eq!(next(&mut state, &loaded), format!("load account-a from {claimed}"));
        assert_eq!((**state.state(), state.version()), (0, Version::INITIAL));

        let nothing = Loaded(Ok(vec![]));
        assert_eq!(
            next(&mut state, &nothing),
            "load account-a from 1",
            "it is not believed"
        );
        let all = Loaded(Ok(recorded(&deposits(events))));
        assert_eq!(
            next(&mut state, &all),
            format!("save snapshot of account-a at {events}")
        );
        let expected = u64::try_from(events).unwrap();
        assert_eq!(
            (**state.state(), state.version().get()),
            (expected.cast_signed(), expected)
        );
    }
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let mut state = EventSourcedState::<Account>::new(stream());
    let snapshot = Account::SNAPSHOTS.save(Version::from(9), &1000).unwrap().unwrap();
    let answers = [
        Loaded(Ok(recorded(&deposits(3)))),
        SnapshotLoaded(Ok(Some(snapshot))),
        Appended(Err(AppendError::NoEvents)),
        SnapshotSaved(Ok(SnapshotOutcome::Declined)),
    ];
    for answer in &answers {
        assert_eq!(next(&mut state, answer), "none");
        assert_eq!(
            (**state.state(), state.version(), state.is_ready()),
            (0, Version::INITIAL, false)
        );
    }
    assert_eq!(next(&mut state, &Action::load()), "load snapshot of account-a");
    for answer in [&answers[0], &answers[2], &answers[3]] {
        assert_eq!(next(&mut state, answer), "none");
        assert!(!state.is_ready());
    }
    assert_eq!(next(&mut state, &SnapshotLoaded(Ok(None))), "load account-a from 1");
    assert_eq!(next(&mut state, &answers[2]), "none");
    assert!(!state.is_ready(), "the load is still under way");
}

#[tokio::test]
async fn a_panic_in_apply_after_a_snapshot_leaves_nothing_of_it() {
    let history = History::of::<Account>("a").events(&deposits(10));
    let world = World::new();
    history.store_in(&world.memory).await.unwrap();
    history.snapshot::<Account>(10).store_in(&world.memory).await.unwrap();
    world.write(&[Poison]).await;
    let store = world.store::<Account>();
    send(&store, Deposit(1)).await;
    assert!(store.state(|account| matches!(account.last_failure(), Some(ExecuteError::Panicked { .. }))));
    assert_eq!(at(&store), (0, 0));
    assert_eq!(
        world.memory.events(&stream()).len(),
        11,
        "nothing is decided on a torn state"
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_lost_events_and_kept_its_snapshot_is_replayed() {
    let world = World::holding(&deposits(30)).await;
    let store = world.store::<Account>();
    load(&store).await;
    world.memory.reset();
    world.write(&deposits(12)).await;
    History::of::<Account>("a")
        .events(&deposits(10))
        .snapshot::<Account>(10)
        .store_in(&world.memory)
        .await
        .unwrap();
    send(&store, Deposit(1)).await;
    assert_eq!((at(&store), failure(&store)), ((13, 13), None));
    assert_eq!(world.read_from().last(), Some(&Some(10)), "from the snapshot on");
}
