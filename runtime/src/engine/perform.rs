//! Effects as futures.

use std::{any::Any, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use composable_rust_core::{Delay, Effect, Reducer, Retry};
use futures::{
    FutureExt, StreamExt,
    future::{self, AbortHandle, Abortable, BoxFuture},
    stream::BoxStream,
};
use tokio::sync::oneshot;

use super::{
    context::{Context, Queued},
    core::Engine,
    count::Gate,
    drain::yield_once,
    spawn::EffectPanic,
    task::Outcome,
};
use crate::{caught::panic_message, envelope::Carrying};

/// A stream whose items are always ready would never let anybody else run, nor notice that it was cancelled.
const ITEMS_WITHOUT_A_BREAK: u32 = 32;

/// Runs a future of the user's within its effect's envelope, which it may exchange.
async fn carried<T>(context: &mut Context, future: impl Future<Output = T> + Unpin) -> T {
    let (output, envelope) = Carrying::new(context.envelope.take(), future).await;
    context.envelope = envelope;
    output
}

pub(super) type Performed<A> = BoxFuture<'static, Outcome<A>>;

fn done<A: Send + 'static>(last: Option<Queued<A>>) -> Performed<A> {
    future::ready(Outcome::Done(last)).boxed()
}

impl<R: Reducer> Engine<R> {
    /// Starts `effect` now: a delay counts from here, an id is taken, an operation is in its queue. The future that
    /// comes back does the rest.
    pub(super) fn perform(self: &Arc<Self>, effect: Effect<R::Action>, context: Context) -> Performed<R::Action> {
        match effect {
            Effect::None => done(None),
            Effect::Emit(action) => done(Some(Queued::delivered(action, context))),
            Effect::Cancel(id) => {
                self.registry.cancel(&context.path, &id);
                done(None)
            }
            Effect::Future(future) => self.perform_future(future, context),
            Effect::Stream(stream) => self.perform_stream(stream, context),
            Effect::Delay(delay) => self.perform_delay(*delay, context),
            Effect::Parallel(effects) => self.perform_parallel(effects, context),
            Effect::Sequential(effects) => self.perform_sequential(effects, context),
            Effect::Race(effects) => self.perform_race(effects, context),
            Effect::Retry(retry) => self.perform_retry(*retry, context),
            Effect::Labelled(labelled) => self.perform(labelled.effect, context.labelled(labelled.label)),
            Effect::Cancellable(c) => {
                let context = context.in_id(c.id, c.in_flight, &self.registry);
                self.perform_scope(c.effect, context)
            }
            Effect::Scoped(scoped) => {
                let context = context.in_child(scoped.segment, &self.registry);
                self.perform_scope(scoped.effect, Some(context))
            }
            Effect::Throttle(throttle) => match self.throttle(*throttle, context) {
                Some((effect, context)) => self.perform_scope(effect, Some(context)),
                None => future::ready(Outcome::Cancelled).boxed(),
            },
            Effect::EventStore(operation) => self.perform_operation(*operation, context),
            unknown => {
                tracing::error!(effect = %unknown.describe(), "this runtime does not know the effect: it is not performed");
                done(None)
            }
        }
    }

    fn perform_future(
        self: &Arc<Self>,
        future: BoxFuture<'static, Option<R::Action>>,
        mut context: Context,
    ) -> Performed<R::Action> {
        let engine = Arc::clone(self);
        Box::pin(async move {
            match carried(&mut context, AssertUnwindSafe(future).catch_unwind()).await {
                Ok(action) => Outcome::Done(action.map(|action| Queued::delivered(action, context))),
                Err(panic) => engine.panicked(&context, &*panic),
            }
        })
    }

    fn perform_stream(
        self: &Arc<Self>,
        mut stream: BoxStream<'static, R::Action>,
        mut context: Context,
    ) -> Performed<R::Action> {
        let engine = Arc::clone(self);
        Box::pin(async move {
            let gate = Gate::default();
            for number in (1..=ITEMS_WITHOUT_A_BREAK).cycle() {
                match carried(&mut context, AssertUnwindSafe(stream.next()).catch_unwind()).await {
                    Ok(Some(action)) => engine.deliver(Queued::delivered(action, context.clone().gated(&gate))),
                    Ok(None) => return Outcome::Done(None),
                    Err(panic) => return engine.panicked(&context, &*panic),
                }
                gate.opened().await;
                if number == ITEMS_WITHOUT_A_BREAK {
                    yield_once().await;
                }
            }
            Outcome::Done(None)
        })
    }

