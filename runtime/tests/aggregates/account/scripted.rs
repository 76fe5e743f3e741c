//! A store in memory that meets each append with the next step of a script.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use composable_rust_core::{
    AppendError, Appended, EventStore, ExpectedVersion, ReadError, ReadStream, RecordedEvent, Snapshot, SnapshotError,
    SnapshotOutcome, Source, StreamAppend, StreamId,
};
use composable_rust_testing::InMemoryEventStore;
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use tokio::sync::Notify;

use super::{AccountEvent, serialized};

/// What happens to an append (or, where it says so, to a read).
pub(crate) enum Step {
    /// It is carried out.
    Pass,
    /// Somebody else's events come first.
    OvertakenBy(Vec<AccountEvent>),
    /// Not written, and said so.
    Unavailable,
    /// Refused for a reason of the store's own.
    Full,
    /// Not written, but that is not known.
    Lost,
    /// Written, but that is not known.
    AnswerLost,
    /// Nothing, for ever.
    Hang,
    /// The future panics.
    Panic,
    /// Waits until `proceed` is notified, then is carried out.
    Held,
}

/// What happens to a read that is not just carried out.
#[derive(Clone, Copy)]
pub(crate) enum ReadStep {
    Unavailable,
    Hang,
    Panic,
}

#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) inner: InMemoryEventStore,
    script: Mutex<VecDeque<Step>>,
    reads: Mutex<VecDeque<ReadStep>>,
    pub(crate) appends: Mutex<Vec<StreamAppend>>,
    pub(crate) proceed: Notify,
    pub(crate) arrived: Notify,
}

impl Scripted {
    pub(crate) fn new(script: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script.into_iter().collect()),
            ..Self::default()
        })
    }

    /// What happens to the next reads.
    pub(crate) fn script_reads(&self, steps: impl IntoIterator<Item = ReadStep>) {
        self.reads.lock().unwrap().extend(steps);
    }

    pub(crate) fn appends(&self) -> Vec<StreamAppend> {
        self.appends.lock().unwrap().clone()
    }

    /// All that is stored in a stream, decoded.
    pub(crate) async fn stored(&self, stream_id: StreamId) -> Vec<AccountEvent> {
        let recorded = self.inner.load_events(stream_id, None).await.unwrap();
        recorded
            .iter()
            .flat_map(|event| event.decode::<AccountEvent>().unwrap().as_slice().to_vec())
            .collect()
    }

    async fn perform(&self, step: Step, append: StreamAppend) -> Result<Appended, AppendError> {
        match step {
            Step::Pass => {}
            Step::OvertakenBy(events) => {
                let theirs = serialized(&events);
                self.inner
                    .append_events(append.stream_id.clone(), ExpectedVersion::Any, theirs)
                    .await?;
            }
            Step::Unavailable => return Err(AppendError::Unavailable(outage())),
            Step::Full => return Err(AppendError::Backend(outage())),
            Step::Lost => return Err(AppendError::OutcomeUnknown(outage())),
            Step::AnswerLost => {
                self.inner.append(append).await?;
                return Err(AppendError::OutcomeUnknown(outage()));
            }
            Step::Hang => std::future::pending().await,
            Step::Panic => panic!("the store panicked"),
            Step::Held => self.proceed.notified().await,
        }
        self.inner.append(append).await
    }
}

fn outage() -> Source {
    Arc::new(std::io::Error::other("scripted outage"))
}

impl EventStore for Scripted {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        let step = self.script.lock().unwrap().pop_front().unwrap_or(Step::Pass);
        self.appends.lock().unwrap().push(append.clone());
        self.arrived.notify_one();
        self.perform(step, append).boxed()
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        self.inner.append_batch(appends)
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        match self.reads.lock().unwrap().pop_front() {
            Some(ReadStep::Unavailable) => return stream::iter([Err(ReadError::Unavailable(outage()))]).boxed(),
            Some(ReadStep::Hang) => return stream::pending().boxed(),
            Some(ReadStep::Panic) => return stream::once(async { panic!("the read panicked") }).boxed(),
            None => {}
        }
        self.inner.read_stream(read)
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        self.inner.save_snapshot(stream_id, snapshot)
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        self.inner.load_snapshot(stream_id)
    }
}
