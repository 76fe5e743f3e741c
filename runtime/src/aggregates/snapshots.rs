//! Saves snapshots beside the commands: no command waits for one or fails with it.

use std::sync::Arc;

use composable_rust_core::{Aggregate, AggregateSession, EventStore, Version};
use tokio::runtime::Handle;

use super::{Host, stream::CachedStream};
use crate::snapshot;

impl<A: Aggregate> Host<A> {
    /// Saves the session's state if a snapshot is due after the append that moved the stream on from `before`.
    pub(super) fn snapshot_if_due(
        self: &Arc<Self>,
        stream: &Arc<CachedStream<A>>,
        before: Version,
        session: &AggregateSession<A>,
    ) {
        if snapshot::is_due(&stream.stream_id, before, session) {
            self.save_snapshot(stream, session);
        }
    }

    /// Saves the session's state in a task of its own. One snapshot of a stream is saved at a time; of those that fall due
    /// meanwhile, only the newest. Outside of a runtime none is saved: a later command saves one.
    pub(super) fn save_snapshot(self: &Arc<Self>, stream: &CachedStream<A>, session: &AggregateSession<A>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let (version, state) = (session.version(), Arc::clone(session.state()));
        let (stream_id, queue) = (stream.stream_id.clone(), Arc::clone(&stream.snapshots));
        let (saving, store) = (self.saves.token(), self.store.clone());
        runtime.spawn(async move {
            let _saving = saving;
            // Encoded with the permit: the work for a snapshot that is overtaken would be wasted.
            let Some(_permit) = queue.permit(version).await else {
                return;
            };
            let encoded = snapshot::encoded::<A>(&stream_id, version, &state);
            // Dropped before the save: an event that is applied meanwhile would have to clone the state.
            drop(state);
            if let Some(snapshot) = encoded {
                // The outcome is traced.
                let _ = store.save_snapshot(stream_id, snapshot).await;
            }
        });
    }
}
