//! The failure messages that `docs/testing.md` shows are the ones that a failing test prints.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use composable_rust::{
    SerializedEvent,
    prelude::*,
    testing::{FaultyEventStore, Scenario, TestStore},
};
use futures::executor::block_on;

const GUIDE: &str = include_str!("../../docs/testing.md");

#[track_caller]
fn is_shown(message: &str) {
    let block = format!("```text\n{message}\n```");
    assert!(GUIDE.contains(&block), "docs/testing.md does not show:\n{message}");
}

fn failure(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[derive(Debug, PartialEq, Event)]
enum AccountEvent {
    #[event("MoneyDeposited.v1")]
    Deposited { cents: u64 },
    #[event("MoneyWithdrawn.v1")]
    Withdrawn { cents: u64 },
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{missing} cents are missing")]
struct Overdrawn {
    missing: u64,
}

/// As far as the guide's scenario goes.
struct Account;

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    type State = u64;
    type Command = u64;
    type Event = AccountEvent;
    type Rejection = Overdrawn;
    type Environment = ();

    fn decide(balance: &u64, cents: &u64, (): &()) -> Result<Vec<AccountEvent>, Overdrawn> {
        match cents.checked_sub(*balance) {
            Some(missing) if missing > 0 => Err(Overdrawn { missing }),
            _ => Ok(vec![AccountEvent::Withdrawn { cents: *cents }]),
        }
    }

    fn apply(balance: &mut u64, event: &AccountEvent) {
        match event {
            AccountEvent::Deposited { cents } => *balance += cents,
            AccountEvent::Withdrawn { cents } => *balance -= cents,
        }
    }
}

#[test]
fn the_guide_shows_what_a_scenario_says() {
    is_shown(&failure(|| {
        let _ = Scenario::<Account>::given([AccountEvent::Deposited { cents: 50 }])
            .when(51)
            .then([AccountEvent::Withdrawn { cents: 51 }]);
    }));
}

#[derive(Clone, Debug, PartialEq)]
enum Payment {
    Charge,
    Declined,
}

/// The guide's payment, declined.
struct Declining;

impl Reducer for Declining {
    type State = ();
    type Action = Payment;
    type Environment = ();

    fn reduce(&self, (): &mut (), action: &Payment, (): &()) -> Effect<Payment> {
        match action {
            Payment::Charge => Effect::task(async { Payment::Declined }).label("charge the card"),
            Payment::Declined => Effect::emit(Payment::Charge)
                .delay(Duration::from_secs(3))
                .label("pause"),
        }
    }
}

#[test]
fn the_guide_shows_what_a_test_store_says() {
    is_shown(&failure(|| {
        let mut store = TestStore::new(Declining, (), ());
        store.send(Payment::Charge, |()| {});
        store.receive(Payment::Declined, |()| {});
        store.receive(Payment::Charge, |()| {});
    }));
}

fn withdrawn() -> Vec<SerializedEvent> {
    vec![SerializedEvent::encode(&AccountEvent::Withdrawn { cents: 1 }, SystemIds.event_id()).unwrap()]
}

#[test]
fn the_guide_shows_what_a_script_says_that_was_not_met() {
    let store = FaultyEventStore::new(InMemoryEventStore::new())
        .nth_append(3)
        .fails_after_commit();
    for _ in 0..2 {
        let append = store.append_events("account-1".parse().unwrap(), ExpectedVersion::Any, withdrawn());
        block_on(append).unwrap();
    }
    is_shown(&failure(|| store.assert_script_met()));
}

#[test]
fn the_guide_shows_what_a_seed_says() {
    let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 42)
        .nth_append(1)
        .fails_before_commit()
        .nth_read(4)
        .fails_after(2);
    let stream: StreamId = "counter-1".parse().unwrap();
    for expected in [ExpectedVersion::Any; 4] {
        let _fails_at_first = block_on(store.append_events(stream.clone(), expected, withdrawn()));
    }
    for _ in 0..4 {
        let _fails_at_last = block_on(store.load_events(stream.clone(), None));
    }
    is_shown(&store.report());
    let error = "append 1 to counter-1 fails before its commit,\ninjected by FaultyEventStore::seeded(store, 42)";
    assert!(GUIDE.contains(error));
}
