//! R8: how a store comes to its end.

use std::sync::Arc;

use composable_rust_core::{AppendError, Edge, Effect, EventStore};
use composable_rust_runtime::{DispatchError, SettleError, TryDispatchError};
use composable_rust_testing::Operation;
use futures::FutureExt;

use crate::{
    gated::{Gated, faultless, one_event, outcome},
    support::{Do, SECOND, advance, notes, scripts, settle},
};

fn late(name: &'static str) -> Effect<Do> {
    Effect::emit(Do::note(name)).delay(SECOND * 2)
}

#[tokio::test]
async fn new_actions_are_refused_with_the_action_handed_back() {
    let (store, _) = scripts();
    store.shutdown(SECOND).await;
    let Err(DispatchError::Closed(action)) = store.dispatch(Do::note("a")).await else {
        panic!("taken")
    };
    let Err(DispatchError::Closed(action)) = store.send(action).await else {
        panic!("taken")
    };
    let Err(TryDispatchError::Closed(_)) = store.try_dispatch(action) else {
        panic!("taken")
    };
    assert_eq!(notes(&store), "");
}

#[tokio::test]
async fn new_actions_are_refused_as_soon_as_it_has_begun() {
    let (store, _) = scripts();
    store.dispatch(Do::then("start", || late("late"))).await.unwrap();
    let mut shutdown = Box::pin(store.shutdown(SECOND));
    assert!((&mut shutdown).now_or_never().is_none());
    assert!(matches!(
        store.dispatch(Do::note("a")).await,
        Err(DispatchError::Closed(_))
    ));
}

#[tokio::test]
async fn running_effects_may_still_deliver_and_their_actions_start_effects() {
    let (store, clock) = scripts();
    let first = Do::then("first", || late("second"));
    store
        .dispatch(Do::then("start", || Effect::emit(first).delay(SECOND)))
        .await
        .unwrap();
    let (report, ()) = futures::join!(store.shutdown(SECOND * 10), advance(&clock, SECOND * 3));
    assert!(report.is_clean());
    assert_eq!(notes(&store), "start first second");
}

#[tokio::test]
async fn what_is_queued_is_drained() {
    let (store, _) = scripts();
    let blocked = store.clone();
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let inside = Arc::clone(&barrier);
    let reducing = std::thread::spawn(move || {
        let slow = Do::then("slow", move || {
            inside.wait();
            inside.wait();
            Effect::none()
        });
        assert!(blocked.try_dispatch(slow).is_ok());
    });
    barrier.wait();
    assert!(
        store
            .try_dispatch(Do::then("queued", || Effect::task(async { Do::note("its-effect") })))
            .is_ok()
    );
    let (closing, let_go) = (store.clone(), Arc::clone(&barrier));
    let shutdown = tokio::task::spawn(async move { closing.shutdown(SECOND).await });
    // Blocks this runtime's thread only after the reduce was let go.
    let_go.wait();
    assert!(shutdown.await.unwrap().is_clean());
    reducing.join().unwrap();
    assert_eq!(notes(&store), "slow queued its-effect");
}

