//! Appends that the database does not answer, and callers on other runtimes than the store's.

use std::time::{Duration, Instant};

use composable_rust_core::{AppendError, EventLog, EventStore, ExpectedVersion, ReadError, UnavailableReason};
use composable_rust_postgres::{PostgresEventStore, PostgresOptions};
use composable_rust_postgres_fixture::TestDatabase;

use crate::{
    strangers::{Gate, until_blocked},
    support::{self, append, events, ids, stream},
};

/// A tenth of the defaults.
fn short() -> PostgresOptions {
    PostgresEventStore::options()
        .acquire_timeout(Duration::from_millis(300))
        .statement_timeout(Duration::from_secs(1))
}

/// Both limits of [`short`], and what a slow machine adds.
const TOTAL: Duration = Duration::from_secs(5);

async fn open(database: &TestDatabase) -> PostgresEventStore {
    short().connect(database.url()).await.unwrap()
}

fn reason<T: std::fmt::Debug>(answer: &Result<T, AppendError>) -> UnavailableReason {
    match answer {
        Err(AppendError::Unavailable(why)) => why.reason,
        other => panic!("not unavailable: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_is_not_answered_frees_its_stream_its_place_and_its_connection() {
    let database = support::database().await;
    let store = open(&database).await;
    let gate = Gate::closed(&database).await;
    let started = Instant::now();
    let append_all = (0..8).map(|own| store.append_events(stream(own), ExpectedVersion::NoStream, events([1])));
    let mut in_doubt = Vec::new();
    for (own, answer) in (0..).zip(futures::future::join_all(append_all).await) {
        match answer {
            Err(AppendError::OutcomeUnknown(_)) => in_doubt.push(own),
            Err(AppendError::Unavailable(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(started.elapsed() < TOTAL, "{:?}", started.elapsed());
    gate.open().await;
    for own in 0..8 {
        let again = store
            .append_events(stream(own), ExpectedVersion::NoStream, events([1]))
            .await;
        assert!(again.is_ok(), "{own}: {again:?}");
        assert_eq!(ids(&store, own).await, [1], "stored once: {in_doubt:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_behind_an_unanswered_one_is_unavailable_within_its_acquire_time() {
    let database = support::database().await;
    let store = open(&database).await;
    let gate = Gate::closed(&database).await;
    let mut first = store.append_events(stream(1), ExpectedVersion::Any, events([1]));
    assert!(futures::poll!(&mut first).is_pending());
    until_blocked(&database, 1).await;
    let behind = store.append_events(stream(1), ExpectedVersion::Any, events([2])).await;
    assert_eq!(reason(&behind), UnavailableReason::TimedOut);
    gate.open().await;
    drop(first);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_appends_than_the_bound_are_an_overload() {
    let database = support::database().await;
    let options = short().max_queued_appends(1);
    let store = options.connect(database.url()).await.unwrap();
    let gate = Gate::closed(&database).await;
    let mut first = store.append_events(stream(1), ExpectedVersion::Any, events([1]));
    assert!(futures::poll!(&mut first).is_pending());
    until_blocked(&database, 1).await;
    let beyond = store.append_events(stream(2), ExpectedVersion::Any, events([2])).await;
    assert_eq!(reason(&beyond), UnavailableReason::Overloaded);
    gate.open().await;
    first.await.unwrap();
    assert_eq!(store.stats().appends.expired, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_no_longer_than_its_limit_for_appends() {
    let database = support::database().await;
    let store = open(&database).await;
    let gate = Gate::closed(&database).await;
    let mut append = store.append_events(stream(1), ExpectedVersion::Any, events([1]));
    assert!(futures::poll!(&mut append).is_pending());
    until_blocked(&database, 1).await;
    let started = Instant::now();
    store.close().await;
    assert!(started.elapsed() < TOTAL, "{:?}", started.elapsed());
    let refused = store.append_events(stream(2), ExpectedVersion::Any, events([1])).await;
    assert_eq!(reason(&refused), UnavailableReason::Closed);
    // The server's own limit has ended the statement.
    assert_eq!(reason(&append.await), UnavailableReason::Busy);
    gate.open().await;
}

fn single_threaded() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn callers_on_another_runtime_and_on_none_are_served_by_the_stores() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(support::database());
    let store = runtime.block_on(open(&database));
    let other = single_threaded();
    other.block_on(append(&store, 1, 0..1));
    drop(other);
    futures::executor::block_on(append(&store, 1, 1..2));
    assert_eq!(runtime.block_on(ids(&store, 1)), [0, 1]);
}

#[test]
fn a_caller_on_another_runtime_does_not_wait_for_ever_for_a_store_whose_runtime_rests() {
    let (runtime, rests) = (tokio::runtime::Runtime::new().unwrap(), single_threaded());
    let database = runtime.block_on(support::database());
    let store = rests.block_on(open(&database));
    let started = Instant::now();
    let append = store.append_events(stream(1), ExpectedVersion::NoStream, events([1]));
    assert_eq!(reason(&runtime.block_on(append)), UnavailableReason::TimedOut);
    assert!(started.elapsed() < TOTAL, "{:?}", started.elapsed());
    // It was withdrawn, and is not written when the store's runtime goes on.
    rests.block_on(self::append(&store, 1, 2..3));
    assert_eq!(rests.block_on(ids(&store, 1)), [2]);
    let append = store.append_events(stream(1), ExpectedVersion::Any, events([3]));
    drop(rests);
    assert_eq!(reason(&runtime.block_on(append)), UnavailableReason::Closed);
}

#[test]
fn closing_a_store_whose_runtime_rests_ends_in_time() {
    let (runtime, rests) = (tokio::runtime::Runtime::new().unwrap(), single_threaded());
    let database = runtime.block_on(support::database());
    let store = rests.block_on(open(&database));
    let started = Instant::now();
    let committed = runtime.block_on(store.wait_for_committed());
    assert!(matches!(committed, Err(ReadError::Unavailable(_))), "{committed:?}");
    runtime.block_on(store.close());
    assert!(started.elapsed() < 2 * TOTAL, "{:?}", started.elapsed());
}
