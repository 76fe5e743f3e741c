//! The runtime that a store works on, and callers elsewhere.

use composable_rust_core::{
    AppendError, EventLog, EventStore, ExpectedVersion, Position, ReadAll, ReadError, ReadStream, UnavailableReason,
};
use composable_rust_postgres::{PostgresEventStore, PostgresOpenError};
use futures::{TryStreamExt, executor};
use tokio::runtime::{Builder, Runtime};

use crate::support::{self, append, events, ids, stream};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_store_that_is_opened_without_a_runtime_says_so() {
    let opened = executor::block_on(PostgresEventStore::connect("postgres://a@127.0.0.1:1/b"));
    assert!(matches!(opened, Err(PostgresOpenError::NoRuntime)), "{opened:?}");
    let ended = runtime();
    let options = PostgresEventStore::options().handle(ended.handle().clone());
    ended.shutdown_background();
    let opened = executor::block_on(options.connect("postgres://a@127.0.0.1:1/b"));
    assert!(matches!(opened, Err(PostgresOpenError::NoRuntime)), "{opened:?}");
}

#[test]
fn callers_need_no_runtime_of_their_own() {
    let runtime = runtime();
    let database = runtime.block_on(support::database());
    let options = PostgresEventStore::options().handle(runtime.handle().clone());
    // An executor without a timer and without I/O.
    executor::block_on(async {
        let store = options.connect(database.url()).await.unwrap();
        append(&store, 1, 0..3).await;
        assert_eq!(ids(&store, 1).await, [0, 1, 2]);
        let head = store.wait_for_committed().await.unwrap();
        assert_eq!(store.head().await.unwrap(), head);
        store.wait_for_events(Position::BEGINNING).await.unwrap();
        let page = store.read_all(ReadAll::after(Position::BEGINNING)).await.unwrap();
        assert_eq!((page.events.len(), page.resume_after), (3, head));
        let read: Vec<_> = store
            .read_stream(ReadStream::new(stream(1)))
            .try_collect()
            .await
            .unwrap();
        assert_eq!(read, page.events);
        assert_eq!(store.blocking_transactions().await.unwrap(), []);
        store.ping().await.unwrap();
        store.close().await;
    });
    runtime.block_on(async { drop(database) });
}

#[test]
fn a_store_serves_callers_of_several_runtimes_at_once() {
    let (own, other) = (runtime(), runtime());
    let database = own.block_on(support::database());
    let store = own.block_on(support::open(&database));
    let there = store.clone();
    let appending = other.spawn(async move { append(&there, 1, 0..3).await });
    own.block_on(append(&store, 2, 0..3));
    other.block_on(appending).unwrap();
    drop(other);
    assert_eq!(own.block_on(ids(&store, 1)), [0, 1, 2]);
    own.block_on(async { drop(database) });
}

fn is_closed<T: std::fmt::Debug>(answer: &Result<T, ReadError>) -> bool {
    matches!(answer, Err(ReadError::Unavailable(unavailable)) if unavailable.reason == UnavailableReason::Closed)
}

#[test]
fn calls_after_the_end_of_the_runtime_are_unavailable() {
    let (stays, ends) = (runtime(), runtime());
    let database = stays.block_on(support::database());
    let store = ends.block_on(support::open(&database));
    let waits = store.wait_for_events(Position::BEGINNING);
    let waiting = stays.spawn({
        let store = store.clone();
        async move { store.wait_for_events(Position::BEGINNING).await }
    });
    ends.shutdown_background();
    executor::block_on(async {
        assert!(is_closed(&waits.await));
        assert!(is_closed(&waiting.await.unwrap()));
        assert!(is_closed(&store.load_events(stream(1), None).await));
        assert!(is_closed(&store.head().await));
        assert!(is_closed(&store.wait_for_committed().await));
        assert!(is_closed(&store.ping().await));
        let appended = store.append_events(stream(1), ExpectedVersion::Any, events([1])).await;
        assert!(matches!(appended, Err(AppendError::Unavailable(_))), "{appended:?}");
        store.close().await;
    });
    stays.block_on(async { drop(database) });
}
