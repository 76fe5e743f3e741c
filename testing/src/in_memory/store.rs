//! The store itself: a lock around the log, and a bell for those who wait.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, SubsecRound, Utc};
use composable_rust_core::{
    AppendError, Appended, Clock, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId,
};
use futures::{future::BoxFuture, stream::BoxStream};
use tokio::sync::Notify;

use super::{log::Log, reading};
use crate::FixedClock;

/// An event store in memory, with the whole contract of [`EventStore`] and [`EventLog`].
///
/// It is the readable reference of that contract, the store of unit tests, and a store for programs that need none
/// after they end. Clones are handles to the same store.
///
/// ```
/// use composable_rust_core::{AppendError, Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent, Version};
/// use composable_rust_testing::{InMemoryEventStore, SequentialIds};
///
/// # futures::executor::block_on(async {
/// let (store, ids) = (InMemoryEventStore::new(), SequentialIds::new());
/// let opened = || SerializedEvent::new(ids.event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
///
/// let first = store.append_events("door-1".parse()?, ExpectedVersion::NoStream, vec![opened()]).await?;
/// assert_eq!(first.version, Version::from(1));
///
/// let late = store.append_events("door-1".parse()?, ExpectedVersion::NoStream, vec![opened()]).await;
/// assert!(matches!(late, Err(AppendError::Conflict(conflict)) if conflict.actual == Version::from(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct InMemoryEventStore {
    shared: Arc<Shared>,
}

struct Shared {
    /// A std Mutex: nothing awaits while it is held, and no user's code runs under it.
    log: Mutex<Log>,
    written: Notify,
    clock: Arc<dyn Clock>,
}

impl InMemoryEventStore {
    /// An empty store whose clock stands still at [`FixedClock::START`], so that two runs record the same.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(FixedClock::default()))
    }

    /// An empty store that takes `recorded_at` from `clock`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use composable_rust_testing::{InMemoryEventStore, TestClock};
    ///
    /// let clock = TestClock::new();
    /// let store = InMemoryEventStore::with_clock(Arc::new(clock.clone()));
    /// assert!(store.is_empty());
    /// ```
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let shared = Shared {
            log: Mutex::default(),
            written: Notify::new(),
            clock,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        // A panic under the lock is a lack of memory at most: writing has no other way to fail.
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Databases keep microseconds; what they would lose is not kept here either.
    fn recorded_at(&self) -> DateTime<Utc> {
        self.shared.clock.now().trunc_subsecs(6)
    }

    fn append_now(&self, appends: Vec<StreamAppend>) -> Result<Vec<Appended>, AppendError> {
        let recorded_at = self.recorded_at();
        let appended = self.log().append(appends, recorded_at)?;
        self.shared.written.notify_waiters();
        Ok(appended)
    }

    fn save_snapshot_now(&self, stream_id: &StreamId, snapshot: Snapshot) -> Result<SnapshotOutcome, SnapshotError> {
        let bytes = snapshot.data.len();
        if bytes > Snapshot::MAX_BYTES {
            return Err(SnapshotError::TooLarge { bytes });
        }
        Ok(self.log().offer_snapshot(stream_id, snapshot))
    }

    async fn wait_for_more(&self, after: Position) {
        loop {
            // Listening begins before looking: what is written in between rings this bell.
            let written = self.shared.written.notified();
            if self.log().head() > after {
                return;
            }
            written.await;
        }
    }
}

impl EventStore for InMemoryEventStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            append.validate()?;
            let appended = self.append_now(vec![append])?;
            appended.first().copied().ok_or(AppendError::NoEvents)
        })
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            StreamAppend::validate_batch(&appends)?;
            self.append_now(appends)
        })
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        reading::stream(self.clone(), read)
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let store = self.clone();
        Box::pin(async move { Ok(reading::command(&store, &stream_id, command_id)) })
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(async move { self.save_snapshot_now(&stream_id, snapshot) })
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move { Ok(self.snapshot(&stream_id)) })
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move {
            self.log().delete_snapshot(&stream_id);
            Ok(())
        })
    }
}

impl EventLog for InMemoryEventStore {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move { Ok(reading::page(self, &read)) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { Ok(self.log().head()) })
    }

    /// Everything that was appended is readable at once.
    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.head()
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async move {
            self.wait_for_more(after).await;
            Ok(())
        })
    }
}

impl Default for InMemoryEventStore {
    fn default() -> Self {
        Self::new()
    }
}

/// Says how much is in it; the events themselves are [`InMemoryEventStore::all_events`].
impl fmt::Debug for InMemoryEventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (streams, events) = (self.stream_ids().len(), self.len());
        f.debug_struct("InMemoryEventStore")
            .field("streams", &streams)
            .field("events", &events)
            .finish()
    }
}
