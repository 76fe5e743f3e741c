//! A flag that ends tasks.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::AbortHandle;

/// Raised once; ends the tasks that watch it and keeps their queued actions from being reduced.
#[derive(Debug, Default)]
pub(super) struct Cancellation {
    raised: AtomicBool,
    watchers: Mutex<HashMap<u64, AbortHandle>>,
}

impl Cancellation {
    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        let watchers = std::mem::take(&mut *self.watchers());
        // Outside of the lock: aborting wakes, and a waker may run anything.
        for watcher in watchers.into_values() {
            watcher.abort();
        }
    }

    /// Aborts `task` when the flag is raised, at once if it is already.
    pub(super) fn watch(&self, serial: u64, task: &AbortHandle) {
        let mut watchers = self.watchers();
        // Looked at under the lock: `raise` sets the flag before it takes the watchers.
        if self.is_raised() {
            drop(watchers);
            task.abort();
        } else {
            watchers.insert(serial, task.clone());
        }
    }

    pub(super) fn forget(&self, serial: u64) {
        self.watchers().remove(&serial);
    }

    fn watchers(&self) -> MutexGuard<'_, HashMap<u64, AbortHandle>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
