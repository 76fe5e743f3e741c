//! The live store and the test store reduce the same actions in the same order.

use std::sync::Arc;

use composable_rust_core::Clock;
use composable_rust_runtime::{
    __testing::{Spawn, Task},
    Store,
};
use composable_rust_testing::{Exhaustivity, TestClock, TestStore};
use proptest::prelude::*;
use tokio::runtime::{Builder, Handle};

use crate::program::{Outside, Program, Programmed, Step, micros, steps};

/// What is sent, and how long is waited after it.
type Script = Vec<(Step, u64)>;

const END: u64 = 1_000;

/// A runtime whose callers are not relieved by time: how busy the machine is would decide the order of actions.
struct Untimed(Handle);

impl Spawn for Untimed {
    fn spawn(&self, task: Task) {
        Spawn::spawn(&self.0, task);
    }

    fn is_timed(&self) -> bool {
        false
    }
}

/// Lets every task of a current-thread runtime run until it waits.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn advance(clock: &TestClock, duration: u64) {
    let end = clock.now() + micros(duration);
    while clock.next_deadline().is_some_and(|deadline| deadline <= end) {
        clock.advance_to_next();
        settle().await;
    }
    clock.advance((end - clock.now()).to_std().unwrap_or_default());
}

async fn live(script: Script) -> Vec<u8> {
    let clock = TestClock::new();
    let store = Store::builder(Programmed, Outside::new(&clock))
        .clock(Arc::new(clock.clone()))
        .run(Arc::new(Untimed(Handle::current())), vec![]);
    for (step, pause) in script {
        store.dispatch(step).await.unwrap();
        settle().await;
        advance(&clock, pause).await;
    }
    advance(&clock, END).await;
    assert_eq!(store.running(), [""; 0]);
    store.state(Clone::clone)
}

fn tested(script: Script) -> Vec<u8> {
    let clock = TestClock::new();
    let mut store = TestStore::builder(Programmed, vec![], Outside::new(&clock))
        .clock(clock)
        .exhaustivity(Exhaustivity::Off)
        .build();
    for (step, pause) in script {
        store.send(step, |_| {});
        store.advance(micros(pause));
    }
    store.advance(micros(END));
    store.send(Step { name: 0, then: None }, |_| {});
    let mut names = store.state().clone();
    names.pop();
    store.set_exhaustivity(Exhaustivity::On);
    store.finish();
    names
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_live_store_and_the_test_store_reduce_the_same_actions(
        script in prop::collection::vec((steps(), 0..6_u64), 1..4),
    ) {
        let runtime = Builder::new_current_thread().build().unwrap();
        prop_assert_eq!(runtime.block_on(live(script.clone())), tested(script));
    }
}

#[test]
fn more_actions_than_one_caller_reduces_come_in_the_same_order() {
    let step = |name| Step { name, then: None };
    let many = |from: u8| (from..=250).cycle().take(700).map(step).map(Program::Emit).collect();
    let first = Step {
        name: 0,
        then: Some(Box::new(Program::Parallel(vec![
            Program::Parallel(many(1)),
            Program::Stream(vec![step(251), step(252)]),
            Program::Ready(Step {
                name: 253,
                then: Some(Box::new(Program::Parallel(many(7)))),
            }),
        ]))),
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    let script = vec![(first, 0)];
    assert_eq!(runtime.block_on(live(script.clone())), tested(script));
}
