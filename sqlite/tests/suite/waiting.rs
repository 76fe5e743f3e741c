//! Waiting for events: all waiters share their looks at the file.

use std::time::{Duration, Instant};

use composable_rust_core::{EventLog, Position};
use composable_rust_sqlite::SqliteEventStore;

use crate::support;

const WAITERS: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn however_many_wait_the_file_is_looked_at_about_twice_in_an_interval() {
    let interval = Duration::from_millis(1);
    let directory = support::directory();
    let options = SqliteEventStore::options().poll_interval(interval);
    let store = options.open(directory.path().join("events.db")).await.unwrap();
    let started = Instant::now();
    let waiting: Vec<_> = (0..WAITERS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.wait_for_events(Position::BEGINNING).await })
        })
        .collect();
    let looks = || store.stats().log_polls;
    support::until(|| looks() > 3 * WAITERS);
    let looks = looks();
    let intervals = u64::try_from(started.elapsed().as_micros() / interval.as_micros()).unwrap();
    // Each waiter may look once when it begins.
    assert!(
        looks <= WAITERS + 2 * (intervals + 1),
        "{looks} looks in {intervals} intervals"
    );
    support::append(&store, 1, 0..1).await;
    for waiter in waiting {
        waiter.await.unwrap().unwrap();
    }
}
