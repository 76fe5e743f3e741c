//! A store that is asked again: while it is unavailable, and while its answer is lost.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use composable_rust_core::{
    AppendError, Appended, Clock, CommandId, EventStore, IdGenerator, ReadError, RecordedEvent, SharedError, Snapshot,
    SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Unavailable, UnavailableReason, Version,
};
use futures::FutureExt;
use tracing::{debug, warn};

use crate::{
    caught::panic_message,
    retries::{Retries, jittered},
    within::within,
};

/// Asks a store until it has answered, as often as the retries allow.
///
/// Pauses are part of what is asked, not effects of their own: what can't be cancelled does not become cancellable
/// between two attempts.
#[derive(Clone)]
pub(crate) struct Persistent {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) retries: Retries,
    /// How long the store may take for one answer.
    pub(crate) timeout: Duration,
}

/// Why there is no answer although the store did not say so itself.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("the event store did not answer in time")]
    Timeout,
    #[error("the event store panicked: {0}")]
    Panic(String),
}

impl NoAnswer {
    fn panic(payload: &(dyn Any + Send)) -> Self {
        Self::Panic(panic_message(payload))
    }
}

impl Persistent {
    /// Sends the append, which expects an exact version, and the identical append again as long as its outcome is unknown
    /// or the store unavailable.
    pub(crate) async fn append(&self, append: StreamAppend) -> Result<Appended, AppendError> {
        let mut unknown: Option<SharedError> = None;
        let mut attempt = 1;
        loop {
            // A copy is sent, since the identical append may have to follow.
            let error = match self.append_once(append.clone()).await {
                Err(error @ AppendError::OutcomeUnknown(_)) => error,
                Err(AppendError::Unavailable(error)) if error.reason.is_worth_a_retry() => error.into(),
                // The identical append would have been recognised: it is not there, and can't come any more.
                answer @ (Ok(_) | Err(AppendError::Conflict(_) | AppendError::DuplicateCommand { .. })) => {
                    return answer;
                }
                Err(refused) => return Err(unknown.map_or(refused, AppendError::OutcomeUnknown)),
            };
            if let AppendError::OutcomeUnknown(error) = &error {
                unknown = Some(Arc::clone(error));
            }
            let Some(pause) = self.retries.outages.pause_after(attempt) else {
                // Not written *this time* says nothing about the attempts before.
                return Err(unknown.map_or(error, AppendError::OutcomeUnknown));
            };
            warn!(stream_id = %append.stream_id, %error, attempt, "append repeated after a pause");
            self.pause(pause).await;
            attempt += 1;
        }
    }

    async fn append_once(&self, append: StreamAppend) -> Result<Appended, AppendError> {
        let (stream_id, events) = (append.stream_id.clone(), append.events.len());
        let (expected_version, store) = (append.expected, &self.store);
        let answer = self.answer(async move { store.append(append).await }).await;
        let outcome = answer.unwrap_or_else(|why| Err(AppendError::OutcomeUnknown(Arc::new(why))));
        debug!(%stream_id, %expected_version, events, ok = outcome.is_ok(), "append");
        outcome
    }

    /// What the store answers to a question, if it does so in time.
    async fn answer<T>(&self, question: impl Future<Output = T>) -> Result<T, NoAnswer> {
        // The call itself is inside of the future, too: a store may panic before there is one.
        match within(&*self.clock, self.timeout, AssertUnwindSafe(question).catch_unwind()).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(payload)) => Err(NoAnswer::panic(&*payload)),
            None => Err(NoAnswer::Timeout),
        }
    }

    /// The answer to a question that changes nothing; one that does not come in time counts as an outage.
    pub(crate) async fn read<T>(&self, question: impl Future<Output = Result<T, ReadError>>) -> Result<T, ReadError> {
        match self.answer(question).await {
            Ok(answer) => answer,
            Err(why @ NoAnswer::Timeout) => Err(Unavailable::new(UnavailableReason::TimedOut, Arc::new(why)).into()),
            Err(why @ NoAnswer::Panic(_)) => Err(ReadError::Backend(Arc::new(why))),
        }
    }

    pub(crate) async fn snapshot(&self, stream_id: StreamId) -> Result<Option<Snapshot>, SnapshotError> {
        let answer = self
            .answer(async move { self.store.load_snapshot(stream_id).await })
            .await;
        answer.unwrap_or_else(|why| Err(Unavailable::new(UnavailableReason::TimedOut, Arc::new(why)).into()))
    }

    pub(crate) async fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> Result<SnapshotOutcome, SnapshotError> {
        let answer = self
            .answer(async move { self.store.save_snapshot(stream_id, snapshot).await })
            .await;
        answer.unwrap_or_else(|why| Err(Unavailable::new(UnavailableReason::TimedOut, Arc::new(why)).into()))
    }

    /// Waits for about so long.
    pub(crate) async fn pause(&self, pause: Duration) {
        self.clock.sleep(jittered(pause, &*self.ids)).await;
    }

    /// The events of a command, none if the stream does not hold them.
    pub(crate) async fn load_command(
        &self,
        stream_id: &StreamId,
        command_id: CommandId,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let store = &self.store;
        self.repeated(stream_id, || store.load_command(stream_id.clone(), command_id))
            .await
    }

    pub(crate) async fn load(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let store = &self.store;
        self.repeated(&stream_id, || store.load_events(stream_id.clone(), from))
            .await
    }

    /// Asks again as long as the store is unavailable.
    async fn repeated<T, F: Future<Output = Result<T, ReadError>>>(
        &self,
        stream_id: &StreamId,
        question: impl Fn() -> F,
    ) -> Result<T, ReadError> {
        let mut attempt = 1;
        loop {
            let loaded = self.read(async { question().await }).await;
            let Err(ReadError::Unavailable(error)) = &loaded else {
                return loaded;
            };
            if !error.reason.is_worth_a_retry() {
                return loaded;
            }
            let Some(pause) = self.retries.outages.pause_after(attempt) else {
                return loaded;
            };
            debug!(%stream_id, %error, attempt, "load repeated after a pause");
            self.pause(pause).await;
            attempt += 1;
        }
    }
}
