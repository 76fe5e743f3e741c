//! Counters and gauges of a store.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    AppendStats, PostgresEventStore,
    errors::{ErrorClass, TimeLimit},
};

/// What a store is doing, and what it has done since it was opened. Counters count up; divide the difference of two readings
/// by the time between them.
///
/// ```no_run
/// # async fn example(store: composable_rust_postgres::PostgresEventStore) {
/// let stats = store.stats();
/// assert!(stats.connections_in_use <= stats.connections_max);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresStats {
    /// The limit on connections at the same time; see [`max_connections`](crate::PostgresOptions::max_connections).
    pub connections_max: usize,
    /// Connections that are open, idle or in use. The one that listens is not counted.
    pub connections_open: usize,
    /// Connections that are open and not in use. Of a pool of the application's: all that are idle in it.
    pub connections_idle: usize,
    /// Connections that a call is using, or opening.
    pub connections_in_use: usize,
    /// Connections opened so far. 0 for a pool of the application's.
    pub connections_opened: u64,
    /// Connections found dead so far: lost, ended by the server, or not answering.
    pub connections_lost: u64,
    /// Calls so far that found all connections in use and waited.
    pub acquire_waits: u64,
    /// Calls so far that got no connection within the acquire timeout.
    pub acquire_timeouts: u64,
    /// Reads so far that were not answered within the statement timeout.
    pub statement_timeouts: u64,
    /// Reads so far that ran a second time, on a new connection, because theirs was out of date.
    pub reads_repeated: u64,
    /// Calls of `wait_for_events` that are waiting.
    pub log_waiters: usize,
    /// Looks at the end of the log so far, for all calls of `wait_for_events` together.
    pub log_polls: u64,
    /// Appends and the groups that they share.
    pub appends: AppendStats,
}

impl PostgresEventStore {
    /// What the store is doing, and what it has done since it was opened: for all clones together. Asks no server.
    #[must_use]
    pub fn stats(&self) -> PostgresStats {
        let (idle, in_use) = self.pool.usage();
        let counters = &self.pool.counters;
        PostgresStats {
            connections_max: self.pool.max_connections(),
            connections_open: idle.saturating_add(in_use),
            connections_idle: idle,
            connections_in_use: in_use,
            connections_opened: counters.connections_opened.get(),
            connections_lost: counters.connections_lost.get(),
            acquire_waits: counters.acquire_waits.get(),
            acquire_timeouts: counters.acquire_timeouts.get(),
            statement_timeouts: counters.statement_timeouts.get(),
            reads_repeated: counters.reads_repeated.get(),
            log_waiters: self.log_waiters.count(),
            log_polls: self.log_waiters.polls.get(),
            appends: self.group_commit.stats(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct PoolCounters {
    pub(crate) connections_opened: Counter,
    pub(crate) connections_lost: Counter,
    pub(crate) acquire_waits: Counter,
    acquire_timeouts: Counter,
    statement_timeouts: Counter,
    pub(crate) reads_repeated: Counter,
}

impl PoolCounters {
    pub(crate) fn note_acquire_failure(&self, error: &sqlx::Error) {
        let is_late = TimeLimit::of(error).is_some() || matches!(error, sqlx::Error::PoolTimedOut);
        self.acquire_timeouts.add(u64::from(is_late));
    }

    pub(crate) fn note_statement(&self, failed: Option<&sqlx::Error>) {
        let is_late = failed.is_some_and(|error| ErrorClass::of(error) == ErrorClass::TimedOut);
        self.statement_timeouts.add(u64::from(is_late));
    }
}

/// A number that only grows. Relaxed: nothing else is concluded from it.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
