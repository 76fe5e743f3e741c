//! An event store that answers when the test lets it.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent, StreamAppend, StreamId,
};
use composable_rust_testing::{
    Answer, FaultyEventStore, InMemoryEventStore, RecordedCall, RecordingEventStore, Request, SequentialIds,
};
use tokio::sync::{Notify, Semaphore};

/// More appends than any test here makes at a closed gate.
const APPENDS: u64 = 8;

/// Holds each append until it is admitted.
pub(crate) struct Gated {
    recorded: RecordingEventStore<FaultyEventStore<InMemoryEventStore>>,
    permits: Arc<Semaphore>,
    /// Rung when an append is admitted: it ends at once then, before its answer is on its way.
    pub(crate) admitted: Arc<Notify>,
}

impl Gated {
    pub(crate) fn closed() -> Self {
        let gated = Self::open();
        for nth in 1..=APPENDS {
            let (permits, admitted) = (Arc::clone(&gated.permits), Arc::clone(&gated.admitted));
            gated.recorded.inner().nth_append(nth).is_held_until(async move {
                permits.acquire().await.unwrap().forget();
                admitted.notify_one();
            });
        }
        gated
    }

    pub(crate) fn open() -> Self {
        Self {
            recorded: RecordingEventStore::new(faultless()),
            permits: Arc::new(Semaphore::new(0)),
            admitted: Arc::default(),
        }
    }

    /// The store, as effects are given it.
    pub(crate) fn port(&self) -> Arc<dyn EventStore> {
        Arc::new(self.recorded.clone())
    }

    /// Lets so many more appends end.
    pub(crate) fn admit(&self, appends: usize) {
        self.permits.add_permits(appends);
    }

    /// What became of each append, in the order in which they began.
    pub(crate) fn log(&self) -> String {
        self.recorded.calls().iter().map(line).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn stored(&self, stream: &str) -> usize {
        self.recorded.inner().inner().events(&stream.parse().unwrap()).len()
    }
}

/// A store in memory that waits for being told what to do wrong.
pub(crate) fn faultless() -> FaultyEventStore<InMemoryEventStore> {
    FaultyEventStore::new(InMemoryEventStore::new())
}

fn line(call: &RecordedCall) -> String {
    let entries = match &call.request {
        Request::Append(append) => std::slice::from_ref(append),
        Request::Batch(entries) => entries,
        other => panic!("no append: {other}"),
    };
    let streams: Vec<_> = entries.iter().map(|entry| StreamId::as_str(&entry.stream_id)).collect();
    let answer = match &call.answer {
        Answer::Pending => "begun",
        Answer::Appended(Ok(_)) => "stored",
        other => panic!("another end: {other}"),
    };
    format!("{}:{answer}", streams.join("+"))
}

pub(crate) const fn outcome<T>(result: &Result<T, AppendError>) -> &'static str {
    match result {
        Ok(_) => "stored",
        Err(AppendError::OutcomeUnknown(_)) => "unknown",
        Err(_) => "failed",
    }
}

/// One event for `stream`, whatever its version.
pub(crate) fn one_event(stream: &str) -> StreamAppend {
    static IDS: SequentialIds = SequentialIds::new();
    let event = SerializedEvent::new(IDS.event_id(), "Happened.v1", Encoding::BINCODE, vec![]);
    StreamAppend::new(stream.parse().unwrap(), ExpectedVersion::Any, vec![event])
}
