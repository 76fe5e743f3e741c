//! Commands that meet: conflicts, queues, dropped callers, shutdown.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Backoff, ExpectedVersion, Version};
use composable_rust_runtime::{Aggregates, ExecuteError, RetryPolicy};
use composable_rust_testing::InMemoryEventStore;
use futures::future::join_all;

use crate::{
    account::{
        Account,
        AccountCommand::{Deposit, DepositIf},
        AccountEvent::Deposited,
        NotEnough, Scripted, Step, stream,
    },
    balance, host, impatient,
};

#[tokio::test(start_paused = true)]
async fn a_conflict_is_decided_again_from_what_the_winner_wrote() {
    let store = Scripted::new([Step::OvertakenBy(vec![Deposited(10), Deposited(20)])]);
    let committed = host(&store).execute("a", Deposit(1)).await.unwrap();
    assert_eq!(committed.version, Version::from(3));
    let expected: Vec<_> = store.appends().iter().map(|append| append.expected).collect();
    assert_eq!(
        expected,
        [ExpectedVersion::NoStream, ExpectedVersion::Exact(Version::from(2))]
    );
    let ids: Vec<_> = store.appends().iter().map(|append| append.events[0].id).collect();
    assert_ne!(ids[0], ids[1], "a new decision is a new event");
}

#[tokio::test(start_paused = true)]
async fn a_decision_after_a_conflict_may_be_a_rejection() {
    let store = Scripted::new([Step::OvertakenBy(vec![Deposited(10)])]);
    let refused = host(&store).execute("a", DepositIf { balance: 0 }).await;
    assert!(matches!(
        refused,
        Err(ExecuteError::Rejected(NotEnough { balance: 10 }))
    ));
}

#[tokio::test(start_paused = true)]
async fn conflicts_without_end_are_reported_with_the_actual_version() {
    let overtaken = || Step::OvertakenBy(vec![Deposited(1)]);
    let store = Scripted::new([overtaken(), overtaken(), overtaken()]);
    let host = impatient(&store);
    let error = host.execute("a", Deposit(100)).await;
    assert!(matches!(error, Err(ExecuteError::Conflict(conflict)) if conflict.actual == Version::from(2)));
    assert_eq!(store.appends().len(), 2);
    assert_eq!(balance(&host).await, (2, Version::from(2)), "none of it was stored");
}

#[tokio::test(start_paused = true)]
async fn commands_of_one_stream_wait_in_order_and_each_caller_gets_its_own_outcome() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let all = join_all((0..20).map(|balance| host.execute("a", DepositIf { balance })));
    let (outcomes, ()) = tokio::join!(all, async {
        store.arrived.notified().await;
        store.proceed.notify_one();
    });
    for (n, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.unwrap().version.get(), n as u64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_and_two_hosts_never_lose_a_command() {
    let store = Arc::new(InMemoryEventStore::new());
    let retries = RetryPolicy::default()
        .with_on_conflict(Backoff::exponential(1000, Duration::from_micros(10)).longest(Duration::from_millis(1)));
    let host = || {
        Aggregates::<Account>::builder(store.clone(), ())
            .retry_policy(retries)
            .build()
    };
    let hosts = [host(), host()];
    let tasks = (0..200).map(|n| {
        let host = hosts[n % 2].clone();
        tokio::spawn(async move { host.execute(["a", "b"][n / 2 % 2], Deposit(1)).await.unwrap() })
    });
    join_all(tasks)
        .await
        .into_iter()
        .for_each(|joined| drop(joined.unwrap()));
    for host in &hosts {
        assert_eq!(balance(host).await, (100, Version::from(100)));
    }
}

#[tokio::test]
async fn a_dropped_caller_leaves_the_stream_usable_and_its_state_in_memory() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    {
        let execute = host.execute("a", Deposit(1));
        tokio::select! {
            _ = execute => assert_eq!(store.appends().len(), 0, "the append is held"),
            () = store.arrived.notified() => {}
        }
    }
    let reads = store.reads();
    store.proceed.notify_one();
    host.execute("a", DepositIf { balance: 1 }).await.unwrap();
    assert_eq!(store.stored(stream()).await, [Deposited(1), Deposited(1)]);
    assert_eq!(store.reads(), reads, "the state was kept");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_what_is_running_finish_and_refuses_what_comes_later() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let running = tokio::spawn({
        let host = host.clone();
        async move { host.execute("a", Deposit(1)).await }
    });
    store.arrived.notified().await;
    let shutdown = tokio::spawn({
        let host = host.clone();
        async move { host.shutdown(Duration::from_secs(5)).await }
    });
    tokio::task::yield_now().await;
    store.proceed.notify_one();
    assert!(shutdown.await.unwrap(), "all was done in time");
    assert!(running.await.unwrap().is_ok());
    assert!(matches!(host.execute("a", Deposit(1)).await, Err(ExecuteError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_at_its_deadline() {
    let store = Scripted::new([Step::Hang]);
    let host = host(&store);
    let _running = tokio::spawn({
        let host = host.clone();
        async move { host.execute("a", Deposit(1)).await }
    });
    store.arrived.notified().await;
    assert!(!host.shutdown(Duration::from_secs(5)).await);
    assert!(matches!(host.execute("b", Deposit(1)).await, Err(ExecuteError::Closed)));
}

#[tokio::test]
async fn beyond_the_capacity_further_callers_wait_for_a_place() {
    let store = Scripted::new([Step::Held]);
    let host = Aggregates::<Account>::builder(store.port(), ())
        .max_pending_commands(1)
        .build();
    let first = host.execute("a", Deposit(1));
    let second = host.execute("b", Deposit(2));
    let release = async {
        store.arrived.notified().await;
        assert_eq!(
            store.appends().len(),
            1,
            "the second has not begun, though its stream is free"
        );
        store.proceed.notify_one();
    };
    let (first, second, ()) = tokio::join!(first, second, release);
    assert_eq!(
        (first.unwrap().version, second.unwrap().version),
        (Version::from(1), Version::from(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_shutdown_waits_for_what_the_first_has_left() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let running = tokio::spawn({
        let host = host.clone();
        async move { host.execute("a", Deposit(1)).await }
    });
    store.arrived.notified().await;
    assert!(!host.shutdown(Duration::from_secs(1)).await);
    assert!(!host.shutdown(Duration::from_secs(1)).await, "it is still running");
    store.proceed.notify_one();
    assert!(host.shutdown(Duration::from_secs(1)).await);
    assert!(running.await.unwrap().is_ok());
}
