//! Questions to event stores: never cancelled, one append at a time for each stream.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use composable_rust_core::{
    __engine::{Continuation, EventStoreOperation},
    AppendError, ReadError, Reducer, SharedError, SnapshotError, StreamAppend, StreamId,
};
use futures::{
    FutureExt,
    future::{AbortHandle, Abortable},
};
use tokio::sync::oneshot;
use tracing::Instrument;

use super::{
    Engine,
    context::{Context, Queued},
    lifecycle::Phase,
    running::RunningGuard,
    spawn::Task,
    task::CompletionGuard,
};
use crate::{
    envelope::{self, Carried},
    panics::{caught, panic_message},
    timeout::within,
};

type Reply<A> = Option<oneshot::Sender<Queued<A>>>;

/// A store's future has panicked.
#[derive(Debug, thiserror::Error)]
#[error("the event store panicked: {0}")]
struct StorePanic(String);

/// A store has not answered.
#[derive(Debug, thiserror::Error)]
#[error("the event store has not answered an append within {0:?}")]
struct AppendTimeout(Duration);

fn source(error: impl std::error::Error + Send + Sync + 'static) -> SharedError {
    Arc::new(error)
}

/// What a running operation belongs to, in the order in which it is let go.
struct StoreCall<R: Reducer> {
    serial: u64,
    context: Context,
    reply: Reply<R::Action>,
    running: RunningGuard,
    completion: CompletionGuard<R>,
    label: &'static str,
}

impl<R: Reducer> Engine<R> {
    /// The task of an operation: one of its own, so that no cancel ends it. Its place among the appends of
    /// its streams is taken here. `None` past a shutdown's deadline.
    pub(super) fn start_store_call(
        self: &Arc<Self>,
        operation: EventStoreOperation<R::Action>,
        context: Context,
        reply: Reply<R::Action>,
    ) -> Option<Task> {
        match operation {
            EventStoreOperation::AppendEvents {
                store,
                mut append,
                then,
            } => {
                let appending = Appending::prepare(std::slice::from_mut(&mut append), &context);
                let answer = async move { store.append(append).await };
                self.append_task(appending, answer, then, context, reply)
            }
            EventStoreOperation::AppendBatch {
                store,
                mut appends,
                then,
            } => {
                let appending = Appending::prepare(&mut appends, &context);
                let answer = async move { store.append_batch(appends).await };
                self.append_task(appending, answer, then, context, reply)
            }
            EventStoreOperation::LoadEvents {
                store,
                stream_id,
                from,
                then,
            } => {
                let answer = async move { store.load_events(stream_id, from).await };
                self.ask_task("load", answer, ReadError::Backend, then, context, reply)
            }
            EventStoreOperation::SaveSnapshot {
                store,
                stream_id,
                snapshot,
                then,
            } => {
                let answer = async move { store.save_snapshot(stream_id, snapshot).await };
                self.ask_task("save snapshot", answer, SnapshotError::Backend, then, context, reply)
            }
            EventStoreOperation::LoadSnapshot { store, stream_id, then } => {
                let answer = async move { store.load_snapshot(stream_id).await };
                self.ask_task("load snapshot", answer, SnapshotError::Backend, then, context, reply)
            }
            _ => {
                tracing::error!(
                    label = context.label,
                    "this runtime does not know the operation: it is not performed"
                );
                None
            }
        }
    }

