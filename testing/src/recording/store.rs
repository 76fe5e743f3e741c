//! A store that records its calls and their answers.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId,
};
use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::sync::Notify;

use super::call::{Answer, RecordedCall, Request};

/// A store that records its calls, in order, and their answers.
///
/// A call is recorded when its future is first polled. Its answer is [`Answer::Dropped`] if the caller drops the future before
/// its end. Clones are handles to the same store.
///
/// ```
/// use composable_rust_core::{EventStore, ReadStream};
/// use composable_rust_testing::{InMemoryEventStore, RecordingEventStore};
///
/// # futures::executor::block_on(async {
/// let store = RecordingEventStore::new(InMemoryEventStore::new());
/// store.load_events("door-1".parse()?, None).await?;
/// assert_eq!(store.transcript(), ["read door-1 -> 0 events"]);
/// assert!(store.appends().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct RecordingEventStore<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    store: S,
    /// A std Mutex: nothing awaits while it is held.
    calls: Mutex<Vec<RecordedCall>>,
    begun: Notify,
}

impl<S> RecordingEventStore<S> {
    /// Records the calls to `store`.
    #[must_use]
    pub fn new(store: S) -> Self {
        let shared = Shared {
            store,
            calls: Mutex::default(),
            begun: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The recorded store. Calls to it directly are not recorded.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.shared.store
    }

    /// Every call, in the order in which they began.
    #[must_use]
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.lock().clone()
    }

    /// Every call as a line.
    #[must_use]
    pub fn transcript(&self) -> Vec<String> {
        self.lock().iter().map(ToString::to_string).collect()
    }

    /// All requested appends, in order, accepted or not; the entries of batches one by one.
    #[must_use]
    pub fn appends(&self) -> Vec<StreamAppend> {
        let calls = self.lock();
        let appends = calls.iter().flat_map(|call| match &call.request {
            Request::Append(append) => std::slice::from_ref(append),
            Request::Batch(entries) => entries.as_slice(),
            _ => &[],
        });
        appends.cloned().collect()
    }

    /// Every read of a stream, in order.
    #[must_use]
    pub fn reads(&self) -> Vec<ReadStream> {
        let calls = self.lock();
        let reads = calls.iter().filter_map(|call| match &call.request {
            Request::Read(read) => Some(read.clone()),
            _ => None,
        });
        reads.collect()
    }

    /// Completes when so many appends have begun, batches counted as one: to look at the world while one is under way.
    ///
    /// ```
    /// use composable_rust_testing::{InMemoryEventStore, RecordingEventStore};
    /// use futures::FutureExt;
    ///
    /// let store = RecordingEventStore::new(InMemoryEventStore::new());
    /// assert!(store.appends_begun(0).now_or_never().is_some());
    /// assert!(store.appends_begun(1).now_or_never().is_none());
    /// ```
    pub async fn appends_begun(&self, appends: usize) {
        loop {
            // Registered before the calls are counted: one that begins in between wakes this waiter.
            let mut begun = std::pin::pin!(self.shared.begun.notified());
            begun.as_mut().enable();
            if self.appends_so_far() >= appends {
                return;
            }
            begun.await;
        }
    }

    fn appends_so_far(&self) -> usize {
        let is_append = |call: &&RecordedCall| matches!(call.request, Request::Append(_) | Request::Batch(_));
        self.lock().iter().filter(is_append).count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RecordedCall>> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, request: Request) -> Entry<S> {
        let mut calls = self.lock();
        let place = calls.len();
        let answer = Answer::Pending;
        calls.push(RecordedCall { request, answer });
        drop(calls);
        self.shared.begun.notify_waiters();
        let store = self.clone();
        let dropped = Answer::Dropped;
        Entry { store, place, dropped }
    }

    async fn record<T, E>(
        &self,
        request: Request,
        call: impl Future<Output = Result<T, E>>,
        answer: impl FnOnce(&Result<T, E>) -> Answer,
    ) -> Result<T, E> {
        let entry = self.begin(request);
        let outcome = call.await;
        entry.answered(answer(&outcome));
        outcome
    }
}

/// A call under way: one that is dropped unanswered was dropped by the caller.
struct Entry<S> {
    store: RecordingEventStore<S>,
    place: usize,
    dropped: Answer,
}

