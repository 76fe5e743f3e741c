//! Limits: how long a call takes, how much waits, and what is done for callers who have left.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, UnavailableReason};
use composable_rust_sqlite::{SqliteEventStore, SqliteOptions};
use futures::{FutureExt, future::join_all};
use sqlx::Executor;

use crate::support::{self, event, stream};

fn reason<T: Debug>(answer: Result<T, AppendError>) -> UnavailableReason {
    let error = answer.unwrap_err();
    let reason = match &error {
        AppendError::Unavailable(unavailable) => Some(unavailable.reason),
        _ => None,
    };
    reason.ok_or(error).unwrap()
}

fn hasty() -> SqliteOptions {
    SqliteEventStore::options()
        .acquire_timeout(Duration::from_millis(300))
        .statement_timeout(Duration::from_secs(1))
}

/// The sum of the limits of `hasty`, and time for a busy machine.
const LIMIT: Duration = Duration::from_millis(1300 + 2000);

#[tokio::test]
async fn every_caller_is_answered_within_the_limits() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = hasty().open(&path).await.unwrap();
    support::append(&store, 1, 0..1).await;
    let mut holder = support::lock(&path).await;
    let started = Instant::now();
    let appends = (0..50).map(|n| store.append_events(stream(n), ExpectedVersion::Any, vec![event(7)]));
    let reasons: Vec<_> = join_all(appends).await.into_iter().map(reason).collect();
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
    let allowed = [UnavailableReason::Busy, UnavailableReason::TimedOut];
    assert!(reasons.iter().all(|reason| allowed.contains(reason)), "{reasons:?}");
    // Reads go on, and closing ends, too.
    assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 1);
    let waiting = store.append_events(stream(1), ExpectedVersion::Any, vec![event(8)]);
    let (answer, ()) = futures::join!(waiting, store.close());
    assert!(answer.is_err());
    holder.execute("ROLLBACK").await.unwrap();
    let again = support::open(&path).await;
    assert_eq!(again.load_events(stream(1), None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn beyond_the_bound_of_the_queue_callers_wait_in_order() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = SqliteEventStore::options()
        .max_queued_appends(2)
        .open(&path)
        .await
        .unwrap();
    let mut holder = support::lock(&path).await;
    let mut appends: Vec<_> = (0..20)
        .map(|n| store.append_events(stream(1), ExpectedVersion::Any, vec![event(n)]))
        .collect();
    for append in &mut appends {
        assert!(append.now_or_never().is_none());
    }
    assert_eq!(store.stats().queued, 2);
    holder.execute("ROLLBACK").await.unwrap();
    for (n, appended) in (1..).zip(join_all(appends).await) {
        assert_eq!(appended.unwrap().version.get(), n);
    }
}

#[tokio::test]
async fn callers_who_find_no_room_in_time_are_told_to_send_less() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = SqliteEventStore::options()
        .max_queued_appends(1)
        .acquire_timeout(Duration::from_millis(100))
        .open(&path)
        .await
        .unwrap();
    let mut holder = support::lock(&path).await;
    let mut first = store.append_events(stream(1), ExpectedVersion::Any, vec![event(0)]);
    assert!((&mut first).now_or_never().is_none());
    while store.stats().queued > 0 {
        tokio::task::yield_now().await;
    }
    // In the queue: it waits too long. Before the queue: there is no room in time.
    let mut second = store.append_events(stream(1), ExpectedVersion::Any, vec![event(1)]);
    assert!((&mut second).now_or_never().is_none());
    let third = store
        .append_events(stream(1), ExpectedVersion::Any, vec![event(2)])
        .await;
    assert_eq!(reason(third), UnavailableReason::Overloaded);
    holder.execute("ROLLBACK").await.unwrap();
    assert!(first.await.is_ok());
    assert_eq!(reason(second.await), UnavailableReason::TimedOut);
    support::append(&store, 1, 3..4).await;
    assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn one_append_that_does_not_fit_on_the_disk_takes_nobody_along() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = SqliteEventStore::options()
        .max_bytes(512 << 10)
        .open(&path)
        .await
        .unwrap();
    support::append(&store, 1, 0..1).await;
    let mut holder = support::lock(&path).await;
    let mut first = store.append_events(stream(1), ExpectedVersion::Any, vec![event(1)]);
    assert!((&mut first).now_or_never().is_none());
    let mut group: Vec<_> = (0..64)
        .map(|n| {
            let mut event = event(100 + n);
            event.data.resize(if n == 40 { 1 << 20 } else { 10 }, 0);
            store.append_events(stream(2), ExpectedVersion::Any, vec![event])
        })
        .collect();
    for append in &mut group {
        assert!(append.now_or_never().is_none());
    }
    let groups = store.stats().groups;
    holder.execute("ROLLBACK").await.unwrap();
    first.await.unwrap();
    for (n, outcome) in join_all(group).await.iter().enumerate() {
        let is_refused = matches!(outcome, Err(AppendError::Backend(_)));
        assert_eq!((is_refused, outcome.is_ok()), (n == 40, n != 40), "{n}: {outcome:?}");
    }
    // The first, and what halving 64 down to one makes.
    assert!(store.stats().groups - groups <= 1 + 7, "{:?}", store.stats());
}

#[tokio::test]
async fn the_counters_count() {
    let store = SqliteEventStore::in_memory().await.unwrap();
    support::append(&store, 1, 0..3).await;
    let refused = store
        .append_events(stream(1), ExpectedVersion::NoStream, vec![event(9)])
        .await;
    assert!(matches!(refused, Err(AppendError::Conflict(_))));
    let stats = store.stats();
    assert_eq!((stats.groups, stats.appends, stats.conflicts), (2, 1, 1));
    assert_eq!((stats.queued, stats.readers_in_use), (0, 0));
}
