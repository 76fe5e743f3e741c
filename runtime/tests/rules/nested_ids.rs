//! The same cancel id nested in itself: one test for each cell of the table in `specs/runtime.md`.

use std::time::Duration;

use composable_rust_core::{Edge, Effect, InFlight};

use crate::support::{Do, SECOND, advance, notes, scripts};

type Rule = fn(Effect<Do>) -> Effect<Do>;

fn keep(effect: Effect<Do>) -> Effect<Do> {
    effect.cancellable("id", InFlight::Keep)
}

fn replace(effect: Effect<Do>) -> Effect<Do> {
    effect.cancellable("id", InFlight::Replace)
}

fn ignore(effect: Effect<Do>) -> Effect<Do> {
    effect.cancellable("id", InFlight::Ignore)
}

fn debounce(effect: Effect<Do>) -> Effect<Do> {
    effect.debounce("id", SECOND)
}

/// What is delivered of an effect alone, and of two that overlap, where each is `inner` within `outer`.
async fn delivered(inner: Rule, outer: Rule) -> (String, String) {
    let mut delivered = [String::new(), String::new()];
    for (names, delivered) in [&["alone"][..], &["first", "second"]].into_iter().zip(&mut delivered) {
        let (store, clock) = scripts();
        for name in names {
            let effect = move || outer(inner(Effect::emit(Do::note(*name)).delay(SECOND)));
            store.dispatch(Do::then("start", effect)).await.unwrap();
            advance(&clock, Duration::from_millis(10)).await;
        }
        advance(&clock, SECOND * 5).await;
        *delivered = notes(&store)
            .replace("start", "")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!((store.running(), store.remembered()), (vec![], 0));
    }
    delivered.into()
}

/// What the table says: one alone is delivered in every cell.
fn cell(twice: &str) -> (String, String) {
    ("alone".to_owned(), twice.to_owned())
}

#[tokio::test]
async fn keep_in_keep_lets_both_run() {
    assert_eq!(delivered(keep, keep).await, cell("first second"));
}

#[tokio::test]
async fn replace_in_keep_replaces_the_other() {
    assert_eq!(delivered(replace, keep).await, cell("second"));
}

#[tokio::test]
async fn ignore_in_keep_ignores_the_new_one() {
    assert_eq!(delivered(ignore, keep).await, cell("first"));
}

#[tokio::test]
async fn debounce_in_keep_debounces() {
    assert_eq!(delivered(debounce, keep).await, cell("second"));
}

#[tokio::test]
async fn keep_in_replace_replaces_the_other() {
    assert_eq!(delivered(keep, replace).await, cell("second"));
}

#[tokio::test]
async fn replace_in_replace_replaces_the_other() {
    assert_eq!(delivered(replace, replace).await, cell("second"));
}

#[tokio::test]
async fn ignore_in_replace_replaces_the_other() {
    assert_eq!(delivered(ignore, replace).await, cell("second"));
}

#[tokio::test]
async fn debounce_in_replace_debounces() {
    assert_eq!(delivered(debounce, replace).await, cell("second"));
}

#[tokio::test]
async fn keep_in_ignore_ignores_the_new_one() {
    assert_eq!(delivered(keep, ignore).await, cell("first"));
}

#[tokio::test]
async fn replace_in_ignore_ignores_the_new_one() {
    assert_eq!(delivered(replace, ignore).await, cell("first"));
}

#[tokio::test]
async fn ignore_in_ignore_ignores_the_new_one() {
    assert_eq!(delivered(ignore, ignore).await, cell("first"));
}

#[tokio::test]
async fn debounce_in_ignore_ignores_the_new_one() {
    assert_eq!(delivered(debounce, ignore).await, cell("first"));
}

#[tokio::test]
async fn keep_in_debounce_debounces() {
    assert_eq!(delivered(keep, debounce).await, cell("second"));
}

#[tokio::test]
async fn replace_in_debounce_debounces() {
    assert_eq!(delivered(replace, debounce).await, cell("second"));
}

#[tokio::test]
async fn ignore_in_debounce_debounces() {
    assert_eq!(delivered(ignore, debounce).await, cell("second"));
}

#[tokio::test]
async fn debounce_in_debounce_debounces() {
    assert_eq!(delivered(debounce, debounce).await, cell("second"));
}

#[tokio::test]
async fn parts_of_one_effect_compete_with_each_other_and_not_with_the_whole() {
    let (store, clock) = scripts();
    let start = Do::then("start", || {
        let part = |name: &'static str| replace(Effect::emit(Do::note(name)).delay(SECOND));
        let other = Effect::emit(Do::note("other")).delay(SECOND);
        keep(part("first").merge(other).merge(part("second")))
    });
    store.dispatch(start).await.unwrap();
    advance(&clock, SECOND).await;
    assert_eq!(notes(&store), "start other second");
}

#[tokio::test]
async fn a_rule_that_applies_later_leaves_what_is_around_it_alone() {
    let (store, clock) = scripts();
    let start = |name: &'static str| {
        Do::then("start", move || {
            keep(replace(Effect::emit(Do::note(name)).delay(SECOND)).delay(SECOND))
        })
    };
    store.dispatch(start("first")).await.unwrap();
    advance(&clock, SECOND / 2).await;
    store.dispatch(start("second")).await.unwrap();
    advance(&clock, SECOND * 3).await;
    // The first one's inner rule ended the second, which was still waiting for its own.
    assert_eq!(notes(&store), "start start first");
}

#[tokio::test]
async fn a_cancel_ends_an_id_that_is_nested_in_itself() {
    let (store, clock) = scripts();
    let nested = || replace(ignore(keep(Effect::emit(Do::note("never")).delay(SECOND))));
    store.dispatch(Do::then("start", nested)).await.unwrap();
    store
        .dispatch(Do::then("cancel", || Effect::cancel("id")))
        .await
        .unwrap();
    advance(&clock, SECOND).await;
    assert_eq!((notes(&store).as_str(), store.remembered()), ("start cancel", 0));
}

#[tokio::test]
async fn a_throttle_within_its_own_id_starts_once_in_an_interval() {
    let (store, clock) = scripts();
    for name in ["first", "second", "third"] {
        let start = move || replace(Effect::emit(Do::note(name)).throttle("id", SECOND, Edge::LeadingAndLatest));
        store.dispatch(Do::then("start", start)).await.unwrap();
    }
    advance(&clock, SECOND * 3).await;
    assert_eq!(notes(&store), "start first start start third");
}
