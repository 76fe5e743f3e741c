//! A store in memory with a fault, and the check that the suite complains about it.
#![expect(clippy::panic, reason = "an unnoticed fault is the test's failure")]

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, SharedError, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Unavailable,
    UnavailableReason, Version,
};
use composable_rust_testing::{
    InMemoryEventStore,
    conformance::{Fixture, Tampering, run},
};
use futures::{future::BoxFuture, stream::BoxStream};

pub(crate) type Append<'a> = BoxFuture<'a, Result<Appended, AppendError>>;
pub(crate) type Batch<'a> = BoxFuture<'a, Result<Vec<Appended>, AppendError>>;
pub(crate) type Command = BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>>;
pub(crate) type Saved = Result<SnapshotOutcome, SnapshotError>;
pub(crate) type Reader = BoxStream<'static, Result<RecordedEvent, ReadError>>;

/// One fault: what it does not change, the store in memory does.
pub(crate) trait Fault: Send + Sync + 'static {
    fn append<'a>(&'a self, store: &'a InMemoryEventStore, append: StreamAppend) -> Append<'a> {
        store.append(append)
    }
    fn append_batch<'a>(&'a self, store: &'a InMemoryEventStore, appends: Vec<StreamAppend>) -> Batch<'a> {
        store.append_batch(appends)
    }
    fn read_stream(&self, store: &InMemoryEventStore, read: ReadStream) -> Reader {
        store.read_stream(read)
    }
    fn load_command(&self, store: &InMemoryEventStore, stream: StreamId, command: CommandId) -> Command {
        store.load_command(stream, command)
    }
    fn save_snapshot(&self, store: &InMemoryEventStore, stream: StreamId, snapshot: Snapshot) -> Saved {
        futures::executor::block_on(store.save_snapshot(stream, snapshot))
    }
    fn load_snapshot(&self, store: &InMemoryEventStore, stream: &StreamId) -> Option<Snapshot> {
        store.snapshot(stream)
    }
    fn delete_snapshot(&self, store: &InMemoryEventStore, stream: StreamId) -> Result<(), SnapshotError> {
        futures::executor::block_on(store.delete_snapshot(stream))
    }
    fn read_all<'a>(
        &'a self,
        store: &'a InMemoryEventStore,
        read: ReadAll,
    ) -> BoxFuture<'a, Result<LogPage, ReadError>> {
        store.read_all(read)
    }
    fn wait<'a>(&'a self, store: &'a InMemoryEventStore, after: Position) -> BoxFuture<'a, Result<(), ReadError>> {
        store.wait_for_events(after)
    }
    fn tamper(&self) -> Vec<Tampering> {
        Vec::new()
    }
    fn break_reads(&self) -> bool {
        false
    }
    fn close(&self) -> bool {
        false
    }
    /// Short for a store that gets stuck; long enough elsewhere that no busy machine passes for one.
    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }
}

pub(crate) const SHORT: Duration = Duration::from_secs(1);

struct Broken<F> {
    store: InMemoryEventStore,
    fault: Arc<F>,
}

impl<F: Fault> EventStore for Broken<F> {
    fn append(&self, append: StreamAppend) -> Append<'_> {
        self.fault.append(&self.store, append)
    }
    fn append_batch(&self, appends: Vec<StreamAppend>) -> Batch<'_> {
        self.fault.append_batch(&self.store, appends)
    }
    fn read_stream(&self, read: ReadStream) -> Reader {
        self.fault.read_stream(&self.store, read)
    }
    fn load_command(&self, stream: StreamId, command: CommandId) -> Command {
        self.fault.load_command(&self.store, stream, command)
    }
    fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(async move { self.fault.save_snapshot(&self.store, stream, snapshot) })
    }
    fn load_snapshot(&self, stream: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move { Ok(self.fault.load_snapshot(&self.store, &stream)) })
    }
    fn delete_snapshot(&self, stream: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move { self.fault.delete_snapshot(&self.store, stream) })
    }
}

impl<F: Fault> EventLog for Broken<F> {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        self.fault.read_all(&self.store, read)
    }
    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.store.head()
    }
    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.store.wait_for_committed()
    }
    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        self.fault.wait(&self.store, after)
    }
}

pub(crate) struct BrokenFixture<F>(Arc<Broken<F>>);

impl<F: Fault> Fixture for BrokenFixture<F> {
    fn store(&self) -> Arc<dyn EventLog> {
        Arc::<Broken<F>>::clone(&self.0)
    }
    fn tamper<'a>(&'a self, _: &'a RecordedEvent) -> BoxFuture<'a, Vec<Tampering>> {
        Box::pin(async { self.0.fault.tamper() })
    }
    fn break_reads(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.0.fault.break_reads() })
    }
    fn close(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.0.fault.close() })
    }
    fn long_stream(&self) -> usize {
        1000
    }
    fn patience(&self) -> Duration {
        self.0.fault.patience()
    }
}

/// The promise fails on a store with this fault, and says `complaint`.
#[track_caller]
pub(crate) fn assert_caught<F: Fault, P: Future<Output = ()>>(
    promise: impl FnOnce(BrokenFixture<F>) -> P,
    fault: F,
    complaint: &str,
) {
    let broken = Broken {
        store: InMemoryEventStore::new(),
        fault: Arc::new(fault),
    };
    let fixture = async { BrokenFixture(Arc::new(broken)) };
    let outcome = catch_unwind(AssertUnwindSafe(|| run(fixture, promise)));
    let Err(failure) = outcome else {
        panic!("the suite did not notice the fault; it was to say: {complaint}");
    };
    let message = text(&*failure);
    assert!(
        message.contains(complaint),
        "the suite was to say {complaint:?}, and said {message:?}"
    );
}

fn text(failure: &(dyn Any + Send)) -> &str {
    let text = failure.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| failure.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}

pub(crate) fn head(store: &InMemoryEventStore, stream: &StreamId) -> Version {
    store
        .events(stream)
        .last()
        .map_or(Version::INITIAL, |event| event.version)
}

pub(crate) fn source() -> SharedError {
    Arc::new(io::Error::other("the fault"))
}

pub(crate) fn unavailable() -> Unavailable {
    Unavailable::new(UnavailableReason::Unreachable, source())
}

/// What a store awaits between two steps that should be one.
pub(crate) async fn gap() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
