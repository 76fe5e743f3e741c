//! The machine's clock and ids.

use std::{collections::BTreeSet, time::Duration};

use composable_rust_core::{Clock, IdGenerator};
use composable_rust_runtime::{SystemClock, SystemIds};
use futures::FutureExt;

#[tokio::test(start_paused = true)]
async fn a_sleep_lasts_as_long_as_it_was_asked_to() {
    let start = tokio::time::Instant::now();
    SystemClock.sleep(Duration::from_hours(1)).await;
    assert!(start.elapsed() >= Duration::from_hours(1));
}

#[tokio::test(start_paused = true)]
async fn a_sleep_counts_from_its_call() {
    let sleep = SystemClock.sleep(Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(sleep.now_or_never(), Some(()));
}

#[tokio::test(start_paused = true)]
async fn a_sleep_beyond_what_can_be_counted_never_ends() {
    assert_eq!(SystemClock.sleep(Duration::MAX).now_or_never(), None);
}

#[test]
fn a_sleep_may_be_made_outside_of_a_runtime() {
    drop(SystemClock.sleep(Duration::from_secs(1)));
}

#[test]
fn ids_are_unique_and_in_the_order_they_were_made() {
    let ids: Vec<_> = (0..10_000).map(|_| SystemIds.uuid()).collect();
    assert!(ids.is_sorted());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 10_000);
}
