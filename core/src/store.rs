//! The traits of event stores: [`EventStore`] for streams and snapshots, [`EventLog`] for the log of all streams.

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

/// An event store: appends events to streams with optimistic concurrency, reads streams, and keeps a snapshot per stream.
///
/// `specs/event-store.md` states what every implementation promises, and the conformance suite of `composable-rust-testing`
/// checks it. The trait is object-safe: an application holds an `Arc<dyn EventStore>` or an `Arc<dyn EventLog>` and chooses
/// the implementation in one line.
///
/// ```
/// use composable_rust_core::{AppendError, EventStore, ExpectedVersion, SerializedEvent, StreamId};
///
/// /// Begins a stream; `false` if it has begun already.
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
    /// Appends events to one stream: all of them, in their order, or none. Returns when they are stored durably.
    ///
    /// The limits ([`Limit::max`](crate::Limit::max)) are checked first. The events get the versions that follow the
    /// stream's.
    ///
    /// **Idempotency.** The identical append (same ids, content and metadata) that expects `NoStream` or `Exact` and is sent
    /// again writes nothing: the answer is the first result, with [`Appended::repeated`] true.
    ///
    /// **Late appends.** If the answer is lost, or the future is dropped, the append is stored as a whole or not at all, and
    /// may be stored later. One that expects `Any` or `StreamExists` may then stand after newer appends to its stream. Expect
    /// an exact version where the order matters: the late append is then a conflict, or the newer one is.
    ///
    /// # Errors
    /// - [`AppendError::Conflict`]: the stream is not as expected. Load it and decide again.
    /// - [`AppendError::DuplicateCommand`]: a command of the append is stored already. Answer its caller with `first`.
    /// - [`AppendError::DuplicateId`]: the stream holds an event with this id. Take new ids for new events.
    /// - [`AppendError::NoEvents`], [`AppendError::TooLarge`], [`AppendError::Invalid`]: fix the append.
    /// - [`AppendError::Unavailable`]: nothing was written. Send it again after a pause, if the reason
    ///   [is worth a retry](crate::UnavailableReason::is_worth_a_retry).
    /// - [`AppendError::OutcomeUnknown`]: it may be written. Send the identical append again until the answer is another.
    /// - [`AppendError::Backend`]: nothing was written; the store itself needs attention.
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Appends to several streams, at most 1,000: to all of them or to none. The answers are in the order of the entries.
    ///
    /// An entry without events only checks the version of its stream; batches with such checks are serializable. The identical
    /// batch sent again returns the first results, each with [`Appended::repeated`] true.
    ///
    /// # Errors
    /// As [`EventStore::append`], of the first entry that is refused; the error names its stream. Entries without events are no
    /// error. [`AppendError::Invalid`] if a stream occurs twice: merge its entries.
    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>>;

    /// Reads a stream, page by page in bounded memory. A stream that does not exist is read as empty.
    ///
    /// An error is an item, and the last one. What came before it is right; a read that ends without an error is complete.
    /// Not a snapshot: events that are appended during the read may be part of it.
    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>>;

    /// Saves a snapshot unless the stream has a newer one, or is not that far ([`SnapshotOutcome::Declined`]). A snapshot at
    /// the same version is replaced.
    ///
    /// # Errors
    /// See [`SnapshotError`]. Report it and go on: a snapshot only saves reading events.
    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>>;

    /// Loads the stream's snapshot, if it has one.
    ///
    /// # Errors
    /// [`SnapshotError::Unavailable`] or [`SnapshotError::Backend`]: read all events of the stream instead.
    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>>;

    /// Deletes the stream's snapshot, if it has one. The stream is read from its first event until the next save, which is
    /// stored whatever its version.
    ///
    /// # Errors
    /// [`SnapshotError::Unavailable`] or [`SnapshotError::Backend`]: the snapshot may still be there. Delete it again.
    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>>;

    /// [`EventStore::append`], with the parts of a [`StreamAppend`] as arguments.
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

    /// Loads a stream into a list, from the version `from` (inclusive) or from its first event. For streams that fit into
    /// memory; [`EventStore::read_stream`] reads others.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`]: load again after a pause, if the reason is worth a retry. [`ReadError::Backend`]: the store
    /// needs attention.
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

    /// Loads the events that a command has caused in a stream; none if the stream does not hold the command. A command that
    /// is sent again is answered from them.
    ///
    /// Stores on a database use an index. The provided implementation reads the stream from its first event.
    ///
    /// # Errors
    /// As [`EventStore::load_events`].
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

    /// The version of a stream: the number of its events, 0 if it has none.
    ///
    /// # Errors
    /// As [`EventStore::load_events`].
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

/// An event store with a log: all events of all streams, in one order that keeps the order of each stream.
///
/// An acknowledged event becomes readable in the log a little later than in its stream, where a store's order depends on older
/// transactions. To read up to everything that was acknowledged, read to [`EventLog::wait_for_committed`].
pub trait EventLog: EventStore {
    /// Reads a page of the log: events after a position, in the order of the log.
    ///
    /// A reader that goes on from `resume_after` page by page gets every committed event exactly once, also while others
    /// write. It is at the end when [`LogPage::resume_after`] equals the `after` of the request; a page without events may
    /// also mean that the filter matched nothing.
    ///
    /// # Errors
    /// - [`ReadError::Unavailable`]: read again after a pause, if the reason is worth a retry.
    /// - [`ReadError::LogRewound`]: the log no longer holds the event at this position. Rebuild what was derived from it.
    /// - [`ReadError::Backend`]: the store needs attention.
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>>;

    /// The position of the last readable event, [`Position::BEGINNING`] for an empty log. Events that are committed, but not
    /// yet readable, are after it.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] or [`ReadError::Backend`], as [`EventLog::read_all`].
    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>>;

    /// The position up to which a reader must read to get every event that was acknowledged before this call.
    ///
    /// May wait: events become readable only when older transactions have ended. The store's own limit ends the wait.
    ///
    /// # Errors
    /// - [`ReadError::Unavailable`] with [`HeldBack`](crate::UnavailableReason::HeldBack): an older transaction was still open
    ///   at the store's limit. Wait again, or find the transaction.
    /// - Otherwise as [`EventLog::head`].
    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>>;

    /// Waits until an event after `after` is readable; returns at once if there is one. Waits without a limit: drop the future
    /// to stop waiting.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] or [`ReadError::Backend`], as [`EventLog::read_all`].
    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>>;
}

/// Forwards the provided methods too: the store behind the pointer may have an implementation of its own.
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
