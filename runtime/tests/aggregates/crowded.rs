//! When all places are taken: who does not use a place, or is not there any more, keeps nobody else from it.

use std::{sync::Arc, time::Duration};

use composable_rust_core::Version;
use composable_rust_runtime::{Aggregates, CommandContext, ExecuteError};
use composable_rust_testing::TestClock;
use futures::future::join_all;
use tokio::runtime::Builder;

use crate::{
    account::{
        Account,
        AccountCommand::{Deposit, DepositIf},
        Scripted, Step,
    },
    unpolled::{begun, soon},
};

fn with_places(store: &Arc<Scripted>, capacity: u32) -> Aggregates<Account> {
    Aggregates::builder(store.port(), ())
        .max_pending_commands(capacity)
        .build()
}

#[tokio::test]
async fn a_command_that_nobody_polls_keeps_no_place_from_others() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 1);
    let unpolled = begun(host.execute("a", Deposit(1)));
    store.proceed.notify_one();
    soon(host.execute("b", Deposit(1))).await.unwrap();
    assert_eq!(unpolled.await.unwrap().version, Version::from(1));
}

#[tokio::test]
async fn a_place_that_falls_to_a_caller_that_nobody_polls_is_used_all_the_same() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 1);
    let first = begun(host.execute("a", Deposit(1)));
    let unpolled = begun(host.execute("b", Deposit(1)));
    store.proceed.notify_one();
    soon(host.execute("c", Deposit(1))).await.unwrap();
    assert_eq!(first.await.unwrap().version, Version::from(1));
    assert_eq!(unpolled.await.unwrap().version, Version::from(1));
}

#[tokio::test]
async fn a_caller_that_has_left_its_line_keeps_no_place_from_others() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 2);
    let first = begun(host.execute("a", Deposit(1)));
    drop(begun(host.execute("a", Deposit(10))));
    soon(host.execute("b", Deposit(1))).await.unwrap();
    store.proceed.notify_one();
    assert_eq!(first.await.unwrap().version, Version::from(1));
    assert_eq!(*host.state("a").await.unwrap().state, 1);
}

#[tokio::test]
async fn a_caller_that_has_left_the_queue_for_a_place_is_not_carried_out() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 1);
    let first = begun(host.execute("a", Deposit(1)));
    drop(begun(host.execute("b", Deposit(1))));
    let last = begun(host.execute("c", Deposit(1)));
    store.proceed.notify_one();
    first.await.unwrap();
    soon(last).await.unwrap();
    assert_eq!(host.state("b").await.unwrap().version, Version::INITIAL);
}

#[tokio::test]
async fn who_has_waited_for_a_place_until_the_deadline_is_told_so_and_not_carried_out() {
    let (store, clock) = (Scripted::new([Step::Held]), TestClock::new());
    let host = Aggregates::<Account>::builder(store.port(), ())
        .clock(Arc::new(clock.clone()))
        .max_pending_commands(1)
        .build();
    let first = begun(host.execute("a", Deposit(1)));
    let patience = CommandContext::default().with_timeout(Duration::from_secs(1));
    let waits = begun(host.execute_with("b", Deposit(1), patience));
    clock.advance(Duration::from_secs(1));
    assert!(matches!(soon(waits).await, Err(ExecuteError::NotStarted)));
    store.proceed.notify_one();
    soon(first).await.unwrap();
    assert_eq!(host.state("b").await.unwrap().version, Version::INITIAL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_wait_for_places_are_carried_out_in_the_order_in_which_they_came() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 2);
    let first = begun(host.execute("a", DepositIf { balance: 0 }));
    let others: Vec<_> = (1..1000)
        .map(|balance| begun(host.execute("a", DepositIf { balance })))
        .collect();
    store.proceed.notify_one();
    first.await.unwrap();
    for (version, answer) in (2_u32..).zip(join_all(others).await) {
        assert_eq!(answer.unwrap().version, Version::from(version));
    }
}

#[tokio::test]
async fn an_id_that_names_no_stream_is_told_also_to_who_had_to_wait() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 1);
    let first = begun(host.execute("a", Deposit(1)));
    let waits = begun(host.execute("nul\0", Deposit(1)));
    store.proceed.notify_one();
    first.await.unwrap();
    assert!(matches!(soon(waits).await, Err(ExecuteError::InvalidId(_))));
    soon(host.execute("b", Deposit(1))).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_places_on_a_runtime_that_ends_keeps_none() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 1);
    let first = begun(host.execute("a", Deposit(1)));
    let ended = Builder::new_current_thread().enable_time().build().unwrap();
    let gone: Vec<_> = {
        let _guard = ended.enter();
        (0..10_000).map(|_| begun(host.execute("b", Deposit(1)))).collect()
    };
    ended.shutdown_background();
    let last = begun(host.execute("b", Deposit(1)));
    store.proceed.notify_one();
    first.await.unwrap();
    assert_eq!(soon(last).await.unwrap().version, Version::from(1));
    for gone in gone {
        assert!(matches!(soon(gone).await, Err(ExecuteError::Unavailable(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_finishes_what_nobody_polls() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 1);
    let unpolled = begun(host.execute("a", Deposit(1)));
    let waits = begun(host.execute("b", Deposit(1)));
    store.proceed.notify_one();
    assert!(host.shutdown(Duration::from_secs(5)).await, "all was done in time");
    assert_eq!(unpolled.await.unwrap().version, Version::from(1));
    assert_eq!(waits.await.unwrap().version, Version::from(1));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_refuses_at_once_and_turns_away_who_still_waits_for_a_place_at_the_deadline() {
    let store = Scripted::new([Step::Held]);
    let host = with_places(&store, 1);
    let running = begun(host.execute("a", Deposit(1)));
    let waits = begun(host.execute("b", Deposit(1)));
    let mut shutdown = begun(host.shutdown(Duration::from_secs(5)));
    let late = host.execute("c", Deposit(1)).await;
    assert!(matches!(late, Err(ExecuteError::Closed)), "{late:?}");
    assert!(!(&mut shutdown).await);
    assert!(matches!(waits.await, Err(ExecuteError::Closed)));
    store.proceed.notify_one();
    running.await.unwrap();
    assert!(host.shutdown(Duration::ZERO).await);
}
