//! Every kind of failure, word by word.

use composable_rust_testing::{ImmediateClock, TestStore, UnimplementedClock};

use crate::{
    said::{assert_points_here, said},
    shop::{Action, SECOND, Shop, Shopping, paid, placed, shop},
};

#[test]
fn every_failure_points_to_the_line_of_the_test() {
    assert_points_here(|| shop().send(Action::Place { amount: 50 }, |_| {}));
    assert_points_here(|| paid().receive(Action::Shipped, |_| {}));
    assert_points_here(|| paid().receive_matching(|_| false, |_| {}));
    assert_points_here(|| shop().skip_received());
    assert_points_here(|| shop().skip_in_flight());
    assert_points_here(|| placed().finish());
    assert_points_here(|| shop().send(Action::Stumble, |_| {}));
    assert_points_here(|| shop().send(Action::Burn, |_| {}));
}

#[test]
fn a_change_that_was_not_asserted() {
    let message = said(|| shop().send(Action::Place { amount: 50 }, |_| {}));
    assert_eq!(
        message,
        r#"send(Place { amount: 50 }): it changed the state, which was not asserted

  - asserted, + actual:
      Shop {
    -     status: "",
    +     status: "placed",
          paid: 0,

help: assert the change in the closure, or prevent it"#
    );
}

#[test]
fn a_change_that_did_not_happen() {
    let message = said(|| shop().send(Action::Look, |shop| shop.paid = 1));
    assert_eq!(
        message,
        r#"send(Look): it did not change the state, which was asserted

  - asserted, + actual:
          status: "",
    -     paid: 1,
    +     paid: 0,
          reminders: [],

help: assert nothing, or let the reducer change the state"#
    );
}

#[test]
fn another_change_than_asserted() {
    let message = said(|| {
        paid().receive(Action::PaymentTaken { amount: 50 }, |shop| {
            shop.paid = 40;
            "paid".clone_into(&mut shop.status);
        });
    });
    assert_eq!(
        message,
        r#"receive(PaymentTaken { amount: 50 }): it changed the state in another way than asserted

  - asserted, + actual:
          status: "paid",
    -     paid: 40,
    +     paid: 50,
          reminders: [],

help: assert what differs, or let the reducer do so"#
    );
}

#[test]
fn a_value_that_the_state_does_not_have_without_exhaustivity() {
    let message = said(|| {
        let mut store = paid();
        store.set_exhaustivity(composable_rust_testing::Exhaustivity::Off);
        store.receive(Action::Shipped, |shop| shop.paid = 40);
    });
    assert_eq!(
        message,
        r#"receive(Shipped): the state is not as asserted

  - asserted, + actual:
          status: "shipped",
    -     paid: 40,
    +     paid: 50,
          reminders: [],

help: assert the values that the state has after this action"#
    );
}

#[test]
fn a_send_before_what_came_was_received() {
    let message = said(|| paid().send(Action::Look, |_| {}));
    assert_eq!(
        message,
        "\
send(Look): 2 actions came before it and must be received first

  received, in this order:
    PaymentTaken { amount: 50 }
    Shipped

help: receive PaymentTaken { amount: 50 } before this one, or skip_received()"
    );
}

#[test]
fn the_wrong_order() {
    let message = said(|| paid().receive(Action::Shipped, |_| {}));
    assert_eq!(
        message,
        "\
receive(Shipped): PaymentTaken { amount: 50 } came first

  received, in this order:
    PaymentTaken { amount: 50 }
    Shipped

help: receive PaymentTaken { amount: 50 } before this one"
    );
}

#[test]
fn another_action_than_expected() {
    let message = said(|| paid().receive(Action::PaymentTaken { amount: 40 }, |_| {}));
    assert_eq!(
        message,
        "\
receive(PaymentTaken { amount: 40 }): PaymentTaken { amount: 50 } was received instead

  - asserted, + actual:
      PaymentTaken {
    -     amount: 40,
    +     amount: 50,
      }

help: receive PaymentTaken { amount: 50 } before this one, or expect it in its place"
    );
}

#[test]
fn nothing_that_matches() {
    let message = said(|| paid().receive_matching(|action| matches!(action, Action::Cancel), |_| {}));
    assert_eq!(
        message,
        "\
receive_matching(…): none of the actions received matches

  received, in this order:
    PaymentTaken { amount: 50 }
    Shipped

help: receive PaymentTaken { amount: 50 } before this one"
    );
}

#[test]
fn nothing_was_received_since_the_clock_stands() {
    let message = said(|| placed().receive(Action::Shipped, |_| {}));
    assert_eq!(
        message,
        "\
receive(Shipped): nothing was received

  effects that run:
    `charge card`, started by Place { amount: 50 }: sleeps on the clock for another 3 s

help: advance the clock by at least 3 s, before this"
    );
}

#[test]
fn nothing_was_received_and_nothing_runs() {
    let message = said(|| shop().receive(Action::Shipped, |_| {}));
    assert_eq!(
        message,
        "\
receive(Shipped): nothing was received

help: look at what the reducer returns: no effect is running that could bring an action"
    );
}

#[test]
fn nothing_was_received_and_nothing_can_be() {
    let message = said(|| {
        let mut store = shop();
        store.send(Action::Listen, |_| {});
        store.receive(Action::Shipped, |_| {});
    });
    assert_eq!(
        message,
        "\
receive(Shipped): nothing was received

  effects that run:
    `listen`, started by Listen: waits for something that will never happen

help: bring about what the effects wait for"
    );
}

#[test]
fn actions_that_were_not_received_at_the_end() {
    let message = said(|| paid().finish());
    assert_eq!(
        message,
        "\
finish(): 2 actions were not received

  not received, in this order:
    PaymentTaken { amount: 50 }
    Shipped

help: receive PaymentTaken { amount: 50 }, or skip_received()"
    );
}

#[test]
fn effects_that_run_at_the_end() {
    let message = said(|| {
        let mut store = placed();
        store.send(Action::Remind, |_| {});
        store.advance(SECOND / 2);
        store.send(Action::Listen, |_| {});
        store.finish();
    });
    assert_eq!(
        message,
        "\
finish(): 3 effects are still running

  effects that run:
    `charge card`, started by Place { amount: 50 }: sleeps on the clock for another 2.5 s
    `reminders`, started by Remind: sleeps on the clock for another 500 ms
    `listen`, started by Listen: waits for something that will never happen

help: advance the clock by at least 500 ms; or cancel it; or skip_in_flight()"
    );
}

#[test]
fn nothing_to_skip() {
    assert_eq!(
        said(|| placed().skip_received()),
        "\
skip_received(): nothing was received that could be skipped

  effects that run:
    `charge card`, started by Place { amount: 50 }: sleeps on the clock for another 3 s

help: leave this out, or let the effects run that bring something before it"
    );
    assert_eq!(
        said(|| shop().skip_in_flight()),
        "\
skip_in_flight(): no effect is running that could be skipped

help: leave this out: every effect has come to its end"
    );
}

#[test]
fn a_reducer_that_panics() {
    let message = said(|| shop().send(Action::Stumble, |_| {}));
    assert_eq!(
        message,
        "\
the reducer panicked on Stumble

  it said:
    a stone in the way

help: let the reducer handle this action; in production its store would have stopped here"
    );
}

#[test]
fn an_effect_that_panics() {
    let message = said(|| shop().send(Action::Burn, |_| {}));
    assert_eq!(
        message,
        "\
an effect panicked

  it said:
    `burn`, started by Burn: too hot

help: turn what can fail into an action; in production this effect would have ended without one"
    );
}

#[test]
fn an_effect_that_spins() {
    let message = said(|| shop().send(Action::Spin, |_| {}));
    assert_eq!(
        message,
        "\
an effect is woken again and again, and never comes to rest

  effects that run:
    `future`, started by Spin

help: look for a future that wakes itself while it waits for something"
    );
}

#[test]
fn a_clock_that_nobody_may_use() {
    let message = said(|| {
        let builder = TestStore::builder(Shopping, Shop::default(), ());
        let mut store = builder.clock(UnimplementedClock::new()).build();
        store.send(Action::Place { amount: 50 }, |_| {});
    });
    assert_eq!(
        message,
        "\
an effect panicked

  it said:
    `charge card`, started by Place { amount: 50 }: UnimplementedClock: sleep(3s) was called, but this test was to need \
no clock

    help: if time matters here, give the test a TestClock and advance it; if only the result does, an \
ImmediateClock

help: turn what can fail into an action; in production this effect would have ended without one"
    );
}

#[test]
fn a_clock_that_cannot_be_moved() {
    let message = said(|| {
        let builder = TestStore::builder(Shopping, Shop::default(), ());
        builder.clock(ImmediateClock::new()).build().advance(SECOND);
    });
    assert_eq!(
        message,
        "\
advance(1s): the clock of this store can't be moved

help: build the store with a TestClock; on tokio's paused time, await elapse() instead"
    );
}

#[test]
fn a_time_of_tokio_that_is_not_there() {
    assert_eq!(
        said(|| drop(shop().elapse(SECOND))),
        "\
elapse(1s): there is no time of tokio outside of its runtime

help: make this a `#[tokio::test(start_paused = true)]`; or advance() the clock of the store"
    );
}
