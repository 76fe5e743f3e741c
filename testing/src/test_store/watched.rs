//! Effects whose user code is watched: the same effects, that say what they wait for.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Appended, Cancellable, CommandId, Delay, Effect, EventStore, EventStoreOperation, Labelled, ReadError,
    ReadStream, RecordedEvent, Retry, Scoped, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId,
    Throttle, Version,
};
use futures::{future::BoxFuture, stream::BoxStream};

use super::leaf::{Leaf, Leaves};

/// The effect, its futures, streams and stores watched. What the engine does itself is left as it is.
pub(super) fn watched<A: Send + 'static>(effect: Effect<A>, leaves: &Arc<Leaves>) -> Effect<A> {
    let each = |effects: Vec<Effect<A>>| effects.into_iter().map(|effect| watched(effect, leaves)).collect();
    match effect {
        Effect::Future(future) => Effect::Future(Box::pin(Leaf::new(future, leaves))),
        Effect::Stream(stream) => Effect::Stream(Box::pin(Leaf::new(stream, leaves))),
        Effect::Delay(delay) => Effect::Delay(Box::new(Delay {
            effect: watched(delay.effect, leaves),
            ..*delay
        })),
        Effect::Parallel(effects) => Effect::Parallel(each(effects)),
        Effect::Sequential(effects) => Effect::Sequential(each(effects)),
        Effect::Race(effects) => Effect::Race(each(effects)),
        Effect::Cancellable(cancellable) => Effect::Cancellable(Box::new(Cancellable {
            effect: watched(cancellable.effect, leaves),
            ..*cancellable
        })),
        Effect::Throttle(throttle) => Effect::Throttle(Box::new(Throttle {
            effect: watched(throttle.effect, leaves),
            ..*throttle
        })),
        Effect::Scoped(scoped) => Effect::Scoped(Box::new(Scoped {
            effect: watched(scoped.effect, leaves),
            ..*scoped
        })),
        Effect::Labelled(labelled) => Effect::Labelled(Box::new(Labelled {
            effect: watched(labelled.effect, leaves),
            ..*labelled
        })),
        Effect::Retry(retry) => Effect::Retry(Box::new(watched_retry(*retry, leaves))),
        Effect::EventStore(operation) => Effect::EventStore(Box::new(watched_operation(*operation, leaves))),
        other => other,
    }
}

fn watched_retry<A: Send + 'static>(retry: Retry<A>, leaves: &Arc<Leaves>) -> Retry<A> {
    let (mut attempt, leaves) = (retry.attempt, Arc::clone(leaves));
    Retry {
        backoff: retry.backoff,
        attempt: Box::new(move || Box::pin(Leaf::new(attempt(), &leaves))),
    }
}

fn watched_operation<A>(mut operation: EventStoreOperation<A>, leaves: &Arc<Leaves>) -> EventStoreOperation<A> {
    let (EventStoreOperation::AppendEvents { store: asked, .. }
    | EventStoreOperation::AppendBatch { store: asked, .. }
    | EventStoreOperation::LoadEvents { store: asked, .. }
    | EventStoreOperation::SaveSnapshot { store: asked, .. }
    | EventStoreOperation::LoadSnapshot { store: asked, .. }) = &mut operation
    else {
        return operation;
    };
    *asked = Arc::new(WatchedStore {
        store: Arc::clone(asked),
        leaves: Arc::clone(leaves),
    });
    operation
}

/// A store whose answers are watched.
struct WatchedStore {
    store: Arc<dyn EventStore>,
    leaves: Arc<Leaves>,
}

impl EventStore for WatchedStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(Leaf::new(self.store.append(append), &self.leaves))
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(Leaf::new(self.store.append_batch(appends), &self.leaves))
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        Box::pin(Leaf::new(self.store.read_stream(read), &self.leaves))
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        Box::pin(Leaf::new(self.store.load_events(stream_id, from), &self.leaves))
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        Box::pin(Leaf::new(self.store.load_command(stream_id, command_id), &self.leaves))
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(Leaf::new(self.store.save_snapshot(stream_id, snapshot), &self.leaves))
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(Leaf::new(self.store.load_snapshot(stream_id), &self.leaves))
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(Leaf::new(self.store.delete_snapshot(stream_id), &self.leaves))
    }
}
