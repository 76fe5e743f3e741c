//! Effects of any depth, performed on a small stack.

#![expect(clippy::indexing_slicing, reason = "a helper of tests")]

use std::time::Duration;

use composable_rust_core::{CancelId, Effect, InFlight};

use crate::support::{Do, notes, scripts};

const DEEP: u64 = 1_000_000;

type Step = fn(Effect<Do>, u64) -> Effect<Do>;

/// Every way to make an effect of another one, in both directions where there are two.
const STEPS: [(&str, Step); 11] = [
    ("merge to the left", |inner, _| inner.merge(nothing())),
    ("merge to the right", |inner, _| nothing().merge(inner)),
    ("then to the left", |inner, _| inner.then(nothing())),
    ("then to the right", |inner, _| nothing().then(inner)),
    ("race to the left", |inner, _| Effect::race([inner, later()])),
    ("race to the right", |inner, _| Effect::race([later(), inner])),
    ("delay", |inner, _| inner.delay(Duration::ZERO)),
    ("label", |inner, _| inner.label("label")),
    ("cancellable", |inner, k| {
        inner.cancellable(CancelId::from("id").key(k), InFlight::Replace)
    }),
    ("the same id", |inner, _| inner.cancellable("id", InFlight::Replace)),
    ("all of them", |inner, k| {
        let (_, step) = STEPS[usize::try_from(k).unwrap() % (STEPS.len() - 1)];
        step(inner, k)
    }),
];

/// Brings no action.
fn nothing() -> Effect<Do> {
    Effect::cancel("nothing")
}

/// Never ends by itself.
fn later() -> Effect<Do> {
    Effect::task(std::future::pending())
}

/// Builds, performs and drops an effect of so many levels, on a thread with a stack of 2 MiB.
fn perform(step: Step, depth: u64) {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (store, _) = scripts();
            let start = Do::then("start", move || (0..depth).fold(Effect::emit(Do::note("end")), step));
            store.send(start).await.unwrap().settled().await.unwrap();
            assert_eq!(notes(&store), "start end");
            assert_eq!((store.running(), store.remembered()), (vec![], 0));
        });
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap();
    thread.join().unwrap();
}

/// As [`perform`], of an effect that is cancelled while it runs.
fn cancel(step: Step, depth: u64) {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (store, _) = scripts();
            let start = Do::then("start", move || {
                let deep = (0..depth).fold(Effect::task(std::future::pending()), step);
                Effect::race([deep, later()]).cancellable("all", InFlight::Keep)
            });
            let handle = store.send(start).await.unwrap();
            tokio::task::yield_now().await;
            store
                .dispatch(Do::then("cancel", || Effect::cancel("all")))
                .await
                .unwrap();
            handle.settled().await.unwrap();
            assert_eq!((store.running(), store.remembered()), (vec![], 0));
        });
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap();
    thread.join().unwrap();
}

/// Each way alone at a tenth of the depth, which overflows a stack as well where anything is recursive.
fn each_way(work: fn(Step, u64)) {
    for (_, step) in STEPS {
        work(step, DEEP / 10);
    }
}

#[test]
fn an_effect_of_a_million_levels_is_performed() {
    let [.., (_, mixed)] = STEPS;
    perform(mixed, DEEP);
}

#[test]
fn an_effect_that_nests_in_one_way_only_is_performed() {
    each_way(perform);
}

#[test]
fn an_effect_of_a_million_levels_is_cancelled() {
    let [.., (_, mixed)] = STEPS;
    cancel(mixed, DEEP);
}

#[test]
fn an_effect_that_nests_in_one_way_only_is_cancelled() {
    each_way(cancel);
}
