//! R3: what a cancel ends.

use std::sync::Arc;

use composable_rust_core::{Edge, Effect, InFlight};
use futures::StreamExt;
use tokio::sync::Notify;

use crate::support::{Do, SECOND, advance, notes, scripts, settle};

fn cancel(id: &'static str) -> Do {
    Do::then("cancel", move || Effect::cancel(id))
}

#[tokio::test]
async fn a_cancelled_effect_delivers_nothing() {
    let (store, clock) = scripts();
    let start = Do::then("start", || {
        Effect::emit(Do::note("late"))
            .delay(SECOND)
            .cancellable("id", InFlight::Keep)
    });
    store.dispatch(start).await.unwrap();
    store.dispatch(cancel("id")).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start cancel");
    assert_eq!(store.running(), [""; 0]);
}

#[tokio::test]
async fn no_action_of_a_cancelled_effect_is_reduced_even_if_it_is_queued_already() {
    let (store, _) = scripts();
    let start = Do::then("start", || {
        let stop = Effect::emit(cancel("id"));
        let queued = Effect::emit(Do::note("queued")).cancellable("id", InFlight::Keep);
        stop.merge(queued)
    });
    store.dispatch(start).await.unwrap();
    assert_eq!(notes(&store), "start cancel");
    assert_eq!(store.remembered(), 0);
}

#[tokio::test]
async fn a_cancel_takes_hold_at_the_reduce_that_returned_it() {
    let (store, _) = scripts();
    // The effect is cancelled before its task was ever polled.
    let start = Do::then("start", || {
        Effect::task(async { Do::note("never") })
            .cancellable("id", InFlight::Keep)
            .merge(Effect::cancel("id"))
    });
    store.dispatch(start).await.unwrap();
    settle().await;
    assert_eq!(notes(&store), "start");
}

#[tokio::test]
async fn a_cancel_ends_what_was_returned_inside_of_a_sequence_or_a_race() {
    let (store, clock) = scripts();
    let start = Do::then("start", || {
        let named = |name: &'static str| {
            Effect::emit(Do::note(name))
                .delay(SECOND)
                .cancellable("id", InFlight::Keep)
        };
        let other = Effect::emit(Do::note("other")).delay(SECOND * 2);
        named("step")
            .then(Effect::emit(Do::note("after")))
            .merge(Effect::race([named("racer"), other]))
    });
    store.dispatch(start).await.unwrap();
    store.dispatch(cancel("id")).await.unwrap();
    advance(&clock, SECOND * 2).await;
    assert_eq!(notes(&store), "start cancel after other");
}

#[tokio::test]
async fn a_cancel_as_a_step_takes_hold_when_its_step_comes() {
    let (store, clock) = scripts();
    let start = Do::then("start", || {
        let watched = futures::stream::iter(["1", "2"]).map(Do::note);
        let ticking = Effect::stream(watched)
            .cancellable("id", InFlight::Keep)
            .delay(SECOND * 3);
        let stop = Effect::emit(Do::note("first")).delay(SECOND).then(Effect::cancel("id"));
        Effect::emit(Do::note("late"))
            .delay(SECOND * 2)
            .cancellable("id", InFlight::Keep)
            .merge(stop)
            .merge(ticking)
    });
    store.dispatch(start).await.unwrap();
    advance(&clock, SECOND * 4).await;
    // What takes the id after the cancel is another effect.
    assert_eq!(notes(&store), "start first 1 2");
}

#[tokio::test]
async fn a_sequence_that_cancels_itself_goes_no_further() {
    let (store, _) = scripts();
    let start = Do::then("start", || {
        let steps = Effect::task(async { Do::note("step") }).then(Effect::cancel("id"));
        steps
            .then(Effect::emit(Do::note("never")))
            .cancellable("id", InFlight::Keep)
    });
    store.send(start).await.unwrap().settled().await.unwrap();
    assert_eq!(notes(&store), "start step");
}

#[tokio::test]
async fn an_action_of_a_sequence_may_cancel_the_rest_of_it() {
    let (store, _) = scripts();
    let start = Do::then("start", || {
        let steps = Effect::emit(cancel("id")).then(Effect::emit(Do::note("never")));
        steps.cancellable("id", InFlight::Keep)
    });
    store.send(start).await.unwrap().settled().await.unwrap();
    assert_eq!(notes(&store), "start cancel");
}

