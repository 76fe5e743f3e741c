//! The bound on commands that are in progress or wait, and the end of letting them in.

use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bounds the commands in progress; taken whole, it means that none is.
pub(super) struct Gate {
    places: Arc<Semaphore>,
    capacity: u32,
    /// Rung when a command has left and the gate is closed.
    left: Arc<Notify>,
}

/// A command in progress, until it is dropped.
pub(super) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    places: Arc<Semaphore>,
    left: Arc<Notify>,
}

impl Gate {
    pub(super) fn new(capacity: u32) -> Self {
        let capacity = capacity.max(1);
        Self {
            places: Arc::new(Semaphore::new(capacity as usize)),
            capacity,
            left: Arc::default(),
        }
    }

    /// `None` once the gate is closed.
    pub(super) async fn enter(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some(Place {
            permit: Some(permit),
            places: Arc::clone(&self.places),
            left: Arc::clone(&self.left),
        })
    }

    /// Lets nobody in any more after those that came before, and waits until the last has left.
    pub(super) async fn leave_all(&self) {
        // Fair: behind those that came before. Closed already: only those inside are waited for.
        drop(self.places.acquire_many(self.capacity).await);
        self.close();
        loop {
            let left = self.left.notified();
            if self.places.available_permits() == self.capacity as usize {
                return;
            }
            left.await;
        }
    }

    pub(super) fn close(&self) {
        self.places.close();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit = None;
        if self.places.is_closed() {
            self.left.notify_waiters();
        }
    }
}
