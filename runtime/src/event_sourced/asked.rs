//! The event store, as effects ask it.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{
    AppendError, Appended, CommandId, EventStore, ReadError, ReadStream, RecordedEvent, Snapshot, SnapshotError,
    SnapshotOutcome, StreamAppend, StreamId, Version,
};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};

use super::saving::Saves;
use crate::{persistent::Persistent, snapshot};

/// A store that is asked until it has answered. Pauses and turns are part of the question: what can't be cancelled does not
/// become cancellable while it waits.
pub(super) struct Asked {
    persistent: Persistent,
    /// How long a load waits first, after a conflict.
    pause: Option<Duration>,
    /// The other snapshots that are being saved.
    saves: Option<Arc<Saves>>,
}

impl Asked {
    pub(super) fn now(persistent: Persistent) -> Arc<dyn EventStore> {
        Self::after(persistent, None)
    }

    pub(super) fn after(persistent: Persistent, pause: Option<Duration>) -> Arc<dyn EventStore> {
        let saves = None;
        Arc::new(Self {
            persistent,
            pause,
            saves,
        })
    }

    pub(super) fn in_turn(persistent: Persistent, saves: Arc<Saves>) -> Arc<dyn EventStore> {
        let (pause, saves) = (None, Some(saves));
        Arc::new(Self {
            persistent,
            pause,
            saves,
        })
    }

    async fn save(&self, stream_id: StreamId, snapshot: Snapshot) -> Result<SnapshotOutcome, SnapshotError> {
        let version = snapshot.version;
        let _turn = match &self.saves {
            Some(saves) => match saves.turn(version).await {
                Some(turn) => Some(turn),
                // What the store would say, had it been asked.
                None => return Ok(SnapshotOutcome::Declined),
            },
            None => None,
        };
        let outcome = self.persistent.save_snapshot(stream_id.clone(), snapshot).await;
        snapshot::trace_saved(&stream_id, version, &outcome);
        outcome
    }
}

impl EventStore for Asked {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.persistent.append(append).boxed()
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        self.persistent.store.append_batch(appends)
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        self.persistent.store.read_stream(read)
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let (persistent, pause) = (self.persistent.clone(), self.pause);
        Box::pin(async move {
            if let Some(pause) = pause {
                persistent.pause(pause).await;
            }
            persistent.load(stream_id, from).await
        })
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let persistent = self.persistent.clone();
        Box::pin(async move { persistent.load_command(&stream_id, command_id).await })
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        self.save(stream_id, snapshot).boxed()
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move {
            if let Some(pause) = self.pause {
                self.persistent.pause(pause).await;
            }
            self.persistent.snapshot(stream_id).await
        })
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        self.persistent.store.delete_snapshot(stream_id)
    }
}
