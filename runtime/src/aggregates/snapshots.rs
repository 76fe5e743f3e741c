//! Snapshots beside the commands: a help to the next load, and never in the way of this one.

use std::sync::Arc;

use composable_rust_core::{Aggregate, Session, StreamId};
use tracing::{debug, warn};

use super::Host;

/// What a stream's snapshot is good for.
pub(super) enum Restored<A: Aggregate> {
    /// To begin from.
    Usable(Session<A>),
    /// To be replaced once the history was replayed: of another schema, or damaged.
    Unusable,
    /// There is none.
    Absent,
}

impl<A: Aggregate> Host<A> {
    /// A snapshot is an accelerator: whatever is wrong with it, the events are there.
    pub(super) async fn restore(&self, stream_id: &StreamId) -> Restored<A> {
        if A::SNAPSHOTS.is_never() {
            return Restored::Absent;
        }
        let snapshot = match self.store.snapshot(stream_id.clone()).await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return Restored::Absent,
            Err(error) => {
                warn!(%stream_id, %error, "snapshot not loaded: replaying the whole stream");
                return Restored::Absent;
            }
        };
        if let Some(state) = A::SNAPSHOTS.restore(&snapshot) {
            return Restored::Usable(Session::restored(snapshot.version, state));
        }
        warn!(
            %stream_id,
            version = %snapshot.version,
            schema = snapshot.schema,
            "snapshot ignored: of another schema, or damaged"
        );
        Restored::Unusable
    }

    /// Saves the session's state in a task of its own: no command is delayed or failed by it.
    pub(super) fn offer_snapshot(self: &Arc<Self>, stream_id: &StreamId, session: &Session<A>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (host, stream_id) = (Arc::clone(self), stream_id.clone());
        let (version, state) = (session.version(), Arc::clone(session.state()));
        runtime.spawn(async move {
            let saved = match A::SNAPSHOTS.save(version, &state) {
                Some(Ok(snapshot)) => host.store.store.save_snapshot(stream_id.clone(), snapshot).await,
                Some(Err(error)) => return warn!(%stream_id, %error, "snapshot not encoded"),
                None => return,
            };
            match saved {
                Ok(outcome) => debug!(%stream_id, %version, ?outcome, "snapshot"),
                Err(error) => warn!(%stream_id, %error, "snapshot not saved"),
            }
        });
    }
}
