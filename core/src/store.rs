//! The contract that every event store keeps.

use std::sync::Arc;

use futures::{
    TryStreamExt,
    future::BoxFuture,
    stream::{BoxStream, StreamExt},
};

use crate::{
    AppendError, Appended, CommandId, ExpectedVersion, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, SerializedEvent, Snapshot, SnapshotAndEvents, SnapshotError, SnapshotOutcome, StreamAppend,
    StreamId, Version,
};

/// Streams of events with optimistic concurrency, and a snapshot for each stream.
///
/// What every implementation promises stands in `specs/event-store.md`, a heading a promise, and is checked by the
/// conformance suite of `composable-rust-testing`. The trait is object-safe; applications hold an
/// `Arc<dyn EventLog>` or an `Arc<dyn EventStore>`, and choose the implementation in one line.
///
/// ```
/// use composable_rust_core::{AppendError, EventStore, ExpectedVersion, SerializedEvent, StreamId};
///
/// /// Retries nothing and hides nothing: a conflict is data for the caller.
/// async fn append_first(store: &dyn EventStore, id: StreamId, event: SerializedEvent) -> Result<bool, AppendError> {
///     match store.append_events(id, ExpectedVersion::NoStream, vec![event]).await {
///         Ok(_) => Ok(true),
///         Err(AppendError::Conflict(_)) => Ok(false),
///         Err(other) => Err(other),
///     }
/// }
/// # let _ = append_first;
/// ```
pub trait EventStore: Send + Sync + 'static {
    /// Appends events to a stream: all of them in order, or none.
    ///
    /// The identical append sent again (same ids, content and metadata, expecting `NoStream` or `Exact`) returns the
    /// first result. Dropping the future leaves the append all there or not at all.
    ///
    /// # Errors
    /// See [`AppendError`]; only after [`AppendError::OutcomeUnknown`] may anything be written.
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Appends to several streams: all or nothing. An entry without events only checks its version, and that check
    /// holds against concurrent writers. Answers stand in the order of the entries.
    ///
    /// # Errors
    /// See [`AppendError`]; the error names the stream that refused.
    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>>;

    /// Reads a stream, page by page in bounded memory. An error is an item and the last one: a stream that ends
    /// without one is complete.
    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>>;

    /// Offers a snapshot: the highest version wins, whatever the order of the calls; one at the same version replaces.
    ///
    /// # Errors
    /// See [`SnapshotError`]; snapshots are accelerators, so reporting it is enough.
    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>>;

    /// The stream's snapshot, if it has one.
    ///
    /// # Errors
    /// See [`SnapshotError`]; load the events from the first instead.
    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>>;

    /// Deletes the stream's snapshot, if it has one. The next load replays all events.
    ///
    /// # Errors
    /// [`SnapshotError::Unavailable`] or [`SnapshotError::Backend`]: the snapshot may still be there; delete it again.
    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>>;

    /// [`EventStore::append`] with its parts as arguments.
    ///
    /// # Errors
    /// As [`EventStore::append`].
    fn append_events(
        &self,
        stream_id: StreamId,
        expected: ExpectedVersion,
        events: Vec<SerializedEvent>,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.append(StreamAppend::new(stream_id, expected, events))
    }

    /// The events of a stream from a version on, itself included, in one list: for streams that fit into memory.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let mut read = ReadStream::new(stream_id);
        read.from = from;
        Box::pin(self.read_stream(read).try_collect())
    }

    /// The stream's snapshot and the events since, for loading an aggregate: in one round trip where the store can, and in
    /// two by default.
    ///
    /// The events begin with the one at the snapshot's own version (that it is there proves that the stream reaches the
    /// snapshot), or with the stream's first event if there is no snapshot or it can't be loaded. At most
    /// [`SnapshotAndEvents::MAX_EVENTS`] are returned; read on where `at_end` is false.
    ///
    /// # Errors
    /// See [`ReadError`]: the events could not be read. That the snapshot could not be loaded is part of the result.
    fn load_snapshot_and_events(&self, stream_id: StreamId) -> BoxFuture<'_, Result<SnapshotAndEvents, ReadError>> {
        Box::pin(async move {
            let snapshot = self.load_snapshot(stream_id.clone()).await;
            let version = snapshot
                .as_ref()
                .ok()
                .and_then(Option::as_ref)
                .map(|found| found.version);
            let mut read = ReadStream::new(stream_id).limit(SnapshotAndEvents::MAX_EVENTS);
            read.from = version.filter(|version| *version > Version::INITIAL);
            let events: Vec<_> = self.read_stream(read).try_collect().await?;
            Ok(SnapshotAndEvents::new(snapshot, events))
        })
    }

    /// The events of a command, none if the stream does not hold it: what a command that is sent again is answered with.
    ///
    /// Stores with an index of commands look it up there; without one, this reads the stream.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let mut events = self.read_stream(ReadStream::new(stream_id));
        Box::pin(async move {
            let (mut found, mut missing) = (Vec::new(), 0);
            while let Some(event) = events.try_next().await? {
                if let Some(mark) = event.command.filter(|mark| mark.command_id == command_id) {
                    missing = mark.event_count;
                }
                if missing > 0 {
                    found.push(event);
                    missing -= 1;
                    if missing == 0 {
                        break;
                    }
                }
            }
            Ok(found)
        })
    }

    /// The version of a stream: the number of its events, 0 when it has none.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn stream_version(&self, stream_id: StreamId) -> BoxFuture<'static, Result<Version, ReadError>> {
        let mut newest = self.read_stream(ReadStream::new(stream_id).backward().limit(1));
        Box::pin(async move {
            match newest.next().await {
                Some(event) => event.map(|event| event.version),
                None => Ok(Version::INITIAL),
            }
        })
    }
}

