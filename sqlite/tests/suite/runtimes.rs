//! The runtime that a store works on, and callers on others.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use composable_rust_core::{
    AppendError, EventLog, EventStore, ExpectedVersion, Position, ReadError, UnavailableReason,
};
use composable_rust_sqlite::{SqliteEventStore, SqliteOpenError};
use futures::FutureExt;
use sqlx::Executor;
use tokio::runtime::{Builder, Runtime};

use crate::support::{self, event, events, stream};

/// A runtime that does nothing outside of its `block_on`.
fn undriven() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn driven() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// Does the work in a thread of its own, and fails when it has not ended after a minute.
fn within_a_minute(work: impl FnOnce() + Send + 'static) {
    let (ended, end) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        ended.send(()).unwrap();
    });
    let waited = end.recv_timeout(Duration::from_mins(1));
    assert_ne!(waited, Err(mpsc::RecvTimeoutError::Timeout), "the work hangs");
    // It may have panicked: its own message says more.
    worker.join().unwrap();
}

fn reason(error: &AppendError) -> Option<UnavailableReason> {
    match error {
        AppendError::Unavailable(unavailable) => Some(unavailable.reason),
        _ => None,
    }
}

#[test]
fn opening_without_a_runtime_is_a_typed_error() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let opened = SqliteEventStore::open(&path).now_or_never().unwrap();
    assert!(matches!(opened, Err(SqliteOpenError::NoRuntime)), "{opened:?}");
    let opened = SqliteEventStore::in_memory().now_or_never().unwrap();
    assert!(matches!(opened, Err(SqliteOpenError::NoRuntime)), "{opened:?}");
    assert!(!path.exists());
    let ended = driven();
    let handle = ended.handle().clone();
    ended.shutdown_background();
    let opened = futures::executor::block_on(SqliteEventStore::options().handle(handle).open(&path));
    assert!(matches!(opened, Err(SqliteOpenError::NoRuntime)), "{opened:?}");
}

#[test]
fn a_caller_needs_no_runtime_of_its_own() {
    within_a_minute(|| {
        let directory = support::directory();
        let path = directory.path().join("events.db");
        let runtime = driven();
        let options = SqliteEventStore::options().handle(runtime.handle().clone());
        futures::executor::block_on(async {
            let store = options.open(&path).await.unwrap();
            support::append(&store, 1, 0..3).await;
            assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 3);
            store.wait_for_events(Position::BEGINNING).await.unwrap();
            store.ping().await.unwrap();
            store.close().await;
        });
    });
}

