//! Counts work in progress and waits until there is none.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts work in progress.
#[derive(Debug, Default)]
pub(crate) struct WaitGroup {
    count: AtomicUsize,
    /// Set by the first wait: until then, the end of work notifies nobody.
    is_awaited: AtomicBool,
    idle: Notify,
}

/// One piece of work in progress, until it is dropped.
#[derive(Debug)]
pub(crate) struct WaitToken(Arc<WaitGroup>);

impl WaitGroup {
    pub(crate) fn enter(self: &Arc<Self>) -> WaitToken {
        self.count.fetch_add(1, Ordering::SeqCst);
        WaitToken(Arc::clone(self))
    }

    /// Completes when nothing is in progress.
    pub(crate) async fn idle(&self) {
        self.is_awaited.store(true, Ordering::SeqCst);
        loop {
            // Made before the count is read, so that it is notified of every later change.
            let idle = self.idle.notified();
            if self.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Drop for WaitToken {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.is_awaited.load(Ordering::SeqCst) {
            self.0.idle.notify_waiters();
        }
    }
}
