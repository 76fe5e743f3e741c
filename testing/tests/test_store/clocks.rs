//! Time in tests.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Clock, Edge, Effect, Reducer};
use composable_rust_runtime::SystemClock;
use composable_rust_testing::{FixedClock, ImmediateClock, TestClock, TestStore, TestStoreBuilder, UnimplementedClock};

use crate::{
    said::said,
    shop::{Action, SECOND, Shop, Shopping, shop},
};

fn with(clock: Arc<dyn Clock>) -> TestStore<Shopping> {
    TestStore::builder(Shopping, Shop::default(), ()).clock(clock).build()
}

fn receive_reminders(store: &mut TestStore<Shopping>) {
    for number in 1..=3 {
        store.receive(Action::Reminded(number), |shop| shop.reminders.push(number));
    }
}

#[test]
fn one_advance_wakes_deadline_by_deadline() {
    let mut store = shop();
    store.send(Action::Remind, |_| {});
    // Each reminder begins to sleep when the one before has come: a clock that jumped would bring only the first.
    store.advance(SECOND * 3);
    receive_reminders(&mut store);
    store.finish();
}

#[test]
fn an_advance_stops_where_it_was_told_to() {
    let mut store = shop();
    store.send(Action::Remind, |_| {});
    store.advance(Duration::from_nanos(1_999_999_999));
    store.receive(Action::Reminded(1), |shop| shop.reminders.push(1));
    store.advance(Duration::from_nanos(1));
    store.receive(Action::Reminded(2), |shop| shop.reminders.push(2));
    store.skip_in_flight();
    store.finish();
}

#[test]
fn a_run_goes_on_until_nobody_sleeps() {
    let mut store = shop();
    store.send(Action::Remind, |_| {});
    store.run();
    receive_reminders(&mut store);
    store.finish();
}

/// Ticks for ever.
struct Ticking;

impl Reducer for Ticking {
    type State = Vec<i64>;
    type Action = ();
    type Environment = TestClock;

    fn reduce(&self, ticks: &mut Vec<i64>, (): &(), clock: &TestClock) -> Effect<()> {
        ticks.push((clock.now() - FixedClock::START).num_seconds());
        Effect::emit(()).delay(SECOND).label("tick")
    }
}

#[test]
fn what_wakes_sees_the_time_of_its_own_deadline() {
    let clock = TestClock::new();
    let mut store = TestStore::builder(Ticking, vec![], clock.clone()).clock(clock).build();
    store.send((), |ticks| ticks.push(0));
    store.advance(SECOND * 5);
    for second in 1..=5 {
        store.receive((), |ticks| ticks.push(second));
    }
    store.skip_in_flight();
    store.finish();
}

#[test]
fn a_run_without_end_says_who_does_not_stop() {
    let message = said(|| {
        let mut store = TestStore::builder(Ticking, vec![], TestClock::new()).build();
        store.send((), |ticks| ticks.push(0));
        store.run();
    });
    assert_eq!(
        message,
        "\
run(): after 10000 deadlines somebody still falls asleep

  effects that run:
    `tick`, started by (): sleeps on the clock for another 1 s

help: advance the clock by as much as the test needs: this effect never ends"
    );
}

#[test]
fn actions_without_end_fail_the_test() {
    let message = said(|| {
        let builder = TestStoreBuilder::with_view(Ticking, vec![], TestClock::new(), Vec::len);
        let mut store = builder.clock(ImmediateClock::new()).build();
        store.send((), |ticks| *ticks = 1);
    });
    assert!(message.starts_with("the reducer panicked on ()"), "{message}");
    assert!(message.contains("100000 actions came without an end"), "{message}");
}

#[test]
fn an_immediate_clock_takes_no_time() {
    let mut store = with(Arc::new(ImmediateClock::new()));
    store.send(Action::Remind, |_| {});
    receive_reminders(&mut store);
    store.finish();
}

#[test]
fn sleeps_of_an_immediate_clock_that_begin_together_end_together() {
    let clock = ImmediateClock::new();
    let sleeps = [1, 3, 2].map(|seconds| clock.sleep(SECOND * seconds));
    assert_eq!(clock.now(), FixedClock::START);
    futures::executor::block_on(futures::future::join_all(sleeps));
    assert_eq!(clock.now(), FixedClock::START + SECOND * 3);
}

