//! Snapshots beside the commands: a help to the next load, and never in the way of this one.

use std::sync::Arc;

use composable_rust_core::{Aggregate, Session, StreamId, Version};
use tokio::runtime::Handle;

use super::{Host, saving::Offer};
use crate::snapshot;
pub(super) use crate::snapshot::Restored;

impl<A: Aggregate> Host<A> {
    /// A snapshot is an accelerator: whatever is wrong with it, the events are there.
    pub(super) async fn restore(&self, stream_id: &StreamId) -> Restored<A> {
        if A::SNAPSHOTS.is_never() {
            return Restored::Absent;
        }
        let answer = self.store.snapshot(stream_id.clone()).await;
        snapshot::restored(stream_id, answer.as_ref().map(Option::as_ref))
    }

    /// Has the session's state saved if the append that moved the stream on from `before` calls for it.
    pub(super) fn snapshot_if_due(self: &Arc<Self>, stream_id: &StreamId, before: Version, session: &Session<A>) {
        if snapshot::is_due(stream_id, before, session) {
            self.offer_snapshot(stream_id, session);
        }
    }

    /// Saves the session's state in a task of its own: no command is delayed or failed by it. One snapshot of a stream is
    /// saved at a time; of those that come meanwhile, only the newest.
    pub(super) fn offer_snapshot(self: &Arc<Self>, stream_id: &StreamId, session: &Session<A>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let offer = Offer {
            version: session.version(),
            state: Arc::clone(session.state()),
        };
        let Some(offer) = self.saving.begin(stream_id, offer) else {
            return;
        };
        let task = UnderWay {
            host: Arc::clone(self),
            stream_id: stream_id.clone(),
            is_done: false,
        };
        runtime.spawn(task.save(offer));
    }

    async fn save_snapshot(&self, stream_id: &StreamId, Offer { version, state }: Offer<A::State>) {
        let encoded = snapshot::encoded::<A>(stream_id, version, &state);
        // Let go of first: an event that is applied meanwhile would have to clone the state.
        drop(state);
        let Some(snapshot) = encoded else { return };
        let outcome = self.store.save_snapshot(stream_id.clone(), snapshot).await;
        snapshot::trace_saved(stream_id, version, &outcome);
    }
}

/// The task that saves a stream's snapshots.
struct UnderWay<A: Aggregate> {
    host: Arc<Host<A>>,
    stream_id: StreamId,
    is_done: bool,
}

impl<A: Aggregate> UnderWay<A> {
    async fn save(mut self, first: Offer<A::State>) {
        let mut next = Some(first);
        while let Some(offer) = next {
            self.host.save_snapshot(&self.stream_id, offer).await;
            next = self.host.saving.next(&self.stream_id);
        }
        self.is_done = true;
    }
}

impl<A: Aggregate> Drop for UnderWay<A> {
    /// The runtime may end in the middle: the stream's next snapshot, on another one, must not wait for this task.
    fn drop(&mut self) {
        if !self.is_done {
            while self.host.saving.next(&self.stream_id).is_some() {}
        }
    }
}
