//! What scenarios prove.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use composable_rust_core::{Clock, Codec, Encoding, IdGenerator, SerializedEvent, Version};
use composable_rust_testing::{FixedClock, History, Scenario, SequentialIds};
use uuid::Uuid;

use crate::domain::{
    Account,
    AccountCommand::{Close, Deposit, Withdraw},
    AccountRejection, AccountState, account, closed, deposited, with_ids, withdrawn,
};

const FIRST: &str = "00dc6acf-ac00-7000-8000-000000000001";

#[test]
fn a_chain_goes_on_from_what_each_command_has_led_to() {
    let after = account(10)
        .when(Deposit(5))
        .then([deposited(5)])
        .state(|account| assert_eq!(account.cents, 15))
        .and_when(Withdraw(16))
        .then_rejected(&AccountRejection::Overdrawn { missing: 1 })
        .and_when(Withdraw(15))
        .then([withdrawn(15)])
        .then_state(&AccountState::default())
        .and_when(Withdraw(1))
        .then_rejected_saying("1 cents are missing");
    assert_eq!(after.version(), Version::from(3));
    assert_eq!(after.decision(), Err(&AccountRejection::Overdrawn { missing: 1 }));
}

#[test]
fn time_stands_still_until_it_passes_and_ids_count_from_1() {
    account(10)
        .when(Close)
        .then([withdrawn(10), closed("2000-01-01T00:00:00+00:00", FIRST)]);
    Scenario::<Account>::given([])
        .later(Duration::from_mins(1))
        .when(Deposit(0))
        .later(Duration::from_secs(1))
        .and_when(Close)
        .then([closed("2000-01-01T00:01:01+00:00", FIRST)])
        .and_when(Close)
        .then_nothing();
}

#[test]
fn a_setting_chooses_the_time_and_the_environment() {
    let noon = FixedClock::START + Duration::from_hours(12);
    with_ids(Arc::new(SequentialIds::series(7)))
        .at(noon)
        .asked_once()
        .given([])
        .when(Close)
        .then([closed(
            "2000-01-01T12:00:00+00:00",
            "00dc6acf-ac07-7000-8000-000000000001",
        )]);
    let frozen: Arc<dyn Clock> = Arc::new(FixedClock::at(noon));
    Scenario::<Account>::with(|fixed| (frozen, fixed.ids()))
        .given([])
        .when(Close)
        .then([closed("2000-01-01T12:00:00+00:00", FIRST)]);
}

#[test]
fn time_that_passes_beyond_the_end_of_time_stays_there() {
    let after = Scenario::<Account>::given([]).later(Duration::MAX).when(Close);
    assert!(after.decision().is_ok());
}

#[test]
fn a_decision_that_draws_ids_may_be_asked_again() {
    account(0)
        .when(Close)
        .then([closed("2000-01-01T00:00:00+00:00", FIRST)]);
}

#[test]
fn an_environment_that_counts_is_asked_once_if_the_test_says_so() {
    struct Counting(AtomicU64);
    impl IdGenerator for Counting {
        fn uuid(&self) -> Uuid {
            Uuid::from_u64_pair(0, self.0.fetch_add(1, Ordering::Relaxed))
        }
    }
    let ids = Arc::new(Counting(AtomicU64::new(0)));
    with_ids(Arc::clone(&ids) as Arc<dyn IdGenerator>)
        .asked_once()
        .given([])
        .when(Close)
        .then([closed("2000-01-01T00:00:00+00:00", &Uuid::nil().to_string())]);
    assert_eq!(ids.0.load(Ordering::Relaxed), 1);
}

#[test]
fn old_events_are_given_as_they_are_stored() {
    let data = Codec::BINCODE.encode(&vec![5_u64, 7]).unwrap();
    let moved = SerializedEvent::new(SequentialIds::series(9).event_id(), "Moved.v1", Encoding::BINCODE, data);
    let history = History::of::<Account>("ada").serialized(moved).event(&deposited(1));
    let scenario = Scenario::<Account>::given_history(&history);
    assert_eq!(scenario.version(), Version::from(2));
    scenario
        .state(|account| assert_eq!(account.cents, 13))
        .when(Withdraw(13))
        .then([withdrawn(13)])
        .then_state(&AccountState::default());
}

#[test]
fn events_without_equality_can_be_looked_at() {
    let outcome = account(1).when(Withdraw(1));
    assert!(matches!(outcome.decision(), Ok([event]) if *event == withdrawn(1)));
}

#[test]
fn a_history_can_be_told_by_commands_and_those_that_are_rejected_change_nothing() {
    let scenario = account(10)
        .after([Withdraw(11), Deposit(1), Withdraw(11)])
        .survives_a_restart();
    assert_eq!(scenario.history(), [deposited(10), deposited(1), withdrawn(11)]);
    assert_eq!((scenario.version(), scenario.current().cents), (Version::from(3), 0));
    scenario
        .when(Withdraw(1))
        .then_rejected(&AccountRejection::Overdrawn { missing: 1 });
}
