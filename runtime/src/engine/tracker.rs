//! What one sent action caused, and its effects caused in turn.

use std::sync::{Arc, OnceLock};

use futures::future::AbortHandle;

use super::{cancellation::Cancellation, count::Count};
use crate::store::SettleError;

/// Follows everything that one sent action causes.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    count: Count,
    cancellation: Cancellation,
    cut: OnceLock<SettleError>,
}

impl Tracker {
    /// A tracker and the first thing it follows.
    pub(crate) fn start() -> (Arc<Self>, Work) {
        let tracker = Arc::new(Self::default());
        tracker.count.enter();
        let work = Work {
            tracker: Arc::clone(&tracker),
            immune: false,
        };
        (tracker, work)
    }

    pub(crate) fn cancel(&self) {
        self.cancellation.raise();
    }

    pub(crate) async fn settled(&self) -> Result<(), SettleError> {
        self.count.none().await;
        self.cut.get().map_or(Ok(()), |cut| Err(cut.clone()))
    }
}

/// Held by everything that belongs to a sent action: queued actions, running effects.
pub(crate) struct Work {
    tracker: Arc<Tracker>,
    /// Caused by an event-store operation that outlived the cancel: neither it nor what follows from it is undone.
    immune: bool,
}

impl Work {
    pub(super) fn is_cancelled(&self) -> bool {
        !self.immune && self.tracker.cancellation.is_raised()
    }

    /// For what follows from an action that is reduced in spite of a cancel.
    pub(super) fn immunise(&mut self) {
        self.immune |= self.tracker.cancellation.is_raised();
    }

    /// Notes that something ended because the store did.
    pub(super) fn cut(&self, reason: SettleError) {
        // The first reason stands; what is cut afterwards is cut for the same.
        let _ = self.tracker.cut.set(reason);
    }

    pub(super) fn watch(&self, serial: u64, task: &AbortHandle) {
        if !self.immune {
            self.tracker.cancellation.watch(serial, task);
        }
    }

    pub(super) fn forget(&self, serial: u64) {
        self.tracker.cancellation.forget(serial);
    }
}

impl Clone for Work {
    fn clone(&self) -> Self {
        self.tracker.count.enter();
        Self {
            tracker: Arc::clone(&self.tracker),
            immune: self.immune,
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.tracker.count.leave();
    }
}
