//! Repeats calls of an event store while it is unavailable and while its answer is lost.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use composable_rust_core::{
    AppendError, Appended, Clock, CommandId, EventStore, IdGenerator, ReadError, ReadStream, RecordedEvent,
    SharedError, Snapshot, SnapshotAndEvents, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Unavailable,
    UnavailableReason, Version,
};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use tracing::{debug, warn};

use crate::{
    panics::{caught, panic_message},
    retry_policy::{RetryPolicy, jittered},
    snapshot,
    snapshot_queue::SnapshotQueue,
    timeout::within,
};

/// How long the store may take for one call, unless the application says otherwise.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a whole command may take, unless the application says otherwise: longer than several attempts, so that the
/// identical append can follow one whose answer was lost.
pub(crate) const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);

/// A store whose calls are repeated as the policy says; under both shells.
///
/// It is an event store itself, so that an effect can carry it: an effect's call of a store can't be cancelled, and pauses
/// inside of the call can't be either. As effects of their own they could be cancelled between two attempts, and the
/// aggregate would wait for an answer that never comes.
#[derive(Clone)]
pub(crate) struct RetryingStore {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) policy: RetryPolicy,
    /// How long the store may take for one call.
    pub(crate) attempt_timeout: Duration,
    /// The number of conflicts before the next load. The load begins after the pause that the last one calls for.
    pub(crate) conflicts: u32,
    /// The other snapshots of the stream that are being saved, where they wait for each other inside of the call.
    pub(crate) snapshots: Option<Arc<SnapshotQueue>>,
}

/// Why a call has no answer of the store.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the event store did not answer in time")]
    Timeout,
    #[error("the event store panicked: {0}")]
    Panic(String),
}

impl CallError {
    fn unavailable(self) -> Unavailable {
        Unavailable::new(UnavailableReason::TimedOut, Arc::new(self))
    }
}

impl RetryingStore {
    /// The pause before a command is decided again after so many conflicts; `None` if it is not.
    pub(crate) fn pause_after_conflict(&self, conflicts: u32) -> Option<Duration> {
        self.policy.on_conflict.pause_after(conflicts)
    }

    pub(crate) async fn pause(&self, pause: Duration) {
        self.clock.sleep(jittered(pause, &*self.ids)).await;
    }

