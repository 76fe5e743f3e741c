//! R14 and R15: who sees the state, and dispatching from where it is held.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use composable_rust_core::Effect;
use composable_rust_runtime::{Store, SubscriptionEnd};
use futures::{FutureExt, StreamExt};

use crate::support::{Do, SECOND, Scripted, notes, scripts};

#[tokio::test]
async fn the_first_value_is_what_is_now() {
    let (store, _) = scripts();
    store.dispatch(Do::note("before")).await.unwrap();
    let mut count = store.subscribe(Vec::len);
    assert_eq!(count.next().await, Some(1));
    assert_eq!(count.next().now_or_never(), None);
}

#[tokio::test]
async fn subscribers_see_the_latest_once_a_drain() {
    let (store, _) = scripts();
    let looks = Arc::<AtomicU32>::default();
    let counted = Arc::clone(&looks);
    let mut count = store.subscribe(move |notes| {
        counted.fetch_add(1, Ordering::SeqCst);
        notes.len()
    });
    assert_eq!(count.next().await, Some(0));
    let start = Do::then("start", || Effect::all((0..9).map(|_| Effect::emit(Do::note("x")))));
    store.dispatch(start).await.unwrap();
    assert_eq!(count.next().await, Some(10));
    assert_eq!(count.next().now_or_never(), None);
    assert_eq!(looks.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_unchanged_value_is_not_repeated() {
    let (store, _) = scripts();
    let mut any = store.subscribe(|notes| !notes.is_empty());
    assert_eq!(any.next().await, Some(false));
    store.dispatch(Do::note("a")).await.unwrap();
    assert_eq!(any.next().await, Some(true));
    store.dispatch(Do::note("b")).await.unwrap();
    assert_eq!(any.next().now_or_never(), None);
}

#[tokio::test]
async fn a_slow_consumer_blocks_nothing_and_sees_the_latest() {
    let (store, _) = scripts();
    let mut count = store.subscribe(Vec::len);
    for _ in 0..5_000 {
        store.dispatch(Do::note("x")).await.unwrap();
    }
    assert_eq!(count.next().await, Some(5_000));
    assert_eq!(count.next().now_or_never(), None);
}

#[tokio::test]
async fn a_waiting_consumer_is_woken() {
    let (store, _) = scripts();
    let mut count = store.subscribe(Vec::len);
    assert_eq!(count.next().await, Some(0));
    let waiting = tokio::spawn(async move { count.next().await });
    tokio::task::yield_now().await;
    store.dispatch(Do::note("a")).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_selectors_panic_ends_only_its_subscription() {
    let (store, _) = scripts();
    let mut count = store.subscribe(Vec::len);
    let mut panicking = store.subscribe(|notes| {
        assert!(notes.is_empty(), "too many");
        notes.len()
    });
    store.dispatch(Do::note("a")).await.unwrap();
    assert_eq!(panicking.next().await, Some(0));
    assert_eq!(panicking.next().await, None);
    assert_eq!(
        panicking.ended(),
        Some(SubscriptionEnd::SelectorPanicked("too many".into()))
    );
    assert_eq!((count.next().await, count.ended()), (Some(1), None));
    assert_eq!(store.fault(), None);
}

#[tokio::test]
async fn a_subscription_ends_with_the_store_and_says_why() {
    let (store, _) = scripts();
    let mut closed = store.subscribe(Vec::len);
    store.dispatch(Do::note("last")).await.unwrap();
    store.shutdown(SECOND).await;
    assert_eq!((closed.next().await, closed.next().await), (Some(1), None));
    assert_eq!(closed.ended(), Some(SubscriptionEnd::Closed));

    let (store, _) = scripts();
    let mut dropped = store.subscribe(Vec::len);
    drop(store);
    assert_eq!((dropped.next().await, dropped.next().await), (Some(0), None));
    assert_eq!(dropped.ended(), Some(SubscriptionEnd::Closed));

    let (store, _) = scripts();
    let mut faulted = store.subscribe(Vec::len);
    store.dispatch(Do::then("panic", || panic!("torn"))).await.unwrap();
    assert_eq!((faulted.next().await, faulted.next().await), (Some(0), None));
    assert!(matches!(faulted.ended(), Some(SubscriptionEnd::Faulted(_))));
    let mut late = store.subscribe(Vec::len);
    assert_eq!(late.next().await, None);
}

#[tokio::test]
async fn a_dropped_subscription_is_not_looked_for_any_more() {
    let (store, _) = scripts();
    let looks = Arc::<AtomicU32>::default();
    let counted = Arc::clone(&looks);
    let subscription = store.subscribe(move |_| counted.fetch_add(1, Ordering::SeqCst));
    drop(subscription);
    store.dispatch(Do::note("a")).await.unwrap();
    assert_eq!(looks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn dispatch_from_inside_a_look_at_the_state_only_enqueues() {
    let (store, _) = scripts();
    let during = store.state(|notes| {
        assert!(store.try_dispatch(Do::note("later")).is_ok());
        assert!(store.dispatch(Do::note("last")).now_or_never().is_some());
        notes.len()
    });
    assert_eq!(during, 0);
    assert_eq!(notes(&store), "later last");
}

#[tokio::test]
async fn dispatch_from_inside_a_reducer_only_enqueues() {
    let (store, _) = scripts();
    let inner = store.clone();
    let outer = Do::run("outer", move |notes| {
        let sent = inner.send(Do::note("sent")).now_or_never().unwrap().unwrap();
        assert!(sent.settled().now_or_never().is_none());
        assert_eq!(notes.len(), 1);
        Effect::none()
    });
    store.dispatch(outer).await.unwrap();
    assert_eq!(notes(&store), "outer sent");
}

#[tokio::test]
async fn dispatch_from_inside_a_selector_only_enqueues() {
    let (store, _) = scripts();
    let inner = store.clone();
    let mut lengths = store.subscribe(move |notes| {
        if notes.len() == 1 {
            assert!(inner.try_dispatch(Do::note("from-selector")).is_ok());
        }
        notes.len()
    });
    assert_eq!(lengths.next().await, Some(0));
    store.dispatch(Do::note("a")).await.unwrap();
    assert_eq!(notes(&store), "a from-selector");
    assert_eq!(lengths.next().await, Some(2));
}

#[tokio::test]
async fn subscribing_from_inside_a_reducer_or_a_look_does_not_wait_for_itself() {
    let (store, _) = scripts();
    let mut inside = store.state(|_| store.subscribe(Vec::len));
    assert_eq!(inside.next().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_between_many_lookers_and_callers() {
    let builder = Store::builder(Scripted, ()).capacity(8_000);
    let store = builder.build(vec![]).unwrap();
    let tasks = (0..8).map(|task| {
        let (store, runtime) = (store.clone(), tokio::runtime::Handle::current());
        tokio::task::spawn_blocking(move || {
            for _ in 0..1_000 {
                if task % 2 == 0 {
                    store.state(|_| assert!(store.try_dispatch(Do::note("x")).is_ok()));
                } else {
                    runtime.block_on(store.dispatch(Do::note("y"))).unwrap();
                }
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    futures::future::try_join_all(tasks).await.unwrap();
    // No further call is needed for what was left to others: somebody has drained.
    assert!(store.shutdown(SECOND).await.is_clean());
    assert_eq!(store.state(Vec::len), 8_000);
}