#[tokio::test]
async fn other_ids_and_keys_are_left_alone() {
    let (store, clock) = scripts();
    let start = Do::then("start", || {
        Effect::all((1_u64..=3).map(|key| {
            let id = composable_rust_core::CancelId::from("id").key(key);
            Effect::emit(Do::note(key.to_string()))
                .delay(SECOND)
                .cancellable(id, InFlight::Keep)
        }))
    });
    store.dispatch(start).await.unwrap();
    let cancel = Do::then("cancel", || {
        Effect::cancel(composable_rust_core::CancelId::from("id").key(2_u64))
    });
    store.dispatch(cancel).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start cancel 1 3");
}

async fn twice(in_flight: InFlight) -> String {
    let (store, clock) = scripts();
    for name in ["1", "2"] {
        let start = Do::then("start", move || {
            Effect::emit(Do::note(name)).delay(SECOND).cancellable("id", in_flight)
        });
        store.dispatch(start).await.unwrap();
    }
    advance(&clock, SECOND).await;
    assert_eq!(store.remembered(), 0);
    notes(&store)
}

#[tokio::test]
async fn keep_lets_both_run() {
    assert_eq!(twice(InFlight::Keep).await, "start start 1 2");
}

#[tokio::test]
async fn replace_ends_the_running_one() {
    assert_eq!(twice(InFlight::Replace).await, "start start 2");
}

#[tokio::test]
async fn ignore_does_not_start_the_new_one() {
    assert_eq!(twice(InFlight::Ignore).await, "start start 1");
}

#[tokio::test]
async fn one_cancel_ends_all_that_were_kept() {
    let (store, clock) = scripts();
    let start = Do::then("start", || {
        Effect::all((0..5).map(|_| {
            Effect::emit(Do::note("never"))
                .delay(SECOND)
                .cancellable("id", InFlight::Keep)
        }))
    });
    store.dispatch(start).await.unwrap();
    store.dispatch(cancel("id")).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start cancel");
}

/// Starts itself again under the same id, `left` times.
fn again(left: u32) -> Do {
    Do::then("tick", move || {
        if left == 0 {
            return Effect::none();
        }
        let effect = Effect::task(async move { again(left - 1) });
        effect
            .timeout(SECOND, Do::note("late"))
            .cancellable("poll", InFlight::Ignore)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_an_effect_is_free_when_its_last_action_is_reduced() {
    let (store, _) = scripts();
    let sent = store.send(again(1_000)).await.unwrap();
    sent.settled().await.unwrap();
    assert_eq!(store.state(Vec::len), 1_001);
}

#[tokio::test]
async fn an_effect_in_mid_poll_can_not_deliver_after_its_cancel() {
    let (store, _) = scripts();
    let (polled, cancelled) = (Arc::new(Notify::new()), store.clone());
    let seen = Arc::clone(&polled);
    let start = Do::then("start", move || {
        let effect = Effect::task(async move {
            // The cancel is reduced while this future is being polled.
            cancelled.dispatch(cancel("id")).await.unwrap();
            seen.notify_one();
            Do::note("never")
        });
        effect.cancellable("id", InFlight::Keep)
    });
    store.dispatch(start).await.unwrap();
    polled.notified().await;
    settle().await;
    assert_eq!(notes(&store), "start cancel");
}

#[tokio::test]
async fn nothing_is_remembered_when_nothing_runs() {
    let (store, clock) = scripts();
    let start = Do::then("start", || {
        let delayed = || Effect::emit(Do::note("done")).delay(SECOND);
        delayed()
            .cancellable("a", InFlight::Keep)
            .merge(
                delayed()
                    .cancellable("b", InFlight::Replace)
                    .then(delayed().cancellable("c", InFlight::Ignore)),
            )
            .merge(delayed().throttle("d", SECOND, Edge::LeadingAndLatest))
            .merge(delayed().debounce("e", SECOND))
    });
    store.dispatch(start).await.unwrap();
    assert!(store.remembered() > 0);
    advance(&clock, SECOND * 10).await;
    assert_eq!(store.remembered(), 0);
    assert_eq!(store.running(), [""; 0]);
}

/// On one thread: a stream that never paused would be the last that ever runs.
#[tokio::test]
async fn a_stream_that_is_always_ready_lets_others_run_and_can_be_cancelled() {
    let (store, _) = scripts();
    let ticks =
        || Effect::stream(futures::stream::repeat_with(|| Do::note("tick"))).cancellable("ticks", InFlight::Keep);
    let sent = store.send(Do::then("start", ticks)).await.unwrap();
    settle().await;
    assert!(store.state(Vec::len) > 2, "it runs");
    store
        .dispatch(Do::then("stop", || Effect::cancel("ticks")))
        .await
        .unwrap();
    sent.settled().await.unwrap();
    let ticked = store.state(Vec::len);
    settle().await;
    assert_eq!(store.state(Vec::len), ticked);
}
