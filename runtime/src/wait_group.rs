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
    /// Counts one piece of work, until [`WaitGroup::done`].
    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn done(&self) {
        if self.count.fetch_sub(1, Ordering::SeqCst) == 1 && self.is_awaited.load(Ordering::SeqCst) {
            self.idle.notify_waiters();
        }
    }

    /// Counts one piece of work, until the token is dropped.
    pub(crate) fn token(self: &Arc<Self>) -> WaitToken {
        self.add();
        WaitToken(Arc::clone(self))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Waits until nothing is in progress.
    pub(crate) async fn wait(&self) {
        self.is_awaited.store(true, Ordering::SeqCst);
        loop {
            // Made before the count is read, so that it is notified of every later change.
            let idle = self.idle.notified();
            if self.is_idle() {
                return;
            }
            idle.await;
        }
    }
}

impl Drop for WaitToken {
    fn drop(&mut self) {
        self.0.done();
    }
}
