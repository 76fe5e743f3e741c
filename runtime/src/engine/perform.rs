//! Leaves of effects as futures.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use composable_rust_core::{
    __engine::{EventStoreOperation, Leaf, Node, Retry, from_node, into_node},
    Effect, Reducer,
};
use futures::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream::BoxStream,
};
use tokio::sync::oneshot;

use super::{
    Engine,
    context::{Context, Queued},
    drain::yield_once,
    task::Outcome,
    tree::Tree,
};
use crate::envelope::Carrying;
use crate::wait_group::WaitGroup;

/// A stream whose items are always ready would never let other tasks run, nor notice its cancel.
const ITEMS_WITHOUT_A_BREAK: u32 = 32;

/// Runs a future of the user's within its effect's envelope, which it may exchange.
async fn carried<T>(context: &mut Context, future: impl Future<Output = T> + Unpin) -> T {
    let (output, envelope) = Carrying::new(context.envelope.take(), future).await;
    context.envelope = envelope;
    output
}

pub(super) type Performed<A> = BoxFuture<'static, Outcome<A>>;

impl<R: Reducer> Engine<R> {
    /// Starts `effect` now: a delay counts from here, an id is taken, an operation is in its queue. The future that
    /// comes back does the rest.
    pub(super) fn perform(self: &Arc<Self>, effect: Effect<R::Action>, context: Context) -> Performed<R::Action> {
        match into_node(effect) {
            Node::Leaf(leaf) => self.perform_leaf(leaf, context),
            node => Box::pin(Tree::start(self, from_node(node), context)),
        }
    }

    pub(super) fn perform_leaf(self: &Arc<Self>, leaf: Leaf<R::Action>, context: Context) -> Performed<R::Action> {
        match leaf {
            Leaf::Emit(action) => future::ready(Outcome::Done(Some(Queued::delivered(action, context)))).boxed(),
            Leaf::Future(future) => self.perform_future(future, context),
            Leaf::Stream(stream) => self.perform_stream(stream, context),
            Leaf::Retry(retry) => self.perform_retry(*retry, context),
            Leaf::EventStore(operation) => self.perform_operation(*operation, context),
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
            let gate = Arc::<WaitGroup>::default();
            for number in (1..=ITEMS_WITHOUT_A_BREAK).cycle() {
                match carried(&mut context, AssertUnwindSafe(stream.next()).catch_unwind()).await {
                    Ok(Some(action)) => engine.deliver(Queued::delivered(action, context.clone().gated(&gate))),
                    Ok(None) => return Outcome::Done(None),
                    Err(panic) => return engine.panicked(&context, &*panic),
                }
                gate.wait().await;
                if number == ITEMS_WITHOUT_A_BREAK {
                    yield_once().await;
                }
            }
            Outcome::Done(None)
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

    fn perform_operation(
        self: &Arc<Self>,
        operation: EventStoreOperation<R::Action>,
        context: Context,
    ) -> Performed<R::Action> {
        let (reply, answer) = oneshot::channel();
        // A task of its own, so that dropping this one does not end it; it keeps no scope, this one does.
        let held = context.clone();
        let Some(task) = self.start_store_call(operation, context, Some(reply)) else {
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
    pub(super) fn sleep(
        &self,
        duration: Duration,
    ) -> impl Future<Output = Result<(), Box<dyn Any + Send>>> + Send + use<R> {
        let asleep = catch_unwind(AssertUnwindSafe(|| self.clock.sleep(duration)));
        async move { AssertUnwindSafe(asleep?).catch_unwind().await }
    }
}

/// An answer that must not be lost: it is reduced even if the effect no longer waits for it.
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
