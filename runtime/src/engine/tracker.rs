//! What one sent action caused, and its effects caused in turn.

use std::sync::{Arc, OnceLock};

use futures::future::AbortHandle;

use super::cancellation::{Cancellation, Watcher};
use crate::store::{EffectPanic, SettleError, StopReason};
use crate::wait_group::WaitGroup;

/// Follows everything that one sent action causes.
#[derive(Default)]
pub(crate) struct Tracker {
    group: WaitGroup,
    cancellation: Cancellation,
    /// The first reason why not all has come to its end.
    unsettled: OnceLock<SettleError>,
}

impl Tracker {
    /// A tracker and the first thing it follows.
    pub(crate) fn start() -> (Arc<Self>, WorkToken) {
        let tracker = Arc::new(Self::default());
        tracker.group.add();
        let work = WorkToken {
            tracker: Arc::clone(&tracker),
            shielded: false,
        };
        (tracker, work)
    }

    pub(crate) fn cancel(&self) {
        self.cancellation.cancel();
    }

    pub(crate) async fn settled(&self) -> Result<(), SettleError> {
        self.group.wait().await;
        self.unsettled.get().map_or(Ok(()), |reason| Err(reason.clone()))
    }
}

/// Trailing by everything that belongs to a sent action: queued actions, running effects.
pub(crate) struct WorkToken {
    tracker: Arc<Tracker>,
    /// Caused by an event-store operation that outlived the cancel: neither it nor what follows from it is undone.
    shielded: bool,
}

impl WorkToken {
    pub(super) fn is_cancelled(&self) -> bool {
        !self.shielded && self.tracker.cancellation.is_cancelled()
    }

    /// For what follows from an action that is reduced in spite of a cancel.
    pub(super) fn shield(&mut self) {
        self.shielded |= self.tracker.cancellation.is_cancelled();
    }

    /// Notes that something ended because the store did.
    pub(super) fn set_aborted(&self, reason: StopReason) {
        // The first reason stands; what is aborted afterwards is aborted for the same.
        let _ = self.tracker.unsettled.set(reason.into());
    }

    pub(super) fn set_panicked(&self, panic: &EffectPanic) {
        // The first panic stands.
        let _ = self.tracker.unsettled.set(SettleError::EffectPanicked(panic.clone()));
    }

    pub(super) fn register(&self, serial: u64, task: &AbortHandle) {
        if !self.shielded {
            self.tracker.cancellation.register(serial, Watcher::Task(task.clone()));
        }
    }

    pub(super) fn unregister(&self, serial: u64) {
        self.tracker.cancellation.unregister(serial);
    }
}

impl Clone for WorkToken {
    fn clone(&self) -> Self {
        self.tracker.group.add();
        Self {
            tracker: Arc::clone(&self.tracker),
            shielded: self.shielded,
        }
    }
}

impl Drop for WorkToken {
    fn drop(&mut self) {
        self.tracker.group.done();
    }
}
