//! R1 and R2: what is reduced when.

use std::sync::Arc;

use crate::support::{Do, notes, scripts, settle};
use composable_rust_core::{Effect, Reducer};
use composable_rust_runtime::Store;

#[tokio::test]
async fn actions_are_reduced_in_the_order_they_entered() {
    let (store, _) = scripts();
    for name in ["1", "2", "3"] {
        store.dispatch(Do::note(name)).await.unwrap();
    }
    assert_eq!(notes(&store), "1 2 3");
}

#[tokio::test]
async fn a_reduce_never_nests() {
    let (store, _) = scripts();
    let inner = store.clone();
    let outer = Do::run("outer", move |notes| {
        assert!(inner.try_dispatch(Do::note("inner")).is_ok());
        notes.push("still-outer".into());
        Effect::none()
    });
    store.dispatch(outer).await.unwrap();
    assert_eq!(notes(&store), "outer still-outer inner");
}

#[tokio::test]
async fn emitted_actions_are_breadth_first() {
    let (store, _) = scripts();
    let leaf = |name: &str| Effect::emit(Do::note(name));
    let a = Do::then("a", move || leaf("a1").merge(leaf("a2")));
    let b = Do::then("b", move || leaf("b1"));
    let root = Do::then("root", || Effect::emit(a).merge(Effect::emit(b)));
    store.dispatch(root).await.unwrap();
    assert_eq!(notes(&store), "root a b a1 a2 b1");
}

#[tokio::test]
async fn an_emitted_action_waits_for_those_that_entered_before_the_reduce_returned() {
    let (store, _) = scripts();
    let outside = store.clone();
    let root = Do::then("root", move || {
        assert!(outside.try_dispatch(Do::note("entered")).is_ok());
        Effect::emit(Do::note("emitted"))
    });
    store.dispatch(root).await.unwrap();
    assert_eq!(notes(&store), "root entered emitted");
}

/// Counts down by emitting to itself.
struct Countdown;

impl Reducer for Countdown {
    type State = u64;
    type Action = u64;
    type Environment = ();

    fn reduce(&self, reduced: &mut u64, left: &u64, (): &()) -> Effect<u64> {
        *reduced += 1;
        if *left == 0 {
            Effect::none()
        } else {
            Effect::emit(left - 1)
        }
    }
}

#[tokio::test]
async fn a_million_self_emits_need_no_stack() {
    let store = Store::builder(Countdown, ()).build(0).unwrap();
    let sent = store.send(1_000_000).await.unwrap();
    sent.settled().await.unwrap();
    assert_eq!(store.state(|reduced| *reduced), 1_000_001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_callers_actions_keep_their_order_among_many_callers() {
    let store = Store::builder(PerCaller, ()).build(vec![0; 8]).unwrap();
    let callers = (0..8).map(|caller| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 1..=2_000 {
                store.dispatch((caller, number)).await.unwrap();
            }
        })
    });
    futures::future::try_join_all(callers).await.unwrap();
    store.shutdown(crate::support::SECOND).await;
    assert_eq!(store.fault(), None);
    assert_eq!(store.state(Clone::clone), vec![2_000; 8]);
}

/// Panics when a caller's numbers are not 1, 2, 3.
struct PerCaller;

impl Reducer for PerCaller {
    type State = Vec<u64>;
    type Action = (usize, u64);
    type Environment = ();

    fn reduce(&self, last: &mut Vec<u64>, (caller, number): &(usize, u64), (): &()) -> Effect<(usize, u64)> {
        if let Some(last) = last.get_mut(*caller) {
            assert_eq!(*last + 1, *number);
            *last = *number;
        }
        Effect::none()
    }
}

#[tokio::test]
async fn effects_start_after_their_reduce_has_committed() {
    let (store, _) = scripts();
    let reading = store.clone();
    let root = Do::run("root", move |state| {
        let effect = Effect::task(async move { Do::note(format!("saw[{}]", notes(&reading))) });
        state.push("committed".into());
        effect
    });
    store.send(root).await.unwrap().settled().await.unwrap();
    assert_eq!(notes(&store), "root committed saw[root committed]");
}

#[tokio::test]
async fn effects_start_in_the_order_they_were_returned() {
    let (store, _) = scripts();
    let order = Arc::new(std::sync::Mutex::new(vec![]));
    let log = Arc::clone(&order);
    let root = Do::then("root", move || {
        Effect::all((0..20).map(|number| {
            let log = Arc::clone(&log);
            Effect::fire_and_forget(async move { log.lock().unwrap().push(number) })
        }))
    });
    store.dispatch(root).await.unwrap();
    settle().await;
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn no_caller_reduces_for_others_without_end() {
    let store = Store::builder(Countdown, ()).build(0).unwrap();
    // Would take centuries: the caller leaves it to a task.
    store.dispatch(u64::MAX).await.unwrap();
    let reduced = store.state(|reduced| *reduced);
    assert!(reduced > 0);
    settle().await;
    assert!(store.state(|so_far| *so_far) > reduced);
}
