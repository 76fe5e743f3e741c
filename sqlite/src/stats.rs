//! Counters of a store.

use std::sync::atomic::{AtomicU64, Ordering};

use composable_rust_core::AppendError;

use crate::pending_append::Answer;

/// What a store has done since it was opened, and what it is doing. See
/// [`SqliteEventStore::stats`](crate::SqliteEventStore::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteStats {
    /// Appends that wait in the queue now; a batch counts as one.
    pub queued: usize,
    /// Transactions that have written or refused appends.
    pub groups: u64,
    /// Appends that were answered with success, repetitions included; a batch counts as one. Divided by `groups`, this is
    /// how many appends share a commit.
    pub appends: u64,
    /// Appends that were refused because another writer was first.
    pub conflicts: u64,
    /// Connections that read now.
    pub readers_in_use: usize,
    /// Looks at the end of the log so far, for all calls of `wait_for_events` together.
    pub log_polls: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    groups: AtomicU64,
    appends: AtomicU64,
    conflicts: AtomicU64,
    log_polls: AtomicU64,
}

impl Counters {
    pub(crate) fn count_group(&self, answers: &[Answer]) {
        let count = |is: fn(&Answer) -> bool| answers.iter().filter(|answer| is(answer)).count() as u64;
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.appends.fetch_add(count(Result::is_ok), Ordering::Relaxed);
        let is_conflict = |answer: &Answer| matches!(answer, Err(AppendError::Conflict(_)));
        self.conflicts.fetch_add(count(is_conflict), Ordering::Relaxed);
    }

    pub(crate) fn count_log_poll(&self) {
        self.log_polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self, queued: usize, readers_in_use: usize) -> SqliteStats {
        SqliteStats {
            queued,
            groups: self.groups.load(Ordering::Relaxed),
            appends: self.appends.load(Ordering::Relaxed),
            conflicts: self.conflicts.load(Ordering::Relaxed),
            readers_in_use,
            log_polls: self.log_polls.load(Ordering::Relaxed),
        }
    }
}
