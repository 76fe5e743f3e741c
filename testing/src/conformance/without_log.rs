//! A store of streams alone.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId,
};
use futures::{
    future::{self, BoxFuture},
    stream::BoxStream,
};

use super::Fixture;

/// A store that has streams and no log: a fixture for
/// [`event_store_conformance!`](crate::event_store_conformance) and
/// [`snapshot_conformance!`](crate::snapshot_conformance).
///
/// ```
/// use std::sync::Arc;
/// use composable_rust_core::EventStore;
/// use composable_rust_testing::{InMemoryEventStore, conformance::WithoutLog, event_store_conformance};
///
/// /// As if it were no more than an `EventStore`.
/// async fn streams() -> WithoutLog {
///     let store: Arc<dyn EventStore> = Arc::new(InMemoryEventStore::new());
///     WithoutLog::new(store)
/// }
/// event_store_conformance!(streams());
/// # fn main() {}
/// ```
pub struct WithoutLog {
    streams: Arc<Streams>,
}

impl WithoutLog {
    /// The streams of `store`.
    #[must_use]
    pub fn new(store: impl EventStore) -> Self {
        let streams = Arc::new(Streams(Arc::new(store)));
        Self { streams }
    }
}

impl Fixture for WithoutLog {
    fn store(&self) -> Arc<dyn EventLog> {
        Arc::<Streams>::clone(&self.streams)
    }

    fn has_log(&self) -> bool {
        false
    }
}

/// A log only by its type: the suite does not call it.
struct Streams(Arc<dyn EventStore>);

impl EventStore for Streams {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.0.append(append)
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        self.0.append_batch(appends)
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        self.0.read_stream(read)
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        self.0.load_command(stream_id, command_id)
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        self.0.save_snapshot(stream_id, snapshot)
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        self.0.load_snapshot(stream_id)
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        self.0.delete_snapshot(stream_id)
    }
}

fn no_log<T: Send + 'static>() -> BoxFuture<'static, Result<T, ReadError>> {
    let why = std::io::Error::other("this store was brought to the suite without a log");
    Box::pin(future::ready(Err(ReadError::Backend(Arc::new(why)))))
}

impl EventLog for Streams {
    fn read_all(&self, _: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        no_log()
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        no_log()
    }

    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        no_log()
    }

    fn wait_for_events(&self, _: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        no_log()
    }
}
