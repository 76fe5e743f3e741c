//! What a scenario finds out about an aggregate that could not be trusted with a store.

use std::sync::atomic::{AtomicU64, Ordering};

use composable_rust_testing::Scenario;

use crate::{
    odd::{
        Decide, Odd,
        OddEvent::{Counted, Large, Rounded, Unencodable, Unequal},
        Refused, decide, odd,
    },
    said::{assert_points_here, said},
};

const TWICE: &str = "help: after a conflict a command is decided again: `decide` must be a function of state, command and \
                     environment, and take time and ids from the environment; if it is the test's own environment that \
                     counts, see `Setting::asked_once`";

/// Decides what follows from how often it was asked.
fn counting(answer: impl Fn(u64) -> Result<Vec<crate::odd::OddEvent>, Refused> + Send + Sync + 'static) -> Decide {
    let asked = AtomicU64::new(0);
    decide(move |_| answer(asked.fetch_add(1, Ordering::Relaxed)))
}

#[test]
fn a_given_event_that_can_not_be_stored_is_named() {
    let message = said(|| Scenario::<Odd>::given([Counted(1), Unencodable]));
    assert_eq!(
        message,
        "given event 2 (Unencodable.v1) can't be stored

an event of 5 bytes is too large: at most 4 are allowed

help: see the event's `encode` and `decode`, and what its fields' serde attributes do in its encoding"
    );
    assert_points_here(|| Scenario::<Odd>::given([Unencodable]));
}

#[test]
fn a_decided_event_that_can_not_be_stored_is_named() {
    let message = said(|| odd().when(decide(|_| Ok(vec![Unencodable]))));
    assert!(
        message.starts_with("command 1: event 1 (Unencodable.v1) can't be stored\n\nan event of 5 bytes"),
        "{message}"
    );
    assert_points_here(|| odd().when(decide(|_| Ok(vec![Unencodable]))));
}

#[test]
fn events_beyond_the_limits_of_every_store_are_refused() {
    let message = said(|| odd().when(decide(|_| Ok((0..100_001).map(Counted).collect()))));
    assert_eq!(
        message,
        "no store takes the 100001 events of command 1

100001 exceeds the limit of 100000 events an append

help: keep within the limits of `Limit`: split what one command does, or keep large content elsewhere"
    );
    let message = said(|| Scenario::<Odd>::given([Large(17 << 20)]));
    assert!(message.starts_with("no store takes the given 1 event\n"), "{message}");
}

#[test]
fn an_event_that_is_read_as_something_else_is_shown_by_what_differs() {
    let message = said(|| {
        odd()
            .when(decide(|_| Ok(vec![Counted(1), Rounded(15)])))
            .then([Counted(1), Rounded(15)])
    });
    assert_eq!(
        message,
        "command 1: the stored Rounded.v1 (version 2) is read as something else (- decided, + read)

      Rounded(
-         15,
+         10,
      ),

help: decide only what can be stored, such as times in whole microseconds; or fix the event's `encode` and `decode`"
    );
}

#[test]
fn a_state_that_is_another_one_after_a_restart_is_shown() {
    let message = said(|| odd().when(decide(|_| Ok(vec![Rounded(15)]))).then_state(&15));
    assert_eq!(
        message,
        "the state after command 1 is another one after a restart (- before, + after)

- 15
+ 10

help: decide only what can be stored, such as times in whole microseconds; `apply` must use nothing but the state and the event"
    );
}

#[test]
fn commands_that_do_not_survive_a_restart_are_found() {
    let rounded = || decide(|_| Ok(vec![Rounded(15)]));
    let message = said(|| odd().after([rounded(), rounded()]).survives_a_restart());
    assert!(
        message.starts_with(
            "the state after what has happened is another one after a restart (- before, + after)\n\n- 30\n+ 20"
        ),
        "{message}"
    );
}

#[test]
fn a_decision_that_answers_otherwise_when_asked_again_is_found() {
    let rejected = counting(|asked| {
        if asked == 0 {
            Ok(vec![Counted(1), Rounded(10)])
        } else {
            Err(Refused("asked already".to_owned()))
        }
    });
    assert_eq!(
        said(|| odd().when(rejected)),
        format!(
            "command 1 is decided otherwise when it is asked for again

first: 2 events Counted.v1, Rounded.v1
again: rejected, since asked already

{TWICE}"
        )
    );
    let reason = counting(|asked| Err(Refused(format!("asked {asked} times"))));
    let message = said(|| odd().when(reason));
    assert!(
        message.contains("first: rejected, since asked 0 times\nagain: rejected, since asked 1 times"),
        "{message}"
    );
    let fewer = counting(|asked| Ok((asked..1).map(Counted).collect()));
    let message = said(|| odd().when(fewer));
    assert!(
        message.contains("first: 1 event Counted.v1\nagain: no events"),
        "{message}"
    );
}

#[test]
fn events_that_differ_when_asked_again_are_shown_by_what_differs() {
    let message = said(|| {
        odd()
            .when(counting(|asked| Ok(vec![Counted(asked)])))
            .then([Counted(0)])
    });
    assert_eq!(
        message,
        format!(
            "command 1 is decided otherwise when it is asked for again

(- first, + again)
      Counted(
-         0,
+         1,
      ),

{TWICE}"
        )
    );
}

#[test]
fn events_that_are_shown_alike_and_differ_are_said_to_be_so() {
    let message = said(|| odd().when(decide(|_| Ok(vec![Unequal]))).then([Unequal]));
    assert!(
        message.contains(
            "both are shown as:\n[\n    Unequal,\n]\nbut `==` says that they differ: look at their `PartialEq` and `Debug`"
        ),
        "{message}"
    );
}

#[test]
fn what_can_not_be_repeated_is_told_before_what_was_not_expected() {
    let message = said(|| {
        odd()
            .when(counting(|asked| Ok(vec![Counted(asked)])))
            .then([Counted(7)])
    });
    assert!(message.starts_with("command 1 is decided otherwise when"), "{message}");
    let message = said(|| odd().when(decide(|_| Ok(vec![Rounded(15)]))).then([Rounded(10)]));
    assert!(message.starts_with("command 1: the stored Rounded.v1"), "{message}");
}
