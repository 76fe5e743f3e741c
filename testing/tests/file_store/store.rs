//! A toy: an event store over a file.

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::SubsecRound;
use composable_rust_core::{
    AppendError, Appended, Clock, Direction, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Version,
    backend::{Resolution, resolve},
};
use futures::{
    future::BoxFuture,
    stream::{self, BoxStream, StreamExt},
};
use tokio::sync::Notify;

use crate::{
    line::{Line, write},
    log::{Log, end, facts},
};

/// An event store over a file of JSON lines. Clones are handles to the same store.
#[derive(Clone)]
pub(crate) struct FileEventStore(Arc<Shared>);

struct Shared {
    /// One writer at a time. Nothing awaits while the lock is held.
    log: Mutex<(File, Log)>,
    written: Notify,
    clock: Arc<dyn Clock>,
}

impl FileEventStore {
    /// Opens the file, and creates it if it is missing. Cuts off a last line without an end: it was never acknowledged.
    pub(crate) fn open(path: &Path, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let text = fs::read_to_string(path)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        let mut log = Log::default();
        for commit in text.get(..whole).unwrap_or_default().lines() {
            for line in serde_json::from_str::<Vec<Line>>(commit)? {
                log.add(line.event(log.position(1)));
            }
        }
        let (log, written) = (Mutex::new((file, log)), Notify::new());
        Ok(Self(Arc::new(Shared { log, written, clock })))
    }

    fn lock(&self) -> MutexGuard<'_, (File, Log)> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves and writes a batch, or an append as a batch of one. Nothing awaits in here, so a dropped future has either
    /// not begun this or completed it.
    fn commit(&self, appends: Vec<StreamAppend>) -> Result<Vec<Appended>, AppendError> {
        let (file, log) = &mut *self.lock();
        let held = |append: &StreamAppend| facts(log.stream(&append.stream_id), append);
        let held: Vec<_> = appends.iter().map(held).collect();
        if let Resolution::Answer(answer) = resolve(&appends, &held) {
            return answer;
        }
        let (now, mut records) = (self.0.clock.now().trunc_subsecs(6), Vec::new());
        let streams: Vec<StreamId> = appends.iter().map(|append| append.stream_id.clone()).collect();
        for StreamAppend { stream_id, events, .. } in appends {
            let mut version = end(log.stream(&stream_id)).version;
            for event in events {
                version = version.next().unwrap_or(Version::MAX);
                let position = log.position(records.len() + 1);
                records.push(RecordedEvent::new(stream_id.clone(), version, position, now, event));
            }
        }
        write(file, &records)?;
        for record in records {
            log.add(record);
        }
        self.0.written.notify_waiters();
        Ok(streams.iter().map(|stream| end(log.stream(stream))).collect())
    }
}

impl EventStore for FileEventStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            append.validate()?;
            let ends = self.commit(vec![append])?;
            ends.first().copied().ok_or(AppendError::NoEvents)
        })
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            StreamAppend::validate_batch(&appends)?;
            self.commit(appends)
        })
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        let (store, stream_id) = (self.clone(), read.stream_id);
        let head = store.lock().1.stream(&stream_id).len() as u64;
        let from = read.from.map(Version::get);
        let (first, last) = match read.direction {
            Direction::Forward => (from.unwrap_or(1).max(1), head),
            Direction::Backward => (1, from.unwrap_or(head).min(head)),
        };
        let most = usize::try_from(read.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let places = (first..=last).map(move |version| match read.direction {
            Direction::Forward => version - 1,
            Direction::Backward => last - version,
        });
        // Locked for each event, not for the whole read: a reader that pauses blocks no writer.
        let event = move |place| {
            let (_, log) = &*store.lock();
            let event = log.stream(&stream_id).get(usize::try_from(place).ok()?)?;
            Some(Ok(RecordedEvent::clone(event)))
        };
        stream::iter(places.take(most).filter_map(event)).boxed()
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(async move {
            let bytes = snapshot.data.len();
            if bytes > Snapshot::MAX_BYTES {
                return Err(SnapshotError::TooLarge { bytes });
            }
            let (_, log) = &mut *self.lock();
            let newer = log
                .snapshots
                .get(&stream_id)
                .is_some_and(|stored| stored.version > snapshot.version);
            if newer || snapshot.version > end(log.stream(&stream_id)).version {
                return Ok(SnapshotOutcome::Declined);
            }
            log.snapshots.insert(stream_id, snapshot);
            Ok(SnapshotOutcome::Stored)
        })
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move { Ok(self.lock().1.snapshots.get(&stream_id).cloned()) })
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move {
            self.lock().1.snapshots.remove(&stream_id);
            Ok(())
        })
    }
}

impl EventLog for FileEventStore {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move {
            let [.., after] = read.after.parts();
            let (mut events, mut resume_after, (_, log)) = (Vec::new(), read.after, &*self.lock());
            for event in log.all.iter().skip(usize::try_from(after).unwrap_or(usize::MAX)) {
                if events.len() == read.limit.max(1) {
                    break;
                }
                resume_after = event.position;
                events.extend(read.filter.matches(event).then(|| RecordedEvent::clone(event)));
            }
            Ok(LogPage::new(events, resume_after))
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move { Ok(self.lock().1.position(0)) })
    }

    /// One writer at a time: what was committed is readable at once.
    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.head()
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async move {
            loop {
                // Registered before the head is read: an append in between wakes this waiter.
                let written = self.0.written.notified();
                if self.head().await? > after {
                    return Ok(());
                }
                written.await;
            }
        })
    }
}