    /// Sends an append that expects an exact version, and the identical append again while its outcome is unknown or the store
    /// is unavailable.
    pub(crate) async fn append_repeatedly(&self, append: StreamAppend) -> Result<Appended, AppendError> {
        let mut unknown: Option<SharedError> = None;
        let mut attempt = 1;
        loop {
            // A copy is sent, since the identical append may have to follow.
            let answer = self.call(|| self.store.append(append.clone())).await;
            let outcome = answer.unwrap_or_else(|why| Err(AppendError::OutcomeUnknown(Arc::new(why))));
            trace_append(&append, &outcome);
            let error = match outcome {
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
            let Some(pause) = self.policy.on_unavailable.pause_after(attempt) else {
                // Not written *this time* says nothing about the attempts before.
                return Err(unknown.map_or(error, AppendError::OutcomeUnknown));
            };
            warn!(stream_id = %append.stream_id, %error, attempt, "append repeated after a pause");
            self.pause(pause).await;
            attempt += 1;
        }
    }

    /// The answer of one call, if it comes in time. The call is made here, not in the future, which stays small that way; a store
    /// may panic before it has returned one.
    fn call<T, F: Future<Output = T>>(&self, call: impl FnOnce() -> F) -> impl Future<Output = Result<T, CallError>> {
        let called = caught(call).map_err(CallError::Panic);
        async move {
            match within(
                &*self.clock,
                self.attempt_timeout,
                AssertUnwindSafe(called?).catch_unwind(),
            )
            .await
            {
                Some(Ok(answer)) => Ok(answer),
                Some(Err(payload)) => Err(CallError::Panic(panic_message(&*payload))),
                None => Err(CallError::Timeout),
            }
        }
    }

    /// One call that reads. A missing answer counts as an outage.
    pub(crate) async fn read<T, F: Future<Output = Result<T, ReadError>>>(
        &self,
        call: impl FnOnce() -> F,
    ) -> Result<T, ReadError> {
        match self.call(call).await {
            Ok(answer) => answer,
            Err(why @ CallError::Timeout) => Err(why.unavailable().into()),
            Err(why @ CallError::Panic(_)) => Err(ReadError::Backend(Arc::new(why))),
        }
    }

    /// Repeats a call that reads while the store is unavailable.
    pub(crate) async fn read_repeatedly<T, F: Future<Output = Result<T, ReadError>>>(
        &self,
        stream_id: &StreamId,
        call: impl Fn() -> F,
    ) -> Result<T, ReadError> {
        let mut attempt = 1;
        loop {
            let answer = self.read(&call).await;
            let Err(ReadError::Unavailable(error)) = &answer else {
                return answer;
            };
            let Some(pause) = self.pause_after_outage(error, attempt) else {
                return answer;
            };
            debug!(%stream_id, %error, attempt, "read repeated after a pause");
            self.pause(pause).await;
            attempt += 1;
        }
    }

    /// The pause before the next attempt; `None` if there is none.
    pub(crate) fn pause_after_outage(&self, error: &Unavailable, attempt: u32) -> Option<Duration> {
        let is_worth_it = error.reason.is_worth_a_retry();
        self.policy.on_unavailable.pause_after(attempt).filter(|_| is_worth_it)
    }

    async fn pause_after_conflicts(&self) {
        if let Some(pause) = self.pause_after_conflict(self.conflicts).filter(|_| self.conflicts > 0) {
            self.pause(pause).await;
        }
    }

    /// The events of a command, none if the stream does not hold them.
    pub(crate) async fn recorded_command(
        &self,
        stream_id: &StreamId,
        command_id: CommandId,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let call = || self.store.load_command(stream_id.clone(), command_id);
        self.read_repeatedly(stream_id, call).await
    }
}

/// Every call but `append_batch` is repeated.
impl EventStore for RetryingStore {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.append_repeatedly(append).boxed()
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        self.store.append_batch(appends)
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        self.store.read_stream(read)
    }

    fn load_events(
        &self,
        stream_id: StreamId,
        from: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let this = self.clone();
        Box::pin(async move {
            this.pause_after_conflicts().await;
            let call = || this.store.load_events(stream_id.clone(), from);
            this.read_repeatedly(&stream_id, call).await
        })
    }

    fn load_snapshot_and_events(&self, stream_id: StreamId) -> BoxFuture<'_, Result<SnapshotAndEvents, ReadError>> {
        Box::pin(async move {
            let call = || self.store.load_snapshot_and_events(stream_id.clone());
            self.read_repeatedly(&stream_id, call).await
        })
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move {
            self.pause_after_conflicts().await;
            // Once: without a snapshot, the events are read from the first.
            let answer = self.call(|| self.store.load_snapshot(stream_id)).await;
            answer.unwrap_or_else(|why| Err(why.unavailable().into()))
        })
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(async move {
            let version = snapshot.version;
            let _permit = match &self.snapshots {
                Some(queue) => match queue.permit(version).await {
                    Some(permit) => Some(permit),
                    // What the store would answer.
                    None => return Ok(SnapshotOutcome::Declined),
                },
                None => None,
            };
            // Once: a later one follows.
            let save = self.call(|| self.store.save_snapshot(stream_id.clone(), snapshot));
            let outcome = save.await.unwrap_or_else(|why| Err(why.unavailable().into()));
            snapshot::trace_saved(&stream_id, version, &outcome);
            outcome
        })
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        self.store.delete_snapshot(stream_id)
    }
}

fn trace_append(append: &StreamAppend, outcome: &Result<Appended, AppendError>) {
    let (stream_id, expected_version) = (&append.stream_id, &append.expected);
    debug!(%stream_id, %expected_version, events = append.events.len(), ok = outcome.is_ok(), "append");
}
