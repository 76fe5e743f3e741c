//! Saves the snapshots of one stream one at a time, and of those that wait only the newest.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use composable_rust_core::Version;
use futures::channel::oneshot;

/// The snapshots of a stream that are being saved or wait to be. No timer, and no queue that grows while a store is slow: a
/// newer snapshot replaces the one that waits.
#[derive(Default)]
pub(crate) struct SnapshotQueue {
    // A std Mutex: nothing awaits while it is held.
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    is_saving: bool,
    /// The newest that waits.
    next: Option<(Version, oneshot::Sender<SnapshotPermit>)>,
}

/// Permission to save; when it is dropped, the next one has it.
pub(crate) struct SnapshotPermit {
    queue: Arc<SnapshotQueue>,
}

impl SnapshotQueue {
    /// Completes when the snapshot of this version may be saved; with `None` once there is a newer one.
    pub(crate) async fn permit(self: &Arc<Self>, version: Version) -> Option<SnapshotPermit> {
        let permit = {
            let mut line = self.lock();
            if !line.is_saving {
                line.is_saving = true;
                return Some(self.new_permit());
            }
            if line.next.as_ref().is_some_and(|(newest, _)| *newest > version) {
                return None;
            }
            let (next, permit) = oneshot::channel();
            line.next = Some((version, next));
            permit
        };
        permit.await.ok()
    }

    fn new_permit(self: &Arc<Self>) -> SnapshotPermit {
        let queue = Arc::clone(self);
        SnapshotPermit { queue }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SnapshotPermit {
    fn drop(&mut self) {
        let next = {
            let mut line = self.queue.lock();
            line.is_saving = line.next.is_some();
            line.next.take()
        };
        if let Some((_, next)) = next {
            // If nobody waits any more, the permit comes back and is dropped in its turn.
            let _ = next.send(self.queue.new_permit());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::{FutureExt, future::BoxFuture, poll};

    use super::*;

    fn asked(queue: &Arc<SnapshotQueue>, version: u32) -> BoxFuture<'static, Option<SnapshotPermit>> {
        let queue = Arc::clone(queue);
        async move { queue.permit(Version::from(version)).await }.boxed()
    }

    #[tokio::test]
    async fn the_newest_is_next_in_whatever_order_they_come() {
        let queue = Arc::<SnapshotQueue>::default();
        let first = queue.permit(Version::from(10)).await;
        let (mut second, mut fourth, mut third) = (asked(&queue, 20), asked(&queue, 40), asked(&queue, 30));
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut fourth).is_pending());
        assert!(second.await.is_none(), "overtaken while it waited");
        assert!(
            matches!(poll!(&mut third), Poll::Ready(None)),
            "overtaken before it came"
        );
        drop(first);
        assert!(fourth.await.is_some());
        assert!(asked(&queue, 20).await.is_some(), "none is under way: the store judges");
    }

    #[tokio::test]
    async fn a_permit_that_nobody_waits_for_any_more_is_passed_on() {
        let queue = Arc::<SnapshotQueue>::default();
        let first = queue.permit(Version::from(10)).await;
        let mut gone = asked(&queue, 20);
        assert!(poll!(&mut gone).is_pending());
        drop(gone);
        drop(first);
        assert!(!queue.lock().is_saving);

        let first = queue.permit(Version::from(30)).await;
        let mut gone = asked(&queue, 40);
        assert!(poll!(&mut gone).is_pending());
        drop(first);
        drop(gone);
        assert!(!queue.lock().is_saving, "it was given the permit, and did not take it");
    }
}
