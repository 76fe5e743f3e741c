//! Waiting for more of the log.

use composable_rust_core::{ExpectedVersion, Position, ReadAll};

use crate::conformance::{
    events::{new_events, new_stream},
    run::{carry_on, race},
    subject::Subject,
};

pub(super) async fn check(store: &Subject) {
    check_at_once(store).await;
    check_asleep(store).await;
    for _ in 0..30 {
        check_race(store).await;
    }
    check_many(store).await;
    check_cancelled(store).await;
}

async fn wait(store: &Subject, after: Position) {
    let outcome = store
        .in_time("a wait for more of the log", store.store.wait_for_events(after))
        .await;
    outcome.unwrap_or_else(|error| panic!("a wait for more of the log failed: {error}"));
    let page = store.page(ReadAll::after(after)).await;
    assert!(
        page.resume_after > after,
        "a wait after {after} ended, and nothing is readable there"
    );
}

async fn write(store: &Subject) {
    store
        .append(&new_stream("bell"), ExpectedVersion::Any, &new_events(1))
        .await;
}

async fn check_at_once(store: &Subject) {
    write(store).await;
    wait(store, Position::BEGINNING).await;
}

/// Nothing is there: it waits. Then something is: it wakes.
async fn check_asleep(store: &Subject) {
    let head = store.head().await;
    let mut waiting = store.store.wait_for_events(head);
    for _ in 0..5 {
        assert!(
            futures::poll!(&mut waiting).is_pending(),
            "a wait after the head {head} ended with nothing to read"
        );
        tokio::task::yield_now().await;
    }
    write(store).await;
    let outcome = store
        .in_time("a wait for more of the log, after an append,", waiting)
        .await;
    outcome.unwrap_or_else(|error| panic!("a wait for more of the log failed: {error}"));
}

/// The append comes before, in or after the beginning of the wait: it wakes in every case.
async fn check_race(store: &Subject) {
    let head = store.head().await;
    let (sleeper, writer) = (store.clone(), store.clone());
    let woken = tokio::spawn(async move { wait(&sleeper, head).await });
    let written = tokio::spawn(async move { write(&writer).await });
    for task in [woken, written] {
        task.await.unwrap_or_else(|error| carry_on(error));
    }
}

/// One append wakes all waiters.
async fn check_many(store: &Subject) {
    let head = store.head().await;
    let waiter = |store: Subject, writes: bool| async move {
        if writes {
            write(&store).await;
        }
        wait(&store, head).await;
    };
    race((0..16).map(|own| waiter(store.clone(), own == 15))).await;
}

/// A wait that is dropped leaves nothing behind.
async fn check_cancelled(store: &Subject) {
    let head = store.head().await;
    for _ in 0..100 {
        let mut waiting = store.store.wait_for_events(head);
        assert!(
            futures::poll!(&mut waiting).is_pending(),
            "a wait after the head {head} ended with nothing to read"
        );
    }
    write(store).await;
    wait(store, head).await;
}