    fn perform_delay(self: &Arc<Self>, delay: Delay<R::Action>, context: Context) -> Performed<R::Action> {
        let Delay { duration, effect } = delay;
        let (engine, sleep) = (Arc::clone(self), self.sleep(duration));
        Box::pin(async move {
            match sleep.await {
                Ok(()) => engine.perform(effect, context).await,
                Err(panic) => engine.panicked(&context, &*panic),
            }
        })
    }

    fn perform_retry(self: &Arc<Self>, retry: Retry<R::Action>, mut context: Context) -> Performed<R::Action> {
        let Retry { backoff, mut attempt } = retry;
        let engine = Arc::clone(self);
        Box::pin(async move {
            for number in 1.. {
                let attempted = pin!(AssertUnwindSafe(async { attempt().await }).catch_unwind());
                let attempted = carried(&mut context, attempted).await;
                let action = match attempted {
                    Ok(Ok(action)) => return Outcome::Done(Some(Queued::delivered(action, context))),
                    Ok(Err(action)) => action,
                    Err(panic) => return engine.panicked(&context, &*panic),
                };
                let Some(pause) = backoff.pause_after(number) else {
                    return Outcome::Done(Some(Queued::delivered(action, context)));
                };
                tracing::debug!(label = context.label, attempt = number, ?pause, "an attempt failed");
                if let Err(panic) = engine.sleep(pause).await {
                    return engine.panicked(&context, &*panic);
                }
            }
            Outcome::Done(None)
        })
    }

    /// A part that can be cancelled alone; without a context it is not to start.
    fn perform_scope(self: &Arc<Self>, effect: Effect<R::Action>, context: Option<Context>) -> Performed<R::Action> {
        let Some(context) = context else {
            return future::ready(Outcome::Cancelled).boxed();
        };
        let (abort, registration) = AbortHandle::new_pair();
        let watch = context.watch(self.registry.serial(), &abort);
        let performed = self.perform(effect, context);
        Box::pin(async move {
            let outcome = Abortable::new(performed, registration).await;
            drop(watch);
            outcome.unwrap_or(Outcome::Cancelled)
        })
    }

    fn perform_operation(
        self: &Arc<Self>,
        operation: composable_rust_core::EventStoreOperation<R::Action>,
        context: Context,
    ) -> Performed<R::Action> {
        let (reply, answer) = oneshot::channel();
        // A task of its own, so that dropping this one does not end it; it keeps no scope, this one does.
        let held = context.clone();
        let Some(task) = self.operate(operation, context, Some(reply)) else {
            return future::ready(Outcome::Cancelled).boxed();
        };
        self.spawner.spawn(task);
        let mut answer = Answer {
            engine: Arc::clone(self),
            answer,
        };
        Box::pin(async move {
            let answered = (&mut answer.answer).await;
            drop(held);
            // A continuation that panicked has sent nothing.
            answered.map_or(Outcome::Panicked, |last| Outcome::Done(Some(last)))
        })
    }

    /// A sleep on the store's clock, which is the user's code as well.
    fn sleep(&self, duration: Duration) -> impl Future<Output = Result<(), Box<dyn Any + Send>>> + Send + use<R> {
        AssertUnwindSafe(self.clock.sleep(duration)).catch_unwind()
    }
}

/// An answer that must not be lost: if nobody waits for it any more, it is reduced all the same.
struct Answer<R: Reducer> {
    engine: Arc<Engine<R>>,
    answer: oneshot::Receiver<Queued<R::Action>>,
}

impl<R: Reducer> Drop for Answer<R> {
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(last) = self.answer.try_recv() {
            self.engine.deliver(last);
        }
    }
}

impl<R: Reducer> Engine<R> {
    fn panicked(&self, context: &Context, panic: &(dyn Any + Send)) -> Outcome<R::Action> {
        let message = panic_message(panic);
        tracing::error!(label = context.label, panic = message, "an effect panicked");
        self.tell_panic(context.label, context.cause, message);
        Outcome::Panicked
    }

    pub(super) fn tell_panic(&self, label: Option<&'static str>, cause: u64, message: String) {
        self.spawner.panicked(EffectPanic { label, cause, message });
    }
}
