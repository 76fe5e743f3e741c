//! Callers whose futures nobody polls, for a while or any more: they hold nobody up.
//!
//! A future that was begun and is then left alone, in a `select!` whose other branch goes on, or in a `buffered` stream
//! whose consumer is busy, must not keep the stream for itself.

use std::{future::Future, time::Duration};

use composable_rust_core::Version;
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
async fn whoever_waits_is_answered_also_when_the_runtime_that_serves_the_line_ends() {
    let store = Scripted::new([Step::Held]);
    let host = host(&store);
    let first = begun(host.execute("a", Deposit(1)));
    let ended = Builder::new_current_thread().build().unwrap();
    let guard = ended.enter();
    let gone = begun(host.execute("a", Deposit(10)));
    let gone_too = begun(host.state("a"));
    drop(guard);
    let others = begun(host.execute("a", Deposit(100)));
    let others_too = begun(host.state("a"));
    ended.shutdown_background();
    store.proceed.notify_one();
    soon(first).await.unwrap();
    assert!(matches!(soon(gone).await, Err(ExecuteError::Unavailable(_))));
    assert!(matches!(soon(gone_too).await, Err(LoadError::Unavailable(_))));
    assert_eq!(soon(others).await.unwrap().version, Version::from(2));
    assert_eq!(*soon(others_too).await.unwrap().state, 101);
}
