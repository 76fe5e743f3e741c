//! A number of things that are under way, and the wait until none is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// How many things are under way.
#[derive(Debug, Default)]
pub(super) struct WaitGroup {
    live: AtomicUsize,
    none: Notify,
}

impl WaitGroup {
    pub(super) fn add(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn done(&self) {
        if self.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.none.notify_waiters();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live.load(Ordering::Acquire) == 0
    }

    /// Waits until nothing is under way.
    pub(super) async fn wait(&self) {
        loop {
            // Made before the look: it hears of what happens from here on.
            let none = self.none.notified();
            if self.is_empty() {
                return;
            }
            none.await;
        }
    }

    pub(super) fn token(self: &Arc<Self>) -> WaitToken {
        self.add();
        WaitToken(Arc::clone(self))
    }
}

/// Travels with an action; dropped when the action was reduced or will never be.
#[derive(Debug)]
pub(super) struct WaitToken(Arc<WaitGroup>);

impl Drop for WaitToken {
    fn drop(&mut self) {
        self.0.done();
    }
}
