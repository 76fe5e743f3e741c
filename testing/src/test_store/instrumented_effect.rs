//! Effects whose user code is watched: the same effects, that say what they wait for.

use std::sync::Arc;

use composable_rust_core::{
    __engine::{EventStoreOperation, Leaf, Retry, transform},
    AppendError, Appended, CommandId, Effect, EventStore, ReadError, ReadStream, RecordedEvent, Snapshot,
    SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Version,
};
use futures::{future::BoxFuture, stream::BoxStream};

use super::external_wait::{ExternalWait, ExternalWaits};

/// The effect, its futures, streams and stores watched. What the engine does itself is left as it is.
pub(super) fn instrumented<A: Send + 'static>(effect: Effect<A>, waits: &Arc<ExternalWaits>) -> Effect<A> {
    if effect.is_none() {
        return effect;
    }
    transform(effect, |leaf| match leaf {
        Leaf::Emit(action) => Leaf::Emit(action),
        Leaf::Future(future) => Leaf::Future(Box::pin(ExternalWait::new(future, waits))),
        Leaf::Stream(stream) => Leaf::Stream(Box::pin(ExternalWait::new(stream, waits))),
        Leaf::Retry(retry) => Leaf::Retry(Box::new(instrumented_retry(*retry, waits))),
        Leaf::EventStore(operation) => Leaf::EventStore(Box::new(instrumented_operation(*operation, waits))),
    })
}

fn instrumented_retry<A: Send + 'static>(retry: Retry<A>, waits: &Arc<ExternalWaits>) -> Retry<A> {
    let (mut attempt, waits) = (retry.attempt, Arc::clone(waits));
    Retry {
        backoff: retry.backoff,
        attempt: Box::new(move || Box::pin(ExternalWait::new(attempt(), &waits))),
    }
}

fn instrumented_operation<A>(
    mut operation: EventStoreOperation<A>,
    waits: &Arc<ExternalWaits>,
) -> EventStoreOperation<A> {
    let (EventStoreOperation::AppendEvents { store: asked, .. }
    | EventStoreOperation::AppendBatch { store: asked, .. }
    | EventStoreOperation::LoadEvents { store: asked, .. }
    | EventStoreOperation::SaveSnapshot { store: asked, .. }
    | EventStoreOperation::LoadSnapshot { store: asked, .. }) = &mut operation
    else {
        return operation;
    };
    *asked = Arc::new(InstrumentedStore {
        store: Arc::clone(asked),
        waits: Arc::clone(waits),
    });
    operation
}

/// A store whose answers are watched.
struct InstrumentedStore {
    store: Arc<dyn EventStore>,
    waits: Arc<ExternalWaits>,
}

impl EventStore for InstrumentedStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(ExternalWait::new(self.store.append(append), &self.waits))
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(ExternalWait::new(self.store.append_batch(appends), &self.waits))
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        Box::pin(ExternalWait::new(self.store.read_stream(read), &self.waits))
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        Box::pin(ExternalWait::new(self.store.load_events(stream_id, from), &self.waits))
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        Box::pin(ExternalWait::new(
            self.store.load_command(stream_id, command_id),
            &self.waits,
        ))
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(ExternalWait::new(
            self.store.save_snapshot(stream_id, snapshot),
            &self.waits,
        ))
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(ExternalWait::new(self.store.load_snapshot(stream_id), &self.waits))
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(ExternalWait::new(self.store.delete_snapshot(stream_id), &self.waits))
    }
}
