//! The tokio runtime that a store works on.

use std::{
    future::{Future, pending, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    task::{AbortHandle, JoinError, JoinHandle},
};

use crate::{deadline::Deadline, errors::StoreStopped};

/// The tokio runtime that a store works on: the one it was opened on, or that of its options. Callers wait for what runs
/// there, and need no runtime of their own.
#[derive(Clone, Debug)]
pub(crate) struct StoreRuntime {
    handle: Handle,
    /// The longest that a caller on another runtime waits for an answer.
    backstop: Duration,
}

/// What the backstop has beyond the limits of the call, so that the store itself answers first.
const MARGIN: Duration = Duration::from_millis(500);

impl StoreRuntime {
    /// For calls that the store answers within `limit`.
    pub(crate) fn new(handle: Handle, limit: Duration) -> Self {
        Self {
            handle,
            backstop: limit.saturating_add(MARGIN),
        }
    }

    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.handle.spawn(work)
    }

    /// Runs `work` to its end, also if the caller stops polling: it may hold a connection that others wait for.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreStopped> {
        let task = self.spawn(work);
        self.wait(task).await?.map_err(|error| stopped(&error))
    }

    /// Runs `work`, however long it takes, until the caller drops this future.
    pub(crate) async fn run_until_dropped<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreStopped> {
        let task = self.spawn(work);
        let _guard = AbortOnDrop(task.abort_handle());
        task.await.map_err(|error| stopped(&error))
    }

    /// Waits for an answer of the store. The store's own deadlines bound it while its runtime is driven. A current-thread
    /// runtime may not be, outside of its `block_on`, so a caller on another runtime waits no longer than the backstop.
    pub(crate) async fn wait<F: Future>(&self, answer: F) -> Result<F::Output, StoreStopped> {
        let deadline = Deadline::after(self.backstop);
        let (mut answer, mut backstop) = (pin!(answer), None);
        poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(Ok(answer));
            }
            // At each poll: a future may be polled on one runtime first, and on another one later.
            if !self.is_elsewhere() {
                return Poll::Pending;
            }
            let backstop = backstop.get_or_insert_with(|| Box::pin(deadline.run(pending::<()>())));
            backstop.as_mut().poll(context).map(|_| Err(StoreStopped::TimedOut))
        })
        .await
    }

    /// Whether the caller is on another tokio runtime.
    fn is_elsewhere(&self) -> bool {
        Handle::try_current().is_ok_and(|own| own.id() != self.handle.id())
    }
}

fn stopped(error: &JoinError) -> StoreStopped {
    if error.is_panic() {
        StoreStopped::Panicked
    } else {
        StoreStopped::RuntimeEnded
    }
}

/// Ends a task whose caller has left.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
