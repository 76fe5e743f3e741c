//! A number of things that are under way, and the wait for none.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// How many are under way.
#[derive(Debug, Default)]
pub(super) struct Count {
    live: AtomicUsize,
    none: Notify,
}

impl Count {
    pub(super) fn enter(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        if self.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.none.notify_waiters();
        }
    }

    pub(super) async fn none(&self) {
        loop {
            // Made before the look: it hears of what happens from here on.
            let none = self.none.notified();
            if self.live.load(Ordering::Acquire) == 0 {
                return;
            }
            none.await;
        }
    }
}

/// Lets an effect wait until its actions were reduced.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Count>);

impl Gate {
    pub(super) fn ticket(&self) -> Ticket {
        self.0.enter();
        Ticket(Arc::clone(&self.0))
    }

    /// Waits until every ticket was dropped.
    pub(super) async fn opened(&self) {
        self.0.none().await;
    }
}

/// Travels with an action; dropped when the action was reduced or will never be.
#[derive(Debug)]
pub(super) struct Ticket(Arc<Count>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.leave();
    }
}
