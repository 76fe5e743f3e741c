//! R7: handles of sent actions, and the last store.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use composable_rust_core::{Edge, Effect, InFlight};
use composable_rust_runtime::SettleError;
use futures::FutureExt;

use crate::{
    gated::{Gated, one_event},
    support::{Do, SECOND, advance, notes, scripts, settle},
};

fn chain(left: u32) -> Effect<Do> {
    if left == 0 {
        return Effect::none();
    }
    Effect::emit(Do::then(left.to_string(), move || chain(left - 1))).delay(SECOND)
}

#[tokio::test]
async fn settled_waits_for_effects_of_effects() {
    let (store, clock) = scripts();
    let sent = store.send(Do::then("start", || chain(3))).await.unwrap();
    advance(&clock, SECOND * 2).await;
    assert_eq!(sent.settled().now_or_never(), None);
    advance(&clock, SECOND).await;
    assert_eq!(sent.settled().now_or_never(), Some(Ok(())));
    assert_eq!(notes(&store), "start 3 2 1");
}

#[tokio::test]
async fn settled_waits_for_none_but_its_own() {
    let (store, _) = scripts();
    store.dispatch(Do::then("other", || chain(1))).await.unwrap();
    let sent = store.send(Do::note("mine")).await.unwrap();
    assert_eq!(sent.settled().now_or_never(), Some(Ok(())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_any_more_when_it_has_settled() {
    for _ in 0..300 {
        let (store, _) = scripts();
        let start = Do::then("start", || {
            Effect::task(async { Do::note("done") }).cancellable("id", InFlight::default())
        });
        store.send(start).await.unwrap().settled().await.unwrap();
        assert_eq!((store.running().len(), store.remembered()), (0, 0));
        assert_eq!(notes(&store), "start done");
    }
}

#[tokio::test]
async fn dropping_the_handle_cancels_nothing() {
    let (store, clock) = scripts();
    drop(store.send(Do::then("start", || chain(2))).await.unwrap());
    advance(&clock, SECOND * 2).await;
    assert_eq!(notes(&store), "start 2 1");
}

#[tokio::test]
async fn cancel_ends_what_the_action_set_off_and_nothing_else() {
    let (store, clock) = scripts();
    let sent = store.send(Do::then("start", || chain(3))).await.unwrap();
    store.dispatch(Do::then("other", || chain(3))).await.unwrap();
    advance(&clock, SECOND).await;
    sent.cancel();
    settle().await;
    assert_eq!(sent.settled().now_or_never(), Some(Ok(())));
    advance(&clock, SECOND * 2).await;
    assert_eq!(notes(&store), "start other 3 3 2 1");
}

#[tokio::test]
async fn cancel_ends_queued_actions_too() {
    let (store, _) = scripts();
    let handle = Arc::new(std::sync::Mutex::new(None::<composable_rust_runtime::ActionHandle>));
    let cancelling = Arc::clone(&handle);
    let start = Do::then("start", || {
        Effect::task(async { Do::note("ready") }).map(move |_| {
            let cancelling = Arc::clone(&cancelling);
            Do::then("cancel", move || {
                cancelling.lock().unwrap().as_ref().unwrap().cancel();
                Effect::emit(Do::note("never"))
            })
        })
    });
    let sent = store.send(start).await.unwrap();
    *handle.lock().unwrap() = Some(sent);
    settle().await;
    assert_eq!(notes(&store), "start cancel");
}

/// Says when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn dropping_the_last_store_ends_what_runs() {
    let (store, _) = scripts();
    let dropped = Arc::<AtomicBool>::default();
    let held = Dropped(Arc::clone(&dropped));
    let start = Do::then("start", || {
        Effect::fire_and_forget(async move {
            let _held = held;
            futures::future::pending::<()>().await;
        })
    });
    let sent = store.send(start).await.unwrap();
    let clone = store.clone();
    drop(store);
    settle().await;
    assert!(!dropped.load(Ordering::SeqCst));
    drop(clone);
    settle().await;
    assert!(dropped.load(Ordering::SeqCst));
    assert_eq!(sent.settled().await, Err(SettleError::Closed));
}

#[tokio::test]
async fn an_append_that_has_started_finishes_unheard_when_the_last_store_is_dropped() {
    let (store, _) = scripts();
    let (gated, heard) = (Gated::closed(), Arc::<AtomicBool>::default());
    let (events, hearing) = (gated.port(), Arc::clone(&heard));
    let start = Do::then("start", move || {
        Effect::append(events, one_event("s-1"), move |_| {
            Do::then("answer", move || {
                hearing.store(true, Ordering::SeqCst);
                Effect::none()
            })
        })
    });
    let sent = store.send(start).await.unwrap();
    settle().await;
    drop(store);
    gated.admit(1);
    settle().await;
    assert_eq!(gated.log(), "s-1:stored");
    assert!(!heard.load(Ordering::SeqCst));
    assert_eq!(sent.settled().await, Err(SettleError::Closed));
}

#[tokio::test]
async fn settled_tells_when_the_store_faulted_first() {
    let (store, _) = scripts();
    let sent = store.send(Do::then("start", || chain(1))).await.unwrap();
    let faulting = store.send(Do::then("panic", || panic!("torn"))).await.unwrap();
    let Err(SettleError::Faulted(fault)) = sent.settled().await else {
        panic!("it settled")
    };
    assert_eq!(fault.message(), "torn");
    assert_eq!(faulting.settled().await, Err(SettleError::Faulted(fault)));
}

#[tokio::test]
async fn settled_tells_when_the_runtime_was_gone_first() {
    let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let builder = composable_rust_runtime::Store::builder(crate::support::Scripted, ());
    let store = builder.handle(other.handle().clone()).build(vec![]).unwrap();
    let sent = store
        .send(Do::then("start", || Effect::task(futures::future::pending())))
        .await
        .unwrap();
    other.shutdown_background();
    assert_eq!(sent.settled().await, Err(SettleError::Closed));
}

#[tokio::test]
async fn what_waits_for_the_end_of_an_interval_has_not_settled() {
    let (store, clock) = scripts();
    let throttled = |name: &'static str| {
        Do::then("click", move || {
            Effect::emit(Do::note(name)).throttle("id", SECOND, Edge::default())
        })
    };
    let first = store.send(throttled("1")).await.unwrap();
    let second = store.send(throttled("2")).await.unwrap();
    assert_eq!(first.settled().now_or_never(), Some(Ok(())));
    assert_eq!(second.settled().now_or_never(), None);
    advance(&clock, SECOND).await;
    assert_eq!(second.settled().now_or_never(), Some(Ok(())));
}

#[tokio::test]
async fn what_is_cancelled_while_it_waits_for_the_end_of_an_interval_has_settled() {
    let (store, clock) = scripts();
    let held = || {
        Do::then("click", || {
            Effect::emit(Do::note("never")).throttle("id", SECOND, Edge::Latest)
        })
    };
    let by_id = store.send(held()).await.unwrap();
    store
        .dispatch(Do::then("cancel", || Effect::cancel("id")))
        .await
        .unwrap();
    settle().await;
    assert_eq!(by_id.settled().now_or_never(), Some(Ok(())));
    let by_handle = store.send(held()).await.unwrap();
    by_handle.cancel();
    settle().await;
    assert_eq!(by_handle.settled().now_or_never(), Some(Ok(())));
    assert_eq!(store.running(), [""; 0]);
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "click cancel click");
    assert_eq!(store.remembered(), 0);
}
