//! An effect as a task.

use std::{panic::AssertUnwindSafe, sync::Arc};

use composable_rust_core::{__engine::kind, Effect, Reducer};
use futures::{
    FutureExt,
    future::{AbortHandle, Abortable},
};
use tracing::Instrument;

use super::{
    Engine,
    context::{Context, Queued},
    lifecycle::Phase,
    running::RunningGuard,
    spawn::Task,
    tracker::WorkToken,
};

/// How an effect, or a part of one, has ended.
pub(super) enum Outcome<A> {
    /// By itself, perhaps with a last action, which is not delivered yet: whoever gets it first lets go of everything
    /// else that the effect holds.
    Done(Option<Queued<A>>),
    /// By a cancel, or it was not started.
    Cancelled,
    /// By a panic.
    Panicked,
}

impl<R: Reducer> Engine<R> {
    /// The task that performs `effect`: one for the whole tree, so that its parts start in order. `None` past a
    /// shutdown's deadline, when nothing starts any more.
    pub(super) fn task(self: &Arc<Self>, effect: Effect<R::Action>, context: Context) -> Option<Task> {
        let label = context.label.unwrap_or_else(|| kind(&effect));
        let completion = CompletionGuard::new(self, context.work.clone());
        if !self.may_start(label) {
            return None;
        }
        let serial = self.registry.serial();
        let (abort, registration) = AbortHandle::new_pair();
        let running = self.enter_running(serial, label, context.cause, Some(abort.clone()));
        let watch = context.register(serial, &abort);
        let trace_scope = context.trace_scope();
        let follower = context.follower();
        let performed = self.perform(effect, context);
        let engine = Arc::clone(self);
        let task = async move {
            // Parts catch the panics of what they run; what is caught here is one of a destructor.
            let outcome = Abortable::new(AssertUnwindSafe(performed).catch_unwind(), registration).await;
            drop(watch);
            let aborted = outcome.is_err();
            match outcome {
                Ok(Ok(Outcome::Done(Some(last)))) => engine.deliver(last),
                Ok(Err(panic)) => drop(engine.panicked::<R::Action>(&follower, &*panic)),
                _ => {}
            }
            drop(follower);
            drop(running);
            completion.finish(aborted);
        };
        let task = trace_scope.enter(|| task.instrument(tracing::debug_span!("effect", label)));
        Some(Task::of_effect(serial, trace_scope.carry(task)))
    }

    /// Whether effects may still start; notes the label of one that may not.
    pub(super) fn may_start(&self, label: &'static str) -> bool {
        let phase = self.lifecycle.phase();
        if phase == Phase::Aborting {
            self.report().aborted.push(label);
        }
        phase < Phase::Aborting
    }
}

impl<R: Reducer> Engine<R> {
    /// Notes what runs from here on. A shutdown may have ended everything since [`Engine::may_start`] was asked: it
    /// either sees this entry, or is seen here.
    pub(super) fn enter_running(
        &self,
        serial: u64,
        label: &'static str,
        cause: u64,
        abort: Option<AbortHandle>,
    ) -> RunningGuard {
        let running = self.running.enter(serial, label, cause, abort);
        if self.lifecycle.phase() >= Phase::Aborting {
            let aborted = self.running.abort();
            self.report().aborted.extend(aborted);
        }
        running
    }
}

/// Tells those who follow an effect if it ended because the store did, or its runtime.
pub(super) struct CompletionGuard<R: Reducer> {
    engine: Arc<Engine<R>>,
    work: Option<WorkToken>,
    finished: bool,
}

impl<R: Reducer> CompletionGuard<R> {
    pub(super) fn new(engine: &Arc<Engine<R>>, work: Option<WorkToken>) -> Self {
        Self {
            engine: Arc::clone(engine),
            work,
            finished: false,
        }
    }

    /// An effect that was ended by its id, its child or its handle has finished; one that the store ended has not.
    pub(super) fn finish(mut self, aborted: bool) {
        self.finished = !aborted || self.engine.lifecycle.phase() < Phase::Aborting;
    }
}

impl<R: Reducer> Drop for CompletionGuard<R> {
    fn drop(&mut self) {
        if let Some(work) = &self.work
            && !self.finished
        {
            work.set_aborted(self.engine.lifecycle.reason());
        }
    }
}
