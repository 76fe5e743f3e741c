//! Callers whose futures nobody polls, for a while or any more: they hold nobody up.
//!
//! A future that was begun and is then left alone, in a `select!` whose other branch goes on, or in a `buffered` stream
//! whose consumer is busy, must not keep the stream for itself.

use std::{future::Future, time::Duration};

use composable_rust_core::{Unavailable, UnavailableReason, Version};
use composable_rust_runtime::{ExecuteError, LoadError};
use futures::{FutureExt, future::BoxFuture};
use tokio::runtime::Builder;

use crate::{
    account::{
        AccountCommand::{Deposit, Withdraw},
        Scripted, Step,
    },
    balance, host,
};

/// Begins a future and leaves it alone.
pub(crate) fn begun<'a, T>(future: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    let mut future = future.boxed();
    assert!((&mut future).now_or_never().is_none());
    future
}

/// What does not come is a failure, not a long run.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.unwrap()
}

#[tokio::test]
async fn a_command_that_nobody_polls_holds_nobody_up() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let unpolled = begun(host.execute("a", Deposit(1)));
    store.proceed.notify_one();
    let behind = soon(host.execute("a", Deposit(10))).await.unwrap();
    assert_eq!(behind.version, Version::from(2));
    assert_eq!(unpolled.await.unwrap().version, Version::from(1));
}

#[tokio::test]
async fn a_command_that_waits_in_line_and_is_not_polled_holds_nobody_up() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let unpolled = [
        begun(host.execute("a", Deposit(1))),
        begun(host.execute("a", Deposit(10))),
    ];
    store.proceed.notify_one();
    soon(host.execute("a", Withdraw(11))).await.unwrap();
    for unpolled in unpolled {
        unpolled.await.unwrap();
    }
    assert_eq!(balance(&host).await, (0, Version::from(3)));
}

#[tokio::test]
async fn a_look_that_nobody_polls_holds_nobody_up() {
    let store = Scripted::new([]);
    let host = host(&store);
    host.execute("a", Deposit(1)).await.unwrap();
    let read = store.hold_next_read();
    let unpolled = begun(host.state("a"));
    read.notify_one();
    soon(host.execute("a", Deposit(10))).await.unwrap();
    assert_eq!(unpolled.await.unwrap().version, Version::from(1));
}

#[tokio::test]
async fn a_look_that_waits_in_line_and_is_not_polled_holds_nobody_up() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let first = begun(host.execute("a", Deposit(1)));
    let unpolled = begun(host.state("a"));
    store.proceed.notify_one();
    soon(host.execute("a", Deposit(10))).await.unwrap();
    assert_eq!(unpolled.await.unwrap().version, Version::from(1));
    first.await.unwrap();
}

#[tokio::test]
async fn looks_that_wait_together_share_a_read() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let first = begun(host.execute("a", Deposit(1)));
    let looks: Vec<_> = (0..100).map(|_| begun(host.state("a"))).collect();
    let reads = store.reads();
    store.proceed.notify_one();
    first.await.unwrap();
    for look in looks {
        assert_eq!(*soon(look).await.unwrap().state, 1);
    }
    assert_eq!(store.reads(), reads + 1);
}

#[tokio::test]
async fn looks_that_were_given_up_by_the_hundred_thousand_cost_no_stack() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let first = begun(host.execute("a", Deposit(1)));
    for _ in 0..100_000 {
        drop(begun(host.state("a")));
    }
    store.proceed.notify_one();
    soon(first).await.unwrap();
    assert_eq!(soon(balance(&host)).await, (1, Version::from(1)));
}

#[tokio::test]
async fn when_the_runtime_of_a_streams_task_ends_all_who_wait_are_told_and_the_next_command_goes_on() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let ended = Builder::new_current_thread().enable_time().build().unwrap();
    let sent = {
        let _guard = ended.enter();
        begun(host.execute("a", Deposit(1)))
    };
    let waits = begun(host.execute("a", Deposit(10)));
    let reads = begun(host.state("a"));
    ended.shutdown_background();
    let closed = |why: &Unavailable| why.reason == UnavailableReason::Closed;
    assert!(matches!(soon(sent).await, Err(ExecuteError::OutcomeUnknown(_))));
    assert!(matches!(soon(waits).await, Err(ExecuteError::Unavailable(why)) if closed(&why)));
    assert!(matches!(soon(reads).await, Err(LoadError::Unavailable(why)) if closed(&why)));
    let next = soon(host.execute("a", Deposit(100))).await.unwrap();
    assert_eq!(
        next.version,
        Version::from(1),
        "the append was dropped with the task that made it"
    );
    assert_eq!(balance(&host).await, (100, Version::from(1)));
}

/// What does one stream's work does it also for callers on a plain executor, and the caller does it where there is no runtime.
#[test]
fn without_a_runtime_the_caller_does_the_work_itself() {
    let store = Scripted::new([]);
    let host = host(&store);
    futures::executor::block_on(async {
        let together = futures::future::join_all((1..=20).map(|amount| host.execute("a", Deposit(amount))));
        let versions: Vec<_> = together
            .await
            .into_iter()
            .map(|told| told.unwrap().version.get())
            .collect();
        assert_eq!(versions, (1..=20).collect::<Vec<_>>());
        assert_eq!(balance(&host).await, (210, Version::from(20)));
    });
}

#[test]
fn without_a_runtime_a_caller_that_is_dropped_leaves_the_stream_usable_and_its_state_in_memory() {
    let store = Scripted::new([Step::Pass, Step::Held]);
    let host = host(&store);
    futures::executor::block_on(async {
        host.execute("a", Deposit(1)).await.unwrap();
        let reads = store.reads();
        let dropped = begun(host.execute("a", Deposit(10)));
        let waits = begun(host.execute("a", Deposit(20)));
        drop(dropped);
        assert!(matches!(waits.await, Err(ExecuteError::Unavailable(_))));
        host.execute("a", Deposit(100)).await.unwrap();
        assert_eq!(balance(&host).await, (101, Version::from(2)));
        assert_eq!(store.reads(), reads + 2, "only what may have been appended is read");
    });
}

#[test]
fn without_a_runtime_a_pause_is_slept_on_a_thread() {
    let store = Scripted::new([Step::Unavailable]);
    let told = futures::executor::block_on(host(&store).execute("a", Deposit(1)));
    assert_eq!(told.unwrap().version, Version::from(1));
    assert_eq!(store.appends().len(), 2);
}
