//! `EventSourced`: saving snapshots is never in the way of a command.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use composable_rust_core::{Aggregate, SnapshotError, SnapshotOutcome, SnapshotPolicy};
use composable_rust_runtime::EventSourcedAction::{self, SnapshotSaved};
use composable_rust_testing::TestClock;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::Notify;

use crate::{
    account::{
        Account,
        AccountCommand::{self, Deposit},
        AccountEvent, NotEnough,
    },
    event_sourced_snapshots::{Action, at, failure, load, receive, send},
    until,
    world::World,
};

#[test]
fn a_save_that_is_in_flight_at_the_end_is_the_commands_that_made_it_due() {
    let world = World::new();
    world.nth_save(1).is_never_answered();
    let mut test = world.test().build();
    for _ in 0..10 {
        test.send(Action::execute(Deposit(1)), |_| {});
        test.skip_received();
    }
    let said = catch_unwind(AssertUnwindSafe(|| test.finish())).unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(said.contains("`save snapshot`, started by Appended(Ok("), "{said}");
}

#[tokio::test]
async fn a_save_that_fails_or_panics_fails_no_command_and_the_next_one_is_tried() {
    let world = World::new();
    world.nth_save(1).fails();
    world.nth_save(2).panics();
    let store = world.store::<Account>();
    for _ in 0..30 {
        send(&store, Deposit(1)).await;
        assert_eq!(failure(&store), None);
    }
    assert_eq!(world.saves(), [10, 20, 30]);
    assert_eq!((at(&store), world.saved()), ((30, 30), Some((30, 30))));
}

#[test]
fn a_save_that_is_never_answered_is_given_up() {
    let world = World::new();
    world.nth_save(1).is_never_answered();
    let clock = TestClock::new();
    let mut test = world.test().clock(clock).build();
    for _ in 0..20 {
        test.send(Action::execute(Deposit(1)), |_| {});
        test.skip_received();
    }
    assert_eq!(world.saves(), [10], "the next one waits for its turn");
    test.advance(Duration::from_secs(30));
    let given_up = |action: &Action| matches!(action, SnapshotSaved(Err(SnapshotError::Unavailable(_))));
    receive(&mut test, given_up);
    let stored = |action: &Action| matches!(action, SnapshotSaved(Ok(SnapshotOutcome::Stored)));
    receive(&mut test, stored);
    test.finish();
    assert_eq!(world.saved(), Some((20, 20)));
}

#[tokio::test]
async fn while_a_snapshot_is_being_saved_commands_go_on_and_only_the_newest_is_saved_next() {
    let world = World::new();
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    world.nth_save(1).is_held_until(async move { opened.notified().await });
    let store = world.store::<Account>();
    for _ in 0..9 {
        send(&store, Deposit(1)).await;
    }
    let tenth = store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    until(|| world.saves() == [10]).await;
    let mut due = vec![];
    for version in 11..=55 {
        let sent = store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap();
        until(|| at(&store).1 == version).await;
        if version == 50 {
            due.push(sent);
        } else {
            // 20, 30 and 40 are overtaken by the next: whoever sent them does not wait for the first save.
            drop(sent);
        }
    }
    assert_eq!(world.saves(), [10], "one at a time");
    gate.notify_one();
    tenth.settled().await.unwrap();
    for sent in due {
        sent.settled().await.unwrap();
    }
    assert_eq!(world.saves(), [10, 50], "20, 30 and 40 were overtaken");
    assert_eq!(world.saved(), Some((50, 50)));
}

#[tokio::test]
async fn who_sent_a_command_waits_for_its_own_snapshot_and_for_no_others() {
    let world = World::new();
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    world.nth_save(2).is_held_until(async move { opened.notified().await });
    let store = world.store::<Account>();
    for _ in 0..19 {
        send(&store, Deposit(1)).await;
    }
    let twentieth = store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    until(|| world.saves() == [10, 20]).await;
    for _ in 21..30 {
        send(&store, Deposit(1)).await;
    }
    let thirtieth = store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    until(|| at(&store).1 == 30).await;
    for _ in 31..40 {
        send(&store, Deposit(1)).await;
    }
    let fortieth = store.send(EventSourcedAction::execute(Deposit(1))).await.unwrap();
    // Overtaken: there is nothing more to wait for.
    thirtieth.settled().await.unwrap();
    assert_eq!(at(&store), (40, 40));
    gate.notify_one();
    twentieth.settled().await.unwrap();
    fortieth.settled().await.unwrap();
    assert_eq!(world.saves(), [10, 20, 40]);
}

/// Panics when it is written at 10, and when it is read at 20.
#[derive(Clone, Debug, Default, PartialEq)]
struct Brittle(i64);

impl Serialize for Brittle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.0, 10, "unwritable");
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Brittle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let balance = i64::deserialize(deserializer)?;
        assert_ne!(balance, 20, "unreadable");
        Ok(Self(balance))
    }
}

/// An account that is remembered at each ten, and whose policy panics at 5.
struct Unlucky;

impl Aggregate for Unlucky {
    const CATEGORY: &'static str = Account::CATEGORY;
    const SNAPSHOTS: SnapshotPolicy<Brittle> = SnapshotPolicy::when(
        |Brittle(balance), before, after| {
            assert!(before < after && *balance != 5, "unlucky");
            *balance % 10 == 0
        },
        1,
    );
    type State = Brittle;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = NotEnough;
    type Environment = ();

    fn decide(Brittle(balance): &Brittle, command: &AccountCommand, (): &()) -> Result<Vec<AccountEvent>, NotEnough> {
        Account::decide(balance, command, &())
    }

    fn apply(Brittle(balance): &mut Brittle, event: &AccountEvent) {
        Account::apply(balance, event);
    }
}

#[tokio::test]
async fn panics_of_the_policy_and_of_the_states_own_encoding_fail_no_command() {
    let world = World::new();
    let store = world.store::<Unlucky>();
    for _ in 0..20 {
        send(&store, Deposit(1)).await;
        assert_eq!(failure(&store), None);
    }
    assert_eq!(world.saves(), [20], "at 10 it could not be written");
    let again = world.store::<Unlucky>();
    load(&again).await;
    assert_eq!(
        again.state(|account| account.state().0),
        20,
        "replayed, as it could not be read"
    );
    assert_eq!(world.read_from().last(), Some(&Some(1)));
    assert_eq!(world.saves(), [20, 20], "and replaced");
}
