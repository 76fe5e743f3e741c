//! An event store that answers when the test lets it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use composable_rust_core::{
    AppendError, Appended, Encoding, EventStore, ExpectedVersion, IdGenerator, ReadError, ReadStream, RecordedEvent,
    SerializedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId,
};
use composable_rust_testing::{InMemoryEventStore, SequentialIds};
use futures::{future::BoxFuture, stream::BoxStream};
use tokio::sync::{Notify, Semaphore};

/// Logs when each append begins and ends; lets one end for each permit.
pub(crate) struct Gated {
    inner: InMemoryEventStore,
    permits: Semaphore,
    /// Rung when an append ends, before its answer is on its way.
    pub(crate) ended: Notify,
    panics: AtomicBool,
    log: Mutex<Vec<String>>,
    in_flight: AtomicU32,
    most_in_flight: AtomicU32,
}

impl Gated {
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self {
            inner: InMemoryEventStore::new(),
            permits: Semaphore::new(0),
            ended: Notify::new(),
            panics: AtomicBool::new(false),
            log: Mutex::default(),
            in_flight: AtomicU32::new(0),
            most_in_flight: AtomicU32::new(0),
        })
    }

    pub(crate) fn open() -> Arc<Self> {
        let store = Self::closed();
        store.admit(Semaphore::MAX_PERMITS);
        store
    }

    /// Lets so many more appends end.
    pub(crate) fn admit(&self, appends: usize) {
        self.permits.add_permits(appends);
    }

    /// From here on every operation panics.
    pub(crate) fn panic(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    pub(crate) fn log(&self) -> String {
        self.lock().join(" ")
    }

    pub(crate) fn most_in_flight(&self) -> u32 {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn stored(&self, stream: &str) -> usize {
        stream.parse().map_or(0, |stream| self.inner.events(&stream).len())
    }

    fn note(&self, what: &str, streams: &[StreamId]) {
        let streams: Vec<_> = streams.iter().map(StreamId::as_str).collect();
        self.lock().push(format!("{what}:{}", streams.join("+")));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn gate<T>(&self, streams: Vec<StreamId>, append: BoxFuture<'_, T>) -> T {
        self.note("begin", &streams);
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        assert!(!self.panics.load(Ordering::SeqCst), "the store is broken");
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        let answer = append.await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.note("end", &streams);
        self.ended.notify_one();
        answer
    }
}

impl EventStore for Gated {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.gate(vec![append.stream_id.clone()], self.inner.append(append)))
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        let streams = appends.iter().map(|append| append.stream_id.clone()).collect();
        Box::pin(self.gate(streams, self.inner.append_batch(appends)))
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        assert!(!self.panics.load(Ordering::SeqCst), "the store is broken");
        self.inner.read_stream(read)
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        assert!(!self.panics.load(Ordering::SeqCst), "the store is broken");
        self.inner.save_snapshot(stream_id, snapshot)
    }

    /// Never answers.
    fn load_snapshot(&self, _: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        assert!(!self.panics.load(Ordering::SeqCst), "the store is broken");
        Box::pin(futures::future::pending())
    }
}

/// One event for `stream`, whatever its version.
pub(crate) fn one_event(stream: &str) -> StreamAppend {
    static IDS: SequentialIds = SequentialIds::new();
    let event = SerializedEvent::new(IDS.event_id(), "Happened.v1", Encoding::BINCODE, vec![]);
    StreamAppend::new(stream.parse().unwrap(), ExpectedVersion::Any, vec![event])
}
