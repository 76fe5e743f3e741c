//! What a scenario of a sound aggregate says when it fails.

use composable_rust_core::{Encoding, IdGenerator, SerializedEvent};
use composable_rust_testing::{History, Scenario, SequentialIds};

use crate::{
    domain::{
        Account,
        AccountCommand::{Close, Deposit, Withdraw},
        AccountRejection, AccountState, account, closed, deposited, withdrawn,
    },
    said::{assert_points_here, said},
};

#[test]
fn every_failure_points_to_the_line_of_the_test() {
    assert_points_here(|| account(1).when(Deposit(1)).then([]));
    assert_points_here(|| account(1).when(Deposit(1)).then_nothing());
    assert_points_here(|| account(1).when(Deposit(1)).then_rejected(&AccountRejection::Closed));
    assert_points_here(|| account(1).when(Deposit(1)).then_rejected_saying("no"));
    assert_points_here(|| account(1).when(Deposit(1)).then_state(&AccountState::default()));
    assert_points_here(|| account(1).when(Withdraw(2)).and_when(Close));
    assert_points_here(|| account(1).when(Withdraw(2)).then([]));
    assert_points_here(|| Scenario::<Account>::given_history(&foreign()));
}

#[test]
fn other_events_are_shown_by_what_differs() {
    let message = said(|| account(10).when(Close).then([withdrawn(9), closed("2000", "1")]));
    assert_eq!(
        message,
        "command 1 does not lead to the expected events (- expected, + actual)

      Withdrawn {
-         cents: 9,
+         cents: 10,
      },
      Closed {
-         at: \"2000\",
-         receipt: \"1\",
+         at: \"2000-01-01T00:00:00+00:00\",
+         receipt: \"00dc6acf-ac00-7000-8000-000000000001\",
      },

help: if the rule is right, expect what it decides"
    );
}

#[test]
fn the_failing_command_of_a_chain_is_named() {
    let message = said(|| account(10).when(Deposit(1)).and_when(Deposit(2)).then([deposited(3)]));
    assert!(
        message.starts_with("command 2 does not lead to the expected events"),
        "{message}"
    );
}

#[test]
fn an_unexpected_rejection_says_why_and_what_was_expected() {
    let message = said(|| account(10).when(Withdraw(11)).then([withdrawn(11)]));
    assert_eq!(
        message,
        "command 1 is rejected: 1 cents are missing

expected 1 event:
[
    Withdrawn {
        cents: 11,
    },
]

help: give the scenario the history that lets the command through, or expect the rejection with `.then_rejected(...)`"
    );
}

#[test]
fn a_missing_rejection_shows_what_happens_instead() {
    let expected = AccountRejection::Overdrawn { missing: 1 };
    let message = said(|| account(10).when(Withdraw(10)).then_rejected(&expected));
    assert_eq!(
        message,
        "command 1 is not rejected: it leads to 1 event

expected the rejection:
Overdrawn {
    missing: 1,
}
actual:
[
    Withdrawn {
        cents: 10,
    },
]

help: give the scenario the history in which the command is refused, or expect the events with `.then(...)`"
    );
    let message = said(|| account(10).when(Withdraw(10)).then_rejected_saying("never"));
    assert!(message.contains("expected the rejection:\nnever\nactual:"), "{message}");
}

#[test]
fn another_rejection_is_shown_by_what_differs() {
    let expected = AccountRejection::Overdrawn { missing: 1 };
    let message = said(|| account(10).when(Withdraw(15)).then_rejected(&expected));
    assert_eq!(
        message,
        "command 1 is rejected for another reason (- expected, + actual)

  Overdrawn {
-     missing: 1,
+     missing: 5,
  }

help: give the scenario the history in which the expected reason is the first that holds, or expect this one"
    );
    let message = said(|| {
        account(10)
            .when(Withdraw(15))
            .then_rejected_saying("1 cents are missing")
    });
    assert_eq!(
        message,
        "command 1 is rejected in other words (- expected, + actual)

- 1 cents are missing
+ 5 cents are missing

help: give the scenario the history in which the expected reason is the first that holds, or expect this one"
    );
}

#[test]
fn what_happens_where_nothing_was_to_happen_is_shown() {
    let message = said(|| account(10).when(Deposit(1)).then_nothing());
    assert_eq!(
        message,
        "command 1 leads to 1 event, where nothing was to happen

[
    Deposited {
        cents: 1,
    },
]

help: decide `vec![]` where there is nothing to do, or expect the events with `.then(...)`"
    );
    let message = said(|| account(10).when(Withdraw(11)).then_nothing());
    assert!(
        message.contains("expected that nothing happens, without a rejection"),
        "{message}"
    );
}

#[test]
fn a_chain_does_not_go_on_from_a_rejection_that_nobody_expects() {
    let expected = "command 1 is rejected: 1 cents are missing

nothing was said about the rejection before the scenario goes on

help: give the scenario the history that lets the command through, or expect the rejection with `.then_rejected(...)`";
    assert_eq!(said(|| account(10).when(Withdraw(11)).and_when(Close)), expected);
    assert_eq!(said(|| account(10).when(Withdraw(11)).state(|_| ())), expected);
    let unchanged = AccountState {
        cents: 10,
        closed: false,
    };
    assert_eq!(said(|| account(10).when(Withdraw(11)).then_state(&unchanged)), expected);
}

#[test]
fn another_state_is_shown_by_what_differs() {
    let expected = AccountState {
        cents: 11,
        closed: true,
    };
    let message = said(|| account(10).when(Deposit(1)).then_state(&expected));
    assert_eq!(
        message,
        "the state after command 1 is another one (- expected, + actual)

      cents: 11,
-     closed: true,
+     closed: false,
  }

help: see `apply`; `.then(...)` before this tells whether it is the events that are not as expected"
    );
}

fn foreign() -> History {
    let id = SequentialIds::series(1).event_id();
    History::of::<Account>("ada")
        .event(&deposited(1))
        .serialized(SerializedEvent::new(id, "DoorOpened.v1", Encoding::BINCODE, vec![]))
}

#[test]
fn a_given_event_of_somebody_else_is_named() {
    let message = said(|| Scenario::<Account>::given_history(&foreign()));
    assert_eq!(
        message,
        "given event 2 (DoorOpened.v1) can't be read again

unknown event type \"DoorOpened.v1\"

help: see the event's `encode` and `decode`, and what its fields' serde attributes do in its encoding"
    );
}