#[test]
fn a_fixed_clock_is_set_to_the_end_of_the_advance() {
    let mut store = TestStore::builder(Shopping, Shop::default(), ())
        .clock(FixedClock::default())
        .build();
    store.send(Action::Remind, |_| {});
    for number in 1..=3 {
        store.advance(SECOND);
        store.receive(Action::Reminded(number), |shop| shop.reminders.push(number));
    }
    store.finish();
}

#[test]
fn an_unimplemented_clock_lets_pass_what_needs_no_time() {
    let builder = TestStore::builder(Shopping, Shop::default(), ());
    let mut store = builder.clock(UnimplementedClock::new()).build();
    store.send(Action::Look, |_| {});
    store.finish();
}

#[test]
fn an_unimplemented_clock_says_which_use_it_was() {
    let now = said(|| assert!(UnimplementedClock::new().now() > FixedClock::START));
    assert_eq!(
        now,
        "\
UnimplementedClock: now() was called, but this test was to need no clock

help: if time matters here, give the test a TestClock and advance it; if only the result does, an \
ImmediateClock"
    );
    let sleep = said(|| drop(UnimplementedClock::new().sleep(SECOND)));
    assert!(sleep.starts_with("UnimplementedClock: sleep(1s) was called"), "{sleep}");
}

#[test]
fn a_use_of_an_unimplemented_clock_whose_panic_was_caught_fails_the_test_at_its_end() {
    let message = said(|| {
        let clock = UnimplementedClock::new();
        let used = clock.clone();
        let caught = std::panic::catch_unwind(move || used.now());
        assert!(caught.is_err());
        drop(clock);
    });
    assert!(message.starts_with("UnimplementedClock: now() was called"), "{message}");
}

#[test]
fn an_open_interval_of_a_throttle_is_no_running_effect() {
    struct Throttled;
    impl Reducer for Throttled {
        type State = u32;
        type Action = bool;
        type Environment = ();
        fn reduce(&self, count: &mut u32, ask: &bool, (): &()) -> Effect<bool> {
            if !ask {
                *count += 1;
                return Effect::none();
            }
            Effect::emit(false).throttle("often", SECOND, Edge::LeadingAndLatest)
        }
    }
    let mut store = TestStore::new(Throttled, 0, ());
    store.send(true, |_| {});
    store.receive(false, |count| *count = 1);
    store.send(true, |_| {});
    store.advance(SECOND);
    store.receive(false, |count| *count = 2);
    store.finish();
}

/// The same test on a clock of the kit and on tokio's paused time.
async fn the_reminders(mut store: TestStore<Shopping>, pass: impl AsyncFn(&mut TestStore<Shopping>, Duration)) {
    store.send(Action::Remind, |_| {});
    pass(&mut store, SECOND).await;
    store.receive(Action::Reminded(1), |shop| shop.reminders.push(1));
    pass(&mut store, SECOND * 2).await;
    for number in 2..=3 {
        store.receive(Action::Reminded(number), |shop| shop.reminders.push(number));
    }
    store.finish();
}

#[tokio::test]
async fn a_test_runs_on_a_test_clock() {
    the_reminders(shop(), async |store, duration| store.advance(duration)).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_test_runs_on_tokios_paused_time() {
    let store = with(Arc::new(SystemClock));
    the_reminders(store, async |store, duration| store.elapse(duration).await).await;
}

#[tokio::test(start_paused = true)]
async fn timers_of_tokio_itself_run_on_its_paused_time() {
    struct Patient;
    impl Reducer for Patient {
        type State = u32;
        type Action = bool;
        type Environment = ();
        fn reduce(&self, seconds: &mut u32, ended: &bool, (): &()) -> Effect<bool> {
            if *ended {
                *seconds += 60;
                return Effect::none();
            }
            Effect::task(async {
                let late = tokio::time::timeout(SECOND * 60, std::future::pending::<()>()).await;
                late.is_err()
            })
        }
    }
    let mut store = TestStore::new(Patient, 0, ());
    store.send(false, |_| {});
    store.elapse(SECOND * 60).await;
    store.receive(true, |seconds| *seconds = 60);
    store.finish();
}
