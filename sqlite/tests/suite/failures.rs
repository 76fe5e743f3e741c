//! A disk that is full, a lock that is held, a runtime that ends, callers that leave.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{AppendError, Encoding, EventStore, ExpectedVersion, SerializedEvent};
use composable_rust_sqlite::SqliteEventStore;
use futures::FutureExt;
use sqlx::Executor;

use crate::support::{self, event, stream};

fn large(n: u128, bytes: usize) -> SerializedEvent {
    let mut event = event(n);
    event.encoding = Encoding::JSON;
    event.data = vec![0x20; bytes];
    event
}

#[tokio::test]
async fn a_full_disk_is_a_typed_error_and_the_store_goes_on() {
    let directory = support::directory();
    let store = SqliteEventStore::options()
        .max_bytes(256 << 10)
        .open(directory.path().join("events.db"))
        .await
        .unwrap();
    support::append(&store, 1, 0..3).await;
    // Alone, with others, and larger than a statement: each of the three ways to write.
    let tries = [
        vec![large(10, 1 << 20)],
        vec![large(10, 1 << 20), event(11)],
        (0..1000).map(|n| large(10 + n, 1000)).collect(),
    ];
    for events in tries {
        let refused = store.append_events(stream(1), ExpectedVersion::Any, events).await;
        assert!(matches!(refused, Err(AppendError::Backend(_))), "{refused:?}");
        assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 3);
    }
    support::append(&store, 1, 3..5).await;
    assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_lock_that_is_held_past_the_deadline_is_unavailable() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = SqliteEventStore::options()
        .statement_timeout(Duration::from_millis(100))
        .open(&path)
        .await
        .unwrap();
    support::append(&store, 1, 0..1).await;
    let mut holder = support::lock(&path).await;
    for ids in [5..6, 5..7] {
        let refused = store
            .append_events(stream(1), ExpectedVersion::Any, support::events(ids))
            .await;
        assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 1);
    holder.execute("ROLLBACK").await.unwrap();
    support::append(&store, 1, 5..7).await;
}

#[tokio::test]
async fn a_caller_who_stops_polling_blocks_nobody() {
    let store = Arc::new(SqliteEventStore::in_memory().await.unwrap());
    support::append(&store, 1, 0..3).await;
    let mut paused = store.load_events(stream(1), None);
    assert!((&mut paused).now_or_never().is_none());
    support::append(&store, 1, 3..6).await;
    assert!(paused.await.unwrap().len() >= 3);
}

#[tokio::test]
async fn a_caller_who_leaves_harms_nobody() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    let mut holder = support::lock(&path).await;
    let append = |own: u32| store.append_events(stream(own), ExpectedVersion::NoStream, support::events(0..3));
    let mut staying = append(1);
    assert!((&mut staying).now_or_never().is_none());
    let mut leaving = append(2);
    assert!((&mut leaving).now_or_never().is_none());
    drop(leaving);
    let mut late = append(3);
    assert!((&mut late).now_or_never().is_none());
    holder.execute("ROLLBACK").await.unwrap();
    assert!(staying.await.is_ok() && late.await.is_ok());
    // The queue has dropped it, for nobody waited for it any more.
    assert_eq!(store.load_events(stream(2), None).await.unwrap(), []);
}