impl<S> Entry<S> {
    /// Keeps the first answer: a read that has failed is polled once more when it is collected.
    fn answered(&self, answer: Answer) {
        if let Some(call) = self.store.lock().get_mut(self.place)
            && matches!(call.answer, Answer::Pending)
        {
            call.answer = answer;
        }
    }
}

impl<S> Drop for Entry<S> {
    fn drop(&mut self) {
        let dropped = std::mem::replace(&mut self.dropped, Answer::Dropped);
        self.answered(dropped);
    }
}

impl<S: EventStore> EventStore for RecordingEventStore<S> {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let request = Request::Append(append.clone());
            let appended = async { self.inner().append(append).await };
            let one = |outcome: &Result<Appended, _>| Answer::Appended(outcome.clone().map(|end| vec![end]));
            self.record(request, appended, one).await
        })
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            let request = Request::Batch(appends.clone());
            let appended = async { self.inner().append_batch(appends).await };
            self.record(request, appended, |outcome| Answer::Appended(outcome.clone()))
                .await
        })
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        let store = self.clone();
        stream::once(async move {
            let entry = store.begin(Request::Read(read.clone()));
            counted(entry, store.inner().read_stream(read))
        })
        .flatten()
        .boxed()
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let store = self.clone();
        Box::pin(async move {
            let request = Request::Command(stream_id.clone(), command_id);
            let loaded = async { store.inner().load_command(stream_id, command_id).await };
            let count = |outcome: &Result<Vec<RecordedEvent>, ReadError>| match outcome {
                Ok(events) => Answer::Read(events.len() as u64, Ok(())),
                Err(error) => Answer::Read(0, Err(error.clone())),
            };
            store.record(request, loaded, count).await
        })
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(async move {
            let request = Request::Save(stream_id.clone(), snapshot.clone());
            let saved = async { self.inner().save_snapshot(stream_id, snapshot).await };
            self.record(request, saved, |outcome| Answer::Saved(outcome.clone()))
                .await
        })
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move {
            let request = Request::Load(stream_id.clone());
            let loaded = async { self.inner().load_snapshot(stream_id).await };
            let version = |outcome: &Result<Option<Snapshot>, SnapshotError>| {
                let found = outcome
                    .as_ref()
                    .map(|snapshot| snapshot.as_ref().map(|found| found.version));
                Answer::Loaded(found.map_err(Clone::clone))
            };
            self.record(request, loaded, version).await
        })
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move {
            let request = Request::Delete(stream_id.clone());
            let deleted = async { self.inner().delete_snapshot(stream_id).await };
            self.record(request, deleted, |outcome| Answer::Deleted(outcome.clone()))
                .await
        })
    }
}

/// The events of a read, counted until it ends, fails or is dropped.
fn counted<S: EventStore>(
    entry: Entry<S>,
    events: BoxStream<'static, Result<RecordedEvent, ReadError>>,
) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
    let read = (entry, events, 0_u64);
    let counted = stream::unfold(read, |(mut entry, mut events, read)| async move {
        let item = events.next().await;
        match &item {
            None => entry.answered(Answer::Read(read, Ok(()))),
            Some(Err(error)) => entry.answered(Answer::Read(read, Err(error.clone()))),
            Some(Ok(_)) => entry.dropped = Answer::Left(read + 1),
        }
        item.map(|item| (item, (entry, events, read + 1)))
    });
    counted.boxed()
}

impl<S: EventLog> EventLog for RecordingEventStore<S> {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move {
            let request = Request::Page(read.clone());
            let page = async { self.inner().read_all(read).await };
            let count = |outcome: &Result<LogPage, ReadError>| match outcome {
                Ok(page) => Answer::Read(page.events.len() as u64, Ok(())),
                Err(error) => Answer::Read(0, Err(error.clone())),
            };
            self.record(request, page, count).await
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(self.record(Request::Head, self.inner().head(), |outcome| {
            Answer::Head(outcome.clone())
        }))
    }

    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(
            self.record(Request::Head, self.inner().wait_for_committed(), |outcome| {
                Answer::Head(outcome.clone())
            }),
        )
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(
            self.record(Request::Wait(after), self.inner().wait_for_events(after), |outcome| {
                Answer::Waited(outcome.clone())
            }),
        )
    }
}

/// Another handle to the same store.
impl<S> Clone for RecordingEventStore<S> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared }
    }
}

impl<S> fmt::Debug for RecordingEventStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.lock().len();
        f.debug_struct("RecordingEventStore")
            .field("calls", &calls)
            .finish_non_exhaustive()
    }
}
