//! Where the engine's tasks run: the seam between the live store and one that a test drives.

use futures::future::BoxFuture;

/// Runs tasks to their end, in the order they came where that can be seen. A panic ends only its task.
pub(crate) trait Spawn: Send + Sync + 'static {
    /// Starts `task`; returns at once.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

impl Spawn for tokio::runtime::Handle {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        // Detached on purpose: the engine ends its tasks itself.
        drop(Self::spawn(self, task));
    }
}