    fn append_task<T: Send + 'static>(
        self: &Arc<Self>,
        appending: Appending,
        answer: impl Future<Output = Result<T, AppendError>> + Send + 'static,
        then: Continuation<Result<T, AppendError>, R::Action>,
        context: Context,
        reply: Reply<R::Action>,
    ) -> Option<Task> {
        let mut call = self.open_call("append", None, context, reply)?;
        let Appending { streams, caused } = appending;
        let lock = self.stream_locks.queue(streams.clone());
        let (engine, label, serial) = (Arc::clone(self), call.label, call.serial);
        let trace_scope = call.context.trace_scope();
        let task = async move {
            lock.acquired().await;
            if !engine.may_start(label) {
                return drop(call);
            }
            let result = engine.append(answer).await;
            drop(lock);
            engine.note_outcome(&result, streams);
            if result.is_ok() {
                call.context.envelope = caused.or(call.context.envelope.take());
            }
            engine.answer(call, then, result);
        };
        let task = trace_scope.enter(|| task.instrument(tracing::debug_span!("append", label)));
        Some(Task::of_effect(serial, trace_scope.carry(task)))
    }

    /// The store's answer, or why it is unknown.
    async fn append<T>(&self, answer: impl Future<Output = Result<T, AppendError>> + Send) -> Result<T, AppendError> {
        let limit = self.append_timeout;
        match within(&*self.clock, limit, AssertUnwindSafe(answer).catch_unwind()).await {
            Some(Ok(result)) => result,
            Some(Err(panic)) => Err(AppendError::OutcomeUnknown(source(StorePanic(panic_message(&*panic))))),
            None => Err(AppendError::OutcomeUnknown(source(AppendTimeout(limit)))),
        }
    }

    fn note_outcome<T>(&self, result: &Result<T, AppendError>, streams: Vec<StreamId>) {
        let Err(error) = result else { return };
        tracing::debug!(
            ?streams,
            error = error as &dyn std::error::Error,
            "an append was not acknowledged"
        );
        if matches!(error, AppendError::OutcomeUnknown(_)) && !self.lifecycle.is_open() {
            self.report().unknown.extend(streams);
        }
    }

    /// A question that writes no events: only the store's end ends it.
    fn ask_task<T: Send + 'static, E: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        answer: impl Future<Output = Result<T, E>> + Send + 'static,
        failed: fn(SharedError) -> E,
        then: Continuation<Result<T, E>, R::Action>,
        context: Context,
        reply: Reply<R::Action>,
    ) -> Option<Task> {
        let (abort, registration) = AbortHandle::new_pair();
        let call = self.open_call(what, Some(abort), context, reply)?;
        let (engine, label, serial) = (Arc::clone(self), call.label, call.serial);
        let trace_scope = call.context.trace_scope();
        let task = async move {
            let answer = AssertUnwindSafe(answer).catch_unwind();
            let Ok(answered) = Abortable::new(answer, registration).await else {
                return;
            };
            let result = answered.unwrap_or_else(|panic| Err(failed(source(StorePanic(panic_message(&*panic))))));
            engine.answer(call, then, result);
        };
        let task = trace_scope.enter(|| task.instrument(tracing::debug_span!("ask", what, label)));
        Some(Task::of_effect(serial, trace_scope.carry(task)))
    }

    fn open_call(
        self: &Arc<Self>,
        what: &'static str,
        abort: Option<AbortHandle>,
        context: Context,
        reply: Reply<R::Action>,
    ) -> Option<StoreCall<R>> {
        let label = context.label.unwrap_or(what);
        let completion = CompletionGuard::new(self, context.work.clone());
        if !self.may_start(label) {
            return None;
        }
        let serial = self.registry.serial();
        Some(StoreCall {
            serial,
            running: self.enter_running(serial, label, context.cause, abort),
            context,
            reply,
            completion,
            label,
        })
    }

    /// Reduces what the continuation makes of the answer, whatever was cancelled meanwhile.
    fn answer<T>(self: &Arc<Self>, call: StoreCall<R>, then: Continuation<T, R::Action>, result: T) {
        let StoreCall {
            context,
            reply,
            running,
            completion,
            label,
            ..
        } = call;
        match caught(|| then(result)) {
            Ok(action) => self.deliver_reply(Queued::answered(action, context), reply),
            Err(message) => {
                tracing::error!(label, "a continuation panicked: its answer is lost");
                self.report_panic(Some(label), context.cause, context.work.as_ref(), message);
            }
        }
        drop(running);
        completion.finish(self.lifecycle.phase() >= Phase::Closed);
    }

    /// To the effect that waits for the answer, if it still does.
    fn deliver_reply(self: &Arc<Self>, item: Queued<R::Action>, reply: Reply<R::Action>) {
        let unheard = match reply {
            Some(reply) => reply.send(item).err(),
            None => Some(item),
        };
        if let Some(item) = unheard {
            self.deliver(item);
        }
    }
}

/// What an append needs beside its events.
struct Appending {
    streams: Vec<StreamId>,
    /// What surrounds all that follows once it is stored.
    caused: Carried,
}

impl Appending {
    fn prepare(appends: &mut [StreamAppend], context: &Context) -> Self {
        let mut appending = Self {
            streams: Vec::with_capacity(appends.len()),
            caused: None,
        };
        for append in appends {
            envelope::complete(append, context.envelope.as_deref());
            trace_append(append, context.label);
            appending.streams.push(append.stream_id.clone());
            let last = append.events.last();
            let caused = last.map(|last| envelope::caused_by(last.id, last.metadata.as_ref()));
            appending.caused = caused.or(appending.caused);
        }
        appending
    }
}

fn trace_append(append: &StreamAppend, label: Option<&'static str>) {
    let metadata = append.events.first().and_then(|event| event.metadata.as_ref());
    tracing::debug!(
        stream_id = %append.stream_id,
        expected_version = %append.expected,
        events = append.events.len(),
        correlation_id = metadata.and_then(|metadata| metadata.correlation_id).map(tracing::field::display),
        label,
        "append"
    );
}
