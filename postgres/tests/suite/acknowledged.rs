//! A store whose log is read only once it shows what was acknowledged.
//!
//! On a server that others write to, an acknowledged event becomes readable in the log a moment later: when no older
//! transaction of the whole cluster runs any more. The suite asks the log at once, as a witness of what was appended.

use std::sync::{Arc, Mutex};

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Version,
};
use composable_rust_postgres::PostgresEventStore;
use futures::{future::BoxFuture, stream::BoxStream};

#[derive(Clone)]
pub(crate) struct AcknowledgedStore {
    store: PostgresEventStore,
    acknowledged: Arc<Mutex<Position>>,
}

impl AcknowledgedStore {
    pub(crate) fn new(store: PostgresEventStore) -> Self {
        Self {
            store,
            acknowledged: Arc::default(),
        }
    }

    pub(crate) async fn close(&self) {
        self.store.close().await;
    }

    fn acknowledge(&self, position: Position) {
        let mut last = self.acknowledged.lock().unwrap();
        *last = position.max(*last);
    }

    async fn settle(&self) -> Result<(), ReadError> {
        let last = *self.acknowledged.lock().unwrap();
        loop {
            let head = self.store.head().await?;
            if head >= last {
                return Ok(());
            }
            self.store.wait_for_events(head).await?;
        }
    }
}

impl EventStore for AcknowledgedStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let appended = self.store.append(append).await?;
            self.acknowledge(appended.position);
            Ok(appended)
        })
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            let appended = self.store.append_batch(appends).await?;
            for entry in &appended {
                self.acknowledge(entry.position);
            }
            Ok(appended)
        })
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        self.store.read_stream(read)
    }

    // What the contract provides is passed on, too: the store has ways of its own for some of it.
    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        self.store.load_events(stream_id, from)
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        self.store.load_command(stream_id, command_id)
    }

    fn stream_version(&self, stream_id: StreamId) -> BoxFuture<'static, Result<Version, ReadError>> {
        self.store.stream_version(stream_id)
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        self.store.save_snapshot(stream_id, snapshot)
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        self.store.load_snapshot(stream_id)
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        self.store.delete_snapshot(stream_id)
    }
}

impl EventLog for AcknowledgedStore {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move {
            self.settle().await?;
            self.store.read_all(read).await
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            self.settle().await?;
            self.store.head().await
        })
    }

    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.store.wait_for_committed()
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        self.store.wait_for_events(after)
    }
}
