//! R5: sequences, races and what is parallel in them.

use composable_rust_core::{Effect, InFlight};
use futures::{StreamExt, stream};

use crate::support::{Do, SECOND, advance, notes, scripts};

fn after(seconds: u32, name: &'static str) -> Effect<Do> {
    Effect::emit(Do::note(name)).delay(SECOND * seconds)
}

#[tokio::test]
async fn a_sequence_waits_for_each_step() {
    let (store, clock) = scripts();
    store
        .dispatch(Do::then("start", || {
            after(3, "a").then(after(1, "b")).then(after(1, "c"))
        }))
        .await
        .unwrap();
    advance(&clock, SECOND * 4).await;
    assert_eq!(notes(&store), "start a b");
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start a b c");
}

#[tokio::test]
async fn a_sequence_waits_for_the_whole_of_a_parallel_step() {
    let (store, clock) = scripts();
    let step = || after(1, "a").merge(after(5, "b")).merge(after(3, "c"));
    store
        .dispatch(Do::then("start", move || step().then(Effect::emit(Do::note("next")))))
        .await
        .unwrap();
    advance(&clock, SECOND * 4).await;
    assert_eq!(notes(&store), "start a c");
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start a c b next");
}

#[tokio::test]
async fn a_sequence_waits_for_the_whole_of_a_stream() {
    let (store, _) = scripts();
    let steps = || Effect::stream(stream::iter(["1", "2", "3"]).map(Do::note)).then(Effect::emit(Do::note("next")));
    store
        .send(Do::then("start", steps))
        .await
        .unwrap()
        .settled()
        .await
        .unwrap();
    assert_eq!(notes(&store), "start 1 2 3 next");
}

#[tokio::test]
async fn a_sequence_does_not_wait_for_effects_of_its_actions() {
    let (store, clock) = scripts();
    let first = Do::then("first", || after(5, "effect-of-first"));
    let steps = || Effect::emit(first).then(Effect::emit(Do::note("second")));
    store.dispatch(Do::then("start", steps)).await.unwrap();
    advance(&clock, SECOND * 5).await;
    assert_eq!(notes(&store), "start first second effect-of-first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_starts_after_the_actions_of_the_one_before_were_reduced() {
    for _ in 0..200 {
        let (store, _) = scripts();
        let reading = store.clone();
        let steps = move || {
            let look = async move { Do::note(format!("saw[{}]", notes(&reading))) };
            Effect::task(async { Do::note("first") }).then(Effect::task(look))
        };
        store
            .send(Do::then("start", steps))
            .await
            .unwrap()
            .settled()
            .await
            .unwrap();
        assert_eq!(notes(&store), "start first saw[start first]");
    }
}

#[tokio::test]
async fn the_first_to_complete_wins_a_race() {
    let (store, clock) = scripts();
    store
        .dispatch(Do::then("start", || {
            Effect::race([after(3, "a"), after(1, "b"), after(2, "c")])
        }))
        .await
        .unwrap();
    advance(&clock, SECOND * 3).await;
    assert_eq!(notes(&store), "start b");
    assert_eq!(store.running(), [""; 0]);
}

#[tokio::test]
async fn the_leftmost_wins_a_tie() {
    let (store, clock) = scripts();
    store
        .dispatch(Do::then("start", || Effect::race([after(1, "a"), after(1, "b")])))
        .await
        .unwrap();
    let ready = |name| Effect::task(async move { Do::note(name) });
    store
        .dispatch(Do::then("ready", move || Effect::race([ready("c"), ready("d")])))
        .await
        .unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start ready c a");
}

#[tokio::test]
async fn actions_that_a_loser_has_delivered_stay() {
    let (store, clock) = scripts();
    let ticks = stream::iter(["1", "2"]).map(Do::note).chain(stream::pending());
    store
        .dispatch(Do::then("start", || {
            Effect::race([Effect::stream(ticks), after(1, "won")])
        }))
        .await
        .unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start 1 2 won");
}

#[tokio::test]
async fn what_is_cancelled_or_panics_does_not_win_a_race() {
    let (store, clock) = scripts();
    let racers = || {
        let cancelled = after(5, "never").cancellable("id", InFlight::Keep);
        let panicking = Effect::task(async { panic!("out of the race") });
        Effect::race([cancelled, panicking, after(2, "won")])
    };
    store.dispatch(Do::then("start", racers)).await.unwrap();
    store
        .dispatch(Do::then("cancel", || Effect::cancel("id")))
        .await
        .unwrap();
    advance(&clock, SECOND * 2).await;
    assert_eq!(notes(&store), "start cancel won");
}

#[tokio::test]
async fn a_race_of_none_is_over_at_once() {
    let (store, _) = scripts();
    let steps = || Effect::race([]).then(Effect::emit(Do::note("next")));
    store
        .send(Do::then("start", steps))
        .await
        .unwrap()
        .settled()
        .await
        .unwrap();
    assert_eq!(notes(&store), "start next");
}

#[tokio::test]
async fn a_timeout_ends_what_is_late_and_leaves_alone_what_is_not() {
    let (store, clock) = scripts();
    let start = || {
        let late = after(3, "never").timeout(SECOND, Do::note("too-late"));
        late.merge(after(1, "in-time").timeout(SECOND * 3, Do::note("never")))
    };
    store.dispatch(Do::then("start", start)).await.unwrap();
    advance(&clock, SECOND * 5).await;
    assert_eq!(notes(&store), "start too-late in-time");
}

#[tokio::test]
async fn a_race_inside_of_a_sequence_is_one_step() {
    let (store, clock) = scripts();
    let steps = || Effect::race([after(1, "a"), after(2, "b")]).then(after(1, "c"));
    store.dispatch(Do::then("start", steps)).await.unwrap();
    advance(&clock, SECOND * 2).await;
    assert_eq!(notes(&store), "start a c");
}
