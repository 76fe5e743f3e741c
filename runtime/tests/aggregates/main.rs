//! `Aggregates` and `EventSourced`: each caller gets the outcome of its own command, and the log is right whatever happens.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod account;
mod cached;
mod crowded;
mod envelopes;
mod event_sourced;
mod event_sourced_cuts;
mod event_sourced_faults;
mod event_sourced_held;
mod event_sourced_saves;
mod event_sourced_snapshots;
mod faults;
mod interleavings;
mod limits;
mod order;
mod outcomes;
mod reentrant;
mod repeatable;
mod sharing;
mod snapshots;
mod task_ends;
mod traces;
mod unpolled;
mod world;

use std::{sync::Arc, time::Duration};

use account::{Account, Scripted};
use composable_rust_core::{Backoff, Version};
use composable_rust_runtime::{Aggregates, RetryPolicy};

fn host(store: &Arc<Scripted>) -> Aggregates<Account> {
    Aggregates::new(store.port(), ())
}

fn attempts(n: u32) -> RetryPolicy {
    let backoff = Backoff::exponential(n, Duration::from_millis(1));
    RetryPolicy::default()
        .with_on_conflict(backoff)
        .with_on_unavailable(backoff)
}

fn impatient(store: &Arc<Scripted>) -> Aggregates<Account> {
    Aggregates::builder(store.port(), ())
        .retry_policy(attempts(2))
        .attempt_timeout(Duration::from_secs(1))
        .build()
}

async fn balance(host: &Aggregates<Account>) -> (i64, Version) {
    let state = host.state("a").await.unwrap();
    (*state.state, state.version)
}

/// Waits for what happens beside the commands; not for ever.
async fn until(is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited).await.unwrap();
}