#[test]
fn callers_on_other_runtimes_share_a_store() {
    within_a_minute(|| {
        let directory = support::directory();
        let own = driven();
        let store = own.block_on(support::open(&directory.path().join("events.db")));
        let workers: Vec<_> = (0..2)
            .map(|number| {
                let store = store.clone();
                thread::spawn(move || {
                    let runtime = undriven();
                    for round in 0..200 {
                        runtime.block_on(support::append(&store, number, round..round + 1));
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        let last = undriven();
        for number in 0..2 {
            let written = last.block_on(store.load_events(stream(number), None)).unwrap();
            assert_eq!(written.len(), 200);
        }
        last.block_on(store.close());
    });
}

#[test]
fn a_caller_elsewhere_does_not_wait_for_ever_for_a_runtime_that_is_not_driven() {
    within_a_minute(|| {
        let (own, other) = (undriven(), undriven());
        let options = SqliteEventStore::options()
            .acquire_timeout(Duration::from_millis(50))
            .statement_timeout(Duration::from_millis(150));
        let store = own.block_on(options.in_memory()).unwrap();
        let started = Instant::now();
        let append = || store.append_events(stream(1), ExpectedVersion::Any, vec![event(1)]);
        let unanswered = other.block_on(append()).unwrap_err();
        assert_eq!(reason(&unanswered), Some(UnavailableReason::TimedOut), "{unanswered:?}");
        let read = other.block_on(store.load_events(stream(1), None));
        assert!(matches!(read, Err(ReadError::Unavailable(_))), "{read:?}");
        other.block_on(store.close());
        assert!(started.elapsed() < Duration::from_secs(20));
        // The append was withdrawn: it is not written later.
        let refused = own.block_on(append()).unwrap_err();
        assert_eq!(reason(&refused), Some(UnavailableReason::Closed));
    });
}

#[test]
fn what_was_withdrawn_is_not_written_later() {
    within_a_minute(|| {
        let (own, other) = (undriven(), undriven());
        let options = SqliteEventStore::options()
            .acquire_timeout(Duration::from_secs(20))
            .statement_timeout(Duration::from_millis(100));
        let store = own.block_on(options.in_memory()).unwrap();
        let mut left = store.append_events(stream(1), ExpectedVersion::Any, vec![event(1)]);
        other.block_on(async { assert!((&mut left).now_or_never().is_none()) });
        drop(left);
        own.block_on(support::append(&store, 2, 0..1));
        assert_eq!(own.block_on(store.load_events(stream(1), None)).unwrap(), []);
    });
}

#[test]
fn when_its_runtime_has_ended_a_store_is_closed() {
    within_a_minute(|| {
        let directory = support::directory();
        let path = directory.path().join("events.db");
        let (own, other) = (driven(), driven());
        let store = own.block_on(support::open(&path));
        let mut holder = other.block_on(support::lock(&path));
        // One is being written, and waits for the lock; the other is queued behind it, or shares its group.
        let mut appends: Vec<_> = [1, 2]
            .map(|number| store.append_events(stream(number), ExpectedVersion::NoStream, events(0..2)))
            .into();
        for (append, queued) in appends.iter_mut().zip([0, 1]) {
            other.block_on(async { assert!(append.now_or_never().is_none()) });
            support::until(|| store.stats().queued <= queued);
        }
        own.shutdown_background();
        let outcomes = other.block_on(futures::future::join_all(appends));
        for outcome in &outcomes {
            let error = outcome.as_ref().unwrap_err();
            let is_told =
                matches!(error, AppendError::OutcomeUnknown(_)) || reason(error) == Some(UnavailableReason::Closed);
            assert!(is_told, "{error:?}");
        }
        other.block_on(async {
            let refused = store
                .append_events(stream(3), ExpectedVersion::Any, vec![event(9)])
                .await;
            assert_eq!(reason(&refused.unwrap_err()), Some(UnavailableReason::Closed));
            let Err(ReadError::Unavailable(read)) = store.load_events(stream(1), None).await else {
                panic!("a read was answered")
            };
            assert_eq!(read.reason, UnavailableReason::Closed);
            store.close().await;
            holder.execute("ROLLBACK").await.unwrap();
            let again = support::open(&path).await;
            for number in [1, 2] {
                let stored = again
                    .append_events(stream(number), ExpectedVersion::NoStream, events(0..2))
                    .await;
                assert_eq!(stored.unwrap().version.get(), 2);
            }
        });
    });
}

#[tokio::test(start_paused = true)]
async fn paused_time_does_not_disturb_a_store() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let file = support::open(&path).await;
    for store in [file, SqliteEventStore::in_memory().await.unwrap()] {
        for round in 0..20 {
            support::append(&store, 1, round * 2..round * 2 + 2).await;
        }
        assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 40);
        store.wait_for_events(Position::BEGINNING).await.unwrap();
        let (waited, ()) = futures::join!(
            store.wait_for_events(Position::from_sequence(40)),
            support::append(&store, 2, 0..1)
        );
        waited.unwrap();
        store.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn paused_time_does_not_shorten_the_wait_for_a_lock() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    let mut holder = support::lock(&path).await;
    let append = store.append_events(stream(1), ExpectedVersion::Any, vec![event(1)]);
    let release = async {
        // The other process's transaction takes a while, by the clock on the wall.
        let work =
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300000) SELECT count(*) FROM n";
        holder.execute(work).await.unwrap();
        holder.execute("ROLLBACK").await.unwrap();
    };
    let (appended, ()) = futures::join!(append, release);
    assert_eq!(appended.unwrap().version.get(), 1);
}
