//! What runs, by name: for shutdown and for reports.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::AbortHandle;
use tokio::sync::Notify;

use super::spawn::RunningEffect;

/// A running effect, as shutdown sees it.
struct Entry {
    label: &'static str,
    cause: u64,
    /// `None` for an append: it ends by itself, bounded by its timeout.
    abort: Option<AbortHandle>,
}

/// Everything that runs, in the order it started.
#[derive(Default)]
pub(super) struct Running {
    entries: Mutex<BTreeMap<u64, Entry>>,
    /// Something has ended.
    pub(super) changed: Notify,
}

impl Running {
    pub(super) fn enter(
        self: &Arc<Self>,
        serial: u64,
        label: &'static str,
        cause: u64,
        abort: Option<AbortHandle>,
    ) -> RunningGuard {
        self.lock().insert(serial, Entry { label, cause, abort });
        RunningGuard {
            running: Arc::clone(self),
            serial,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn effects(&self) -> Vec<RunningEffect> {
        let entries = self.lock();
        let effect = |(number, entry): (&u64, &Entry)| RunningEffect {
            number: *number,
            label: entry.label,
            cause: entry.cause,
        };
        entries.iter().map(effect).collect()
    }

    /// Ends everything but appends, and says what that was; each is said once.
    pub(super) fn abort(&self) -> Vec<&'static str> {
        let aborted: Vec<(&'static str, AbortHandle)> = self
            .lock()
            .values_mut()
            .filter_map(|entry| Some((entry.label, entry.abort.take()?)))
            .collect();
        // Outside of the lock: aborting wakes, and a waker may run anything.
        aborted
            .into_iter()
            .map(|(label, abort)| {
                abort.abort();
                label
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that runs, until it is dropped.
pub(super) struct RunningGuard {
    running: Arc<Running>,
    serial: u64,
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        self.running.lock().remove(&self.serial);
        self.running.changed.notify_waiters();
    }
}
