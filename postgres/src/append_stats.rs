//! Counters and gauges of the append side of a store.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the append side of a store has done since it was opened, and what it is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendStats {
    /// Appends and batches that wait for their turn now.
    pub queued: u64,
    /// Groups and exclusive appends that are being written now.
    pub in_flight_groups: u64,
    /// Groups and exclusive appends that were started. Appends that share a statement are one group.
    pub groups: u64,
    /// Appends and batches that were part of a group: divided by `groups`, the mean size of a group.
    pub appends: u64,
    /// Appends and batches that were refused with a conflict.
    pub conflicts: u64,
    /// Statements that were run again: after a lost race, a deadlock, a serialization failure or a changed table.
    pub retries: u64,
    /// Groups that the database refused as a whole, and that were split into halves.
    pub splits: u64,
    /// Appends and batches that were not taken within the acquire timeout.
    pub expired: u64,
}

#[derive(Debug, Default)]
pub(crate) struct AppendCounters {
    queued: AtomicU64,
    in_flight_groups: AtomicU64,
    groups: AtomicU64,
    appends: AtomicU64,
    conflicts: AtomicU64,
    retries: AtomicU64,
    splits: AtomicU64,
    expired: AtomicU64,
}

impl AppendCounters {
    pub(crate) fn stats(&self) -> AppendStats {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AppendStats {
            queued: value(&self.queued),
            in_flight_groups: value(&self.in_flight_groups),
            groups: value(&self.groups),
            appends: value(&self.appends),
            conflicts: value(&self.conflicts),
            retries: value(&self.retries),
            splits: value(&self.splits),
            expired: value(&self.expired),
        }
    }

    pub(crate) fn set_queued(&self, appends: usize, groups: usize) {
        self.queued.store(appends as u64, Ordering::Relaxed);
        self.in_flight_groups.store(groups as u64, Ordering::Relaxed);
    }

    pub(crate) fn group(&self, appends: usize) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.appends.fetch_add(appends as u64, Ordering::Relaxed);
    }

    pub(crate) fn conflict(&self) {
        self.conflicts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn split(&self) {
        self.splits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn expired(&self) {
        self.expired.fetch_add(1, Ordering::Relaxed);
    }
}
