//! R6: debounce, throttle, delay and retry on the store's clock.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use composable_rust_core::{Backoff, Edge, Effect};

use crate::support::{Do, SECOND, Scripts, advance, notes, scripts, settle};

#[tokio::test]
async fn a_delay_counts_from_the_reduce_that_returned_it() {
    let (store, clock) = scripts();
    store
        .dispatch(Do::then("start", || Effect::emit(Do::note("late")).delay(SECOND)))
        .await
        .unwrap();
    // No task has run yet.
    clock.advance(SECOND);
    settle().await;
    assert_eq!(notes(&store), "start late");
}

#[tokio::test]
async fn debounce_is_trailing() {
    let (store, clock) = scripts();
    for name in ["1", "2", "3"] {
        let typed = Do::then("typed", move || Effect::emit(Do::note(name)).debounce("search", SECOND));
        store.dispatch(typed).await.unwrap();
        advance(&clock, SECOND / 2).await;
    }
    assert_eq!(notes(&store), "typed typed typed");
    advance(&clock, SECOND / 2).await;
    assert_eq!(notes(&store), "typed typed typed 3");
}

#[tokio::test]
async fn debounce_is_lazy() {
    let (store, clock) = scripts();
    let started = Arc::<AtomicU32>::default();
    for _ in 0..3 {
        let started = Arc::clone(&started);
        let search = async move {
            started.fetch_add(1, Ordering::SeqCst);
            Do::note("found")
        };
        store
            .dispatch(Do::then("typed", || Effect::task(search).debounce("search", SECOND)))
            .await
            .unwrap();
    }
    advance(&clock, SECOND).await;
    assert_eq!(started.load(Ordering::SeqCst), 1);
}

async fn click(store: &Scripts, name: &'static str, edge: Edge) {
    let clicked = Do::then("click", move || {
        Effect::emit(Do::note(name)).throttle("click", SECOND, edge)
    });
    store.dispatch(clicked).await.unwrap();
}

async fn three_clicks(edge: Edge) -> String {
    let (store, clock) = scripts();
    for name in ["1", "2", "3"] {
        click(&store, name, edge).await;
    }
    advance(&clock, SECOND * 3).await;
    assert_eq!(store.remembered(), 0);
    notes(&store)
}

#[tokio::test]
async fn throttle_is_leading_plus_trailing_latest() {
    assert_eq!(Edge::default(), Edge::LeadingAndLatest);
    assert_eq!(three_clicks(Edge::LeadingAndLatest).await, "click 1 click click 3");
}

#[tokio::test]
async fn throttle_by_the_leading_edge_drops_the_others() {
    assert_eq!(three_clicks(Edge::Leading).await, "click 1 click click");
}

#[tokio::test]
async fn throttle_by_the_latest_waits_for_the_end_of_the_interval() {
    assert_eq!(three_clicks(Edge::Latest).await, "click click click 3");
}

#[tokio::test]
async fn the_trailing_effect_begins_an_interval_of_its_own() {
    let (store, clock) = scripts();
    click(&store, "1", Edge::LeadingAndLatest).await;
    click(&store, "2", Edge::LeadingAndLatest).await;
    advance(&clock, SECOND).await;
    click(&store, "3", Edge::LeadingAndLatest).await;
    assert_eq!(notes(&store), "click 1 click 2 click");
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "click 1 click 2 click 3");
    advance(&clock, SECOND).await;
    click(&store, "4", Edge::LeadingAndLatest).await;
    assert_eq!(notes(&store), "click 1 click 2 click 3 click 4");
}

#[tokio::test]
async fn a_cancel_ends_what_waits_for_the_end_of_an_interval_but_not_the_interval() {
    let (store, clock) = scripts();
    click(&store, "1", Edge::LeadingAndLatest).await;
    click(&store, "2", Edge::LeadingAndLatest).await;
    store
        .dispatch(Do::then("cancel", || Effect::cancel("click")))
        .await
        .unwrap();
    click(&store, "3", Edge::LeadingAndLatest).await;
    assert_eq!(notes(&store), "click 1 click cancel click");
    advance(&clock, SECOND * 2).await;
    assert_eq!(notes(&store), "click 1 click cancel click 3");
}

#[tokio::test]
async fn throttles_of_other_ids_do_not_share_the_interval() {
    let (store, _) = scripts();
    for id in ["a", "b"] {
        let clicked = move || Effect::emit(Do::note(id)).throttle(id, SECOND, Edge::Leading);
        store.dispatch(Do::then("click", clicked)).await.unwrap();
    }
    assert_eq!(notes(&store), "click a click b");
}

fn attempts(fail: u32) -> (Arc<AtomicU32>, Do) {
    let made = Arc::<AtomicU32>::default();
    let counted = Arc::clone(&made);
    let start = Do::then("start", move || {
        let attempt = move || {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            async move { if number < fail { Err(number) } else { Ok(number) } }
        };
        Effect::retry(Backoff::exponential(3, SECOND), attempt, |result| {
            Do::note(format!("{result:?}"))
        })
    });
    (made, start)
}

#[tokio::test]
async fn retry_pauses_twice_as_long_each_time() {
    let (store, clock) = scripts();
    let (made, start) = attempts(2);
    store.dispatch(start).await.unwrap();
    let mut seen = vec![];
    for _ in 0..4 {
        settle().await;
        seen.push(made.load(Ordering::SeqCst));
        advance(&clock, SECOND).await;
    }
    assert_eq!(seen, [1, 2, 2, 3]);
    assert_eq!(notes(&store), "start Ok(2)");
}

#[tokio::test]
async fn retry_delivers_the_last_failure() {
    let (store, clock) = scripts();
    let (made, start) = attempts(9);
    store.dispatch(start).await.unwrap();
    advance(&clock, SECOND * 60).await;
    assert_eq!(notes(&store), "start Err(2)");
    assert_eq!(made.load(Ordering::SeqCst), 3);
}
