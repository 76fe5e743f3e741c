//! R10: places in the inbox.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use composable_rust_core::Effect;
use composable_rust_runtime::{DispatchError, Store, TryDispatchError};
use futures::{FutureExt, StreamExt, stream};

use crate::support::{Do, SECOND, Scripted, Scripts, notes, scripts, settle};

fn small(capacity: usize) -> Scripts {
    Store::builder(Scripted, ()).capacity(capacity).build(vec![]).unwrap()
}

/// Runs `inside` while a reduce is under way, so that what it dispatches waits.
async fn while_reducing(store: &Scripts, inside: impl FnOnce(Scripts) -> Effect<Do> + Send + 'static) {
    let inner = store.clone();
    assert!(
        store
            .dispatch(Do::then("reducing", move || inside(inner)))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn try_dispatch_hands_the_action_back_when_all_places_are_taken() {
    let store = small(2);
    while_reducing(&store, |store| {
        assert!(store.try_dispatch(Do::note("1")).is_ok());
        assert!(store.try_dispatch(Do::note("2")).is_ok());
        let Err(TryDispatchError::Full(action)) = store.try_dispatch(Do::note("3")) else {
            panic!("taken")
        };
        Effect::emit(action)
    })
    .await;
    assert_eq!(notes(&store), "reducing 1 2 3");
    assert!(store.try_dispatch(Do::note("4")).is_ok());
}

#[tokio::test]
async fn a_place_is_free_when_its_action_is_reduced() {
    let store = small(1);
    let inner = store.clone();
    while_reducing(&store, |store| {
        let first = Do::then("first", move || {
            assert!(inner.try_dispatch(Do::note("second")).is_ok());
            assert!(inner.try_dispatch(Do::note("never")).is_err());
            Effect::none()
        });
        assert!(store.try_dispatch(first).is_ok());
        Effect::none()
    })
    .await;
    assert_eq!(notes(&store), "reducing first second");
}

#[tokio::test]
async fn dispatch_and_send_wait_for_a_place() {
    let store = small(1);
    while_reducing(&store, |store| {
        assert!(store.try_dispatch(Do::note("1")).is_ok());
        assert!(store.dispatch(Do::note("never")).now_or_never().is_none());
        assert!(store.send(Do::note("never")).now_or_never().is_none());
        let waiting = store.clone();
        tokio::spawn(async move {
            waiting.dispatch(Do::note("2")).await.unwrap();
            waiting.send(Do::note("3")).await.unwrap();
        });
        Effect::none()
    })
    .await;
    settle().await;
    assert_eq!(notes(&store), "reducing 1 2 3");
}

#[tokio::test]
async fn a_caller_that_waits_is_woken_by_a_free_place_and_by_the_end() {
    let store = small(1);
    let outcome = Arc::new(std::sync::Mutex::new(vec![]));
    let seen = Arc::clone(&outcome);
    let mut waiting = Vec::new();
    while_reducing(&store, move |store| {
        assert!(store.try_dispatch(Do::then("panic", || panic!("torn"))).is_ok());
        for name in ["1", "2"] {
            let store = store.clone();
            let mut dispatch = Box::pin(async move { store.dispatch(Do::note(name)).await });
            assert!((&mut dispatch).now_or_never().is_none());
            seen.lock().unwrap().push(dispatch);
        }
        Effect::none()
    })
    .await;
    waiting.append(&mut outcome.lock().unwrap());
    for dispatch in waiting {
        assert!(matches!(dispatch.await, Err(DispatchError::Faulted(_, _))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_caller_gets_its_place_in_a_small_inbox() {
    let store = small(1);
    let callers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..500 {
                store.dispatch(Do::note("x")).await.unwrap();
            }
        })
    });
    futures::future::try_join_all(callers).await.unwrap();
    store.shutdown(SECOND).await;
    assert_eq!(store.state(Vec::len), 4_000);
}

#[tokio::test]
async fn actions_from_effects_are_exempt() {
    let store = small(1);
    while_reducing(&store, |store| {
        assert!(store.try_dispatch(Do::note("1")).is_ok());
        Effect::all((0..5).map(|_| Effect::emit(Do::note("x")).merge(Effect::task(async { Do::note("y") }))))
    })
    .await;
    settle().await;
    assert_eq!(notes(&store), "reducing 1 x x x x x y y y y y");
}

#[tokio::test]
async fn a_stream_is_polled_again_only_after_its_last_action_was_reduced() {
    let (store, _) = scripts();
    let (made, reduced) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
    let (making, reducing) = (Arc::clone(&made), Arc::clone(&reduced));
    let ticks = stream::iter(0..100).map(move |_| {
        let number = making.fetch_add(1, Ordering::SeqCst);
        assert_eq!(number, reducing.load(Ordering::SeqCst));
        let reducing = Arc::clone(&reducing);
        Do::then("tick", move || {
            reducing.fetch_add(1, Ordering::SeqCst);
            Effect::none()
        })
    });
    let sent = store.send(Do::then("start", || Effect::stream(ticks))).await.unwrap();
    // The stream's task runs while this reduce holds the store: it may make one action, not two.
    let made_meanwhile = Arc::clone(&made);
    let (started, go) = (
        Arc::new(std::sync::Barrier::new(2)),
        Arc::new(std::sync::Barrier::new(2)),
    );
    let (inside, wait) = (Arc::clone(&started), Arc::clone(&go));
    let blocked = store.clone();
    let thread = std::thread::spawn(move || {
        let slow = Do::then("slow", move || {
            inside.wait();
            wait.wait();
            Effect::none()
        });
        assert!(blocked.try_dispatch(slow).is_ok());
    });
    started.wait();
    settle().await;
    assert_eq!(made_meanwhile.load(Ordering::SeqCst), 1);
    go.wait();
    sent.settled().await.unwrap();
    thread.join().unwrap();
    assert_eq!(
        (made.load(Ordering::SeqCst), reduced.load(Ordering::SeqCst)),
        (100, 100)
    );
    assert_eq!(store.fault(), None);
}

#[tokio::test]
async fn a_capacity_of_none_is_one() {
    let store = small(0);
    while_reducing(&store, |store| {
        assert!(store.try_dispatch(Do::note("1")).is_ok());
        assert!(store.try_dispatch(Do::note("never")).is_err());
        Effect::none()
    })
    .await;
    assert_eq!(notes(&store), "reducing 1");
}