#[tokio::test]
async fn what_is_left_at_the_deadline_is_aborted_and_reported_by_label() {
    let (store, clock) = scripts();
    let start = Do::then("start", || {
        let labelled = late("never").label("reminder");
        let pending = Effect::task(futures::future::pending());
        let throttled = late("first").throttle("id", SECOND * 60, Edge::Latest).label("click");
        labelled.merge(pending).merge(throttled)
    });
    let sent = store.send(start).await.unwrap();
    let (report, ()) = futures::join!(store.shutdown(SECOND), advance(&clock, SECOND));
    assert_eq!(report.aborted, ["reminder", "future", "click"]);
    assert_eq!(store.running(), [""; 0]);
    assert_eq!(sent.settled().await, Err(SettleError::Closed));
    advance(&clock, SECOND * 60).await;
    assert_eq!(notes(&store), "start");
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn an_idle_interval_of_a_throttle_does_not_hold_up_a_shutdown() {
    let (store, _) = scripts();
    let click = || Effect::emit(Do::note("1")).throttle("id", SECOND * 3600, Edge::Leading);
    store.dispatch(Do::then("start", click)).await.unwrap();
    assert!(store.shutdown(SECOND).await.is_clean());
    settle().await;
    assert_eq!(store.remembered(), 0);
}

fn append(store: &Arc<dyn EventStore>, stream: &'static str) -> Effect<Do> {
    let then =
        move |result: Result<_, AppendError>| Do::then(outcome(&result), || late("never").label("after-the-deadline"));
    Effect::append(Arc::clone(store), one_event(stream), then)
}

#[tokio::test]
async fn an_append_in_flight_is_waited_for_beyond_the_deadline_and_its_answer_reduced() {
    let (store, clock) = scripts();
    let gated = Gated::closed();
    let events = gated.port();
    let both = move || append(&events, "s-1").merge(append(&events, "s-1").label("waits-its-turn"));
    store.dispatch(Do::then("start", both)).await.unwrap();
    let goes_on = async {
        advance(&clock, SECOND * 5).await;
        gated.admit(1);
    };
    let (report, ()) = futures::join!(store.shutdown(SECOND), goes_on);
    assert_eq!(notes(&store), "start stored");
    assert_eq!(report.unknown, []);
    assert_eq!(gated.log(), "s-1:stored");
    // What had not begun does not begin any more.
    assert_eq!(report.aborted, ["after-the-deadline", "waits-its-turn"]);
}

#[tokio::test]
async fn an_append_that_outlives_its_own_timeout_is_reported_as_unknown() {
    let (store, clock) = scripts();
    let events = Gated::closed().port();
    store
        .dispatch(Do::then("start", move || append(&events, "s-1")))
        .await
        .unwrap();
    let (report, ()) = futures::join!(store.shutdown(SECOND), advance(&clock, SECOND * 75));
    assert_eq!(report.unknown, ["s-1".parse().unwrap()]);
    assert_eq!(notes(&store), "start unknown");
}

#[tokio::test]
async fn a_question_that_writes_nothing_is_aborted_at_the_deadline() {
    let (store, clock) = scripts();
    let events: Arc<dyn EventStore> = Arc::new(faultless().nth(Operation::Load, 1).is_never_answered());
    let ask = || Effect::load_snapshot(events, "s-1".parse().unwrap(), |_| Do::note("never"));
    let sent = store.send(Do::then("start", ask)).await.unwrap();
    let (report, ()) = futures::join!(store.shutdown(SECOND), advance(&clock, SECOND));
    assert_eq!(report.aborted, ["load snapshot"]);
    assert_eq!(sent.settled().await, Err(SettleError::Closed));
}

#[tokio::test]
async fn a_shutdown_of_a_faulted_store_says_so() {
    let (store, _) = scripts();
    store.dispatch(Do::then("panic", || panic!("torn"))).await.unwrap();
    let report = store.shutdown(SECOND).await;
    assert_eq!(report.fault.unwrap().message(), "torn");
}

#[tokio::test]
async fn two_shutdowns_both_end() {
    let (store, clock) = scripts();
    store.dispatch(Do::then("start", || late("late"))).await.unwrap();
    let (first, second, ()) = futures::join!(
        store.shutdown(SECOND * 3),
        store.shutdown(SECOND * 3),
        advance(&clock, SECOND * 2)
    );
    assert!(first.is_clean() && second.is_clean());
    assert_eq!(notes(&store), "start late");
}

#[tokio::test]
async fn a_shutdown_that_begins_inside_of_a_reduce_does_not_wait_for_itself() {
    let (store, _) = scripts();
    let inner = store.clone();
    let start = Do::then("start", move || {
        assert!(inner.try_dispatch(Do::note("queued")).is_ok());
        assert!(inner.shutdown(SECOND).now_or_never().is_none());
        Effect::none()
    });
    store.dispatch(start).await.unwrap();
    assert_eq!(notes(&store), "start queued");
    assert!(store.shutdown(SECOND).await.is_clean());
}

/// Starts the next of its kind as a task, without end.
fn endless() -> Do {
    Do::then("again", || Effect::task(async { endless() }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shutdown_ends_whatever_starts_at_its_deadline() {
    for _ in 0..500 {
        let (store, _) = scripts();
        let sent = store.send(endless()).await.unwrap();
        store.shutdown(std::time::Duration::ZERO).await;
        assert_eq!(store.running(), [""; 0]);
        assert_eq!(sent.settled().await, Err(SettleError::Closed));
    }
}

/// Emits the next of its kind, without end.
fn forever() -> Do {
    Do::then("again", || Effect::emit(forever()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_that_never_end_are_ended_at_the_deadline() {
    let (store, _) = scripts();
    let sent = store.send(forever()).await.unwrap();
    let report = store.shutdown(std::time::Duration::ZERO).await;
    assert_eq!(report.unreduced, 1);
    assert_eq!(sent.settled().await, Err(SettleError::Closed));
}

#[tokio::test]
async fn an_answer_after_the_deadline_starts_no_interval() {
    let (store, clock) = scripts();
    let gated = Gated::closed();
    let events = gated.port();
    let held = || {
        Effect::emit(Do::note("never"))
            .throttle("id", SECOND * 60, Edge::Latest)
            .label("click")
    };
    let start = move || Effect::append(events, one_event("s-1"), move |_| Do::then("answer", held));
    store.dispatch(Do::then("start", start)).await.unwrap();
    let goes_on = async {
        advance(&clock, SECOND).await;
        gated.admit(1);
    };
    let (report, ()) = futures::join!(store.shutdown(SECOND), goes_on);
    assert_eq!(report.aborted, ["click"]);
    assert_eq!(store.remembered(), 0);
}