/// The whole log of a store: every event of every stream, in one order.
pub trait EventLog: EventStore {
    /// A page of the log.
    ///
    /// Page after page, a reader meets every committed event exactly once, in an order that keeps each stream's, also
    /// while others write. A page is no snapshot of the log, but never older than the call.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>>;

    /// The readable end: a reader that has come this far has seen everything that was readable at the call.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>>;

    /// [`EventLog::head`], once everything that was committed before the call is readable: how far to read for an answer
    /// in which nothing may be missing that was acknowledged to anybody.
    ///
    /// Where a store's order holds events back while an older transaction runs, this waits for it, as long as it takes:
    /// bound it where others may forget to end theirs.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.head()
    }

    /// Waits until there is something to read after `after`; at once, if there is already. Drop it to stop waiting.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>>;
}

/// Also what has a default is asked of the store behind the pointer: it may have an answer of its own.
impl<S: EventStore + ?Sized> EventStore for Arc<S> {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        (**self).append(append)
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        (**self).append_batch(appends)
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        (**self).read_stream(read)
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        (**self).save_snapshot(stream_id, snapshot)
    }

    fn append_events(
        &self,
        stream_id: StreamId,
        expected: ExpectedVersion,
        events: Vec<SerializedEvent>,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        (**self).append_events(stream_id, expected, events)
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        (**self).load_events(stream_id, from)
    }

    fn load_snapshot_and_events(&self, stream_id: StreamId) -> BoxFuture<'_, Result<SnapshotAndEvents, ReadError>> {
        (**self).load_snapshot_and_events(stream_id)
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        (**self).load_command(stream_id, command_id)
    }

    fn stream_version(&self, stream_id: StreamId) -> BoxFuture<'static, Result<Version, ReadError>> {
        (**self).stream_version(stream_id)
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        (**self).load_snapshot(stream_id)
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        (**self).delete_snapshot(stream_id)
    }
}

impl<L: EventLog + ?Sized> EventLog for Arc<L> {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        (**self).read_all(read)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        (**self).head()
    }

    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        (**self).wait_for_committed()
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        (**self).wait_for_events(after)
    }
}
