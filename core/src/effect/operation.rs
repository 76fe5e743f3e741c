//! What can be asked of an event store from inside the loop.

use std::sync::Arc;

use super::{Effect, node::Leaf};
use crate::{
    AppendError, Appended, EventStore, ReadError, RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome,
    StreamAppend, StreamId, Version,
};

/// Turns an answer into the action that carries it: an error can't be dropped on the way.
pub type Continuation<T, A> = Box<dyn FnOnce(T) -> A + Send>;

/// A question to an event store, as data: the store to ask, what to ask, and how to go on with the answer.
///
/// Once started it is never cancelled: its continuation is always reduced.
///
/// ```
/// use composable_rust_core::{Effect, EventStore, StreamAppend};
/// use std::sync::Arc;
///
/// enum Action {
///     Stored,
///     Failed,
/// }
///
/// fn append(store: &Arc<dyn EventStore>, append: StreamAppend) -> Effect<Action> {
///     Effect::append(store.clone(), append, |result| match result {
///         Ok(_) => Action::Stored,
///         Err(_) => Action::Failed,
///     })
/// }
/// # let _ = append;
/// ```
#[non_exhaustive]
pub enum EventStoreOperation<A> {
    /// [`EventStore::append`].
    AppendEvents {
        /// The store to ask.
        store: Arc<dyn EventStore>,
        /// What to append.
        append: StreamAppend,
        /// How to go on.
        then: Continuation<Result<Appended, AppendError>, A>,
    },
    /// [`EventStore::append_batch`].
    AppendBatch {
        /// The store to ask.
        store: Arc<dyn EventStore>,
        /// What to append, all or nothing.
        appends: Vec<StreamAppend>,
        /// How to go on.
        then: Continuation<Result<Vec<Appended>, AppendError>, A>,
    },
    /// [`EventStore::load_events`].
    LoadEvents {
        /// The store to ask.
        store: Arc<dyn EventStore>,
        /// The stream to load.
        stream_id: StreamId,
        /// The first version, itself included; `None` for all.
        from: Option<Version>,
        /// How to go on.
        then: Continuation<Result<Vec<RecordedEvent>, ReadError>, A>,
    },
    /// [`EventStore::save_snapshot`].
    SaveSnapshot {
        /// The store to ask.
        store: Arc<dyn EventStore>,
        /// The stream it belongs to.
        stream_id: StreamId,
        /// What to save.
        snapshot: Snapshot,
        /// How to go on.
        then: Continuation<Result<SnapshotOutcome, SnapshotError>, A>,
    },
    /// [`EventStore::load_snapshot`].
    LoadSnapshot {
        /// The store to ask.
        store: Arc<dyn EventStore>,
        /// The stream it belongs to.
        stream_id: StreamId,
        /// How to go on.
        then: Continuation<Result<Option<Snapshot>, SnapshotError>, A>,
    },
}

impl<A: 'static> EventStoreOperation<A> {
    /// The same question, with another way to go on.
    pub(super) fn map<B: 'static>(self, f: Arc<dyn Fn(A) -> B + Send + Sync>) -> EventStoreOperation<B> {
        match self {
            Self::AppendEvents { store, append, then } => EventStoreOperation::AppendEvents {
                store,
                append,
                then: after(then, f),
            },
            Self::AppendBatch { store, appends, then } => EventStoreOperation::AppendBatch {
                store,
                appends,
                then: after(then, f),
            },
            Self::LoadEvents {
                store,
                stream_id,
                from,
                then,
            } => EventStoreOperation::LoadEvents {
                store,
                stream_id,
                from,
                then: after(then, f),
            },
            Self::SaveSnapshot {
                store,
                stream_id,
                snapshot,
                then,
            } => EventStoreOperation::SaveSnapshot {
                store,
                stream_id,
                snapshot,
                then: after(then, f),
            },
            Self::LoadSnapshot { store, stream_id, then } => EventStoreOperation::LoadSnapshot {
                store,
                stream_id,
                then: after(then, f),
            },
        }
    }
}

fn after<T: 'static, A: 'static, B: 'static>(
    then: Continuation<T, A>,
    f: Arc<dyn Fn(A) -> B + Send + Sync>,
) -> Continuation<T, B> {
    Box::new(move |answer| f(then(answer)))
}

impl<A: Send + 'static> Effect<A> {
    fn operation(operation: EventStoreOperation<A>) -> Self {
        Self::leaf(Leaf::EventStore(Box::new(operation)))
    }

    /// Appends to a stream and reduces what `then` makes of the answer.
    pub fn append(
        store: Arc<dyn EventStore>,
        append: StreamAppend,
        then: impl FnOnce(Result<Appended, AppendError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::AppendEvents {
            store,
            append,
            then: Box::new(then),
        })
    }

    /// Appends to several streams, all or nothing.
    pub fn append_batch(
        store: Arc<dyn EventStore>,
        appends: Vec<StreamAppend>,
        then: impl FnOnce(Result<Vec<Appended>, AppendError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::AppendBatch {
            store,
            appends,
            then: Box::new(then),
        })
    }

    /// Loads the events of a stream from a version on, itself included.
    pub fn load_events(
        store: Arc<dyn EventStore>,
        stream_id: StreamId,
        from: Option<Version>,
        then: impl FnOnce(Result<Vec<RecordedEvent>, ReadError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::LoadEvents {
            store,
            stream_id,
            from,
            then: Box::new(then),
        })
    }

    /// Offers a snapshot.
    pub fn save_snapshot(
        store: Arc<dyn EventStore>,
        stream_id: StreamId,
        snapshot: Snapshot,
        then: impl FnOnce(Result<SnapshotOutcome, SnapshotError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::SaveSnapshot {
            store,
            stream_id,
            snapshot,
            then: Box::new(then),
        })
    }

    /// Loads a stream's snapshot.
    pub fn load_snapshot(
        store: Arc<dyn EventStore>,
        stream_id: StreamId,
        then: impl FnOnce(Result<Option<Snapshot>, SnapshotError>) -> A + Send + 'static,
    ) -> Self {
        Self::operation(EventStoreOperation::LoadSnapshot {
            store,
            stream_id,
            then: Box::new(then),
        })
    }
}
