//! What a test of a reducer looks like.

use composable_rust_testing::{Exhaustivity, TestStore, TestStoreBuilder};

use crate::shop::{Action, SECOND, Shop, Shopping, paid, placed, shop};

#[test]
fn a_test_asserts_each_action_and_each_change() {
    let mut store = paid();
    store.receive(Action::PaymentTaken { amount: 50 }, |shop| {
        shop.paid = 50;
        "paid".clone_into(&mut shop.status);
    });
    store.receive(Action::Shipped, |shop| "shipped".clone_into(&mut shop.status));
    assert_eq!(store.state().paid, 50);
    store.finish();
}

#[tokio::test]
async fn it_is_the_same_in_a_runtime() {
    a_test_asserts_each_action_and_each_change();
}

#[test]
fn actions_can_be_received_by_a_pattern() {
    let mut store = paid();
    let taken = |action: &Action| matches!(action, Action::PaymentTaken { amount } if *amount > 10);
    store.receive_matching(taken, |shop| {
        shop.paid = 50;
        "paid".clone_into(&mut shop.status);
    });
    store.skip_received();
    store.finish();
}

#[test]
fn an_action_that_changes_nothing_asserts_nothing() {
    let mut store = shop();
    store.send(Action::Look, |_| {});
    store.finish();
}

#[test]
fn a_cancelled_effect_brings_nothing_and_runs_no_longer() {
    let mut store = placed();
    store.send(Action::Cancel, |shop| "cancelled".clone_into(&mut shop.status));
    store.advance(SECOND * 10);
    store.finish();
}

#[test]
fn effects_that_never_end_can_be_let_run() {
    let mut store = shop();
    store.send(Action::Listen, |_| {});
    store.skip_in_flight();
    store.finish();
}

#[test]
fn what_was_received_can_be_skipped_and_counts_as_asserted() {
    let mut store = paid();
    store.skip_received();
    assert_eq!(store.state().status, "shipped");
    store.finish();
}

#[test]
fn without_exhaustivity_a_test_asserts_what_it_likes_to() {
    let mut store = TestStore::builder(Shopping, Shop::default(), ())
        .exhaustivity(Exhaustivity::Off)
        .build();
    store.send(Action::Place { amount: 50 }, |_| {});
    store.send(Action::Listen, |_| {});
    store.advance(SECOND * 3);
    store.receive(Action::Shipped, |shop| shop.paid = 50);
    assert_eq!(store.skipped(), [""; 0]);
    store.finish();
}

#[test]
fn without_exhaustivity_what_is_not_received_is_passed_over_by_the_next_send() {
    let mut store = paid();
    store.set_exhaustivity(Exhaustivity::Off);
    store.send(Action::Look, |shop| "shipped".clone_into(&mut shop.status));
    store.finish();
}

#[test]
fn what_was_skipped_is_shown_on_request() {
    let mut store = TestStore::builder(Shopping, Shop::default(), ())
        .exhaustivity(Exhaustivity::OffShowingSkipped)
        .build();
    store.send(Action::Place { amount: 50 }, |_| {});
    store.advance(SECOND * 3);
    store.receive(Action::Shipped, |_| {});
    let skipped = store.skipped().join("\n");
    assert_eq!(
        skipped,
        "\
send(Place { amount: 50 }) changed the state:
  Shop {
-     status: \"\",
+     status: \"placed\",
      paid: 0,
receive(Shipped): PaymentTaken { amount: 50 } was not received
PaymentTaken { amount: 50 } changed the state:
  Shop {
-     status: \"placed\",
-     paid: 0,
+     status: \"paid\",
+     paid: 50,
      reminders: [],
receive(Shipped) changed the state:
  Shop {
-     status: \"paid\",
+     status: \"shipped\",
      paid: 50,"
    );
    store.finish();
}

#[test]
fn a_part_of_the_state_can_be_what_is_asserted() {
    let builder = TestStoreBuilder::with_view(Shopping, Shop::default(), (), |shop| shop.paid);
    let mut store = builder.build();
    store.send(Action::Place { amount: 50 }, |_| {});
    store.advance(SECOND * 3);
    store.receive(Action::PaymentTaken { amount: 50 }, |paid| *paid = 50);
    store.receive(Action::Shipped, |_| {});
    store.finish();
}
