//! Effects made of effects: all at once, one after another, the first of all.

use std::{
    sync::Arc,
    task::{self, Poll},
};

use composable_rust_core::{Effect, Reducer};
use futures::{StreamExt, future::poll_fn, stream::FuturesUnordered};

use super::{context::Context, core::Engine, count::Gate, perform::Performed, task::Outcome};

impl<R: Reducer> Engine<R> {
    /// All at once. A panic in one leaves the others alone, and is the outcome of the whole.
    pub(super) fn perform_parallel(
        self: &Arc<Self>,
        effects: Vec<Effect<R::Action>>,
        context: Context,
    ) -> Performed<R::Action> {
        let mut running: FuturesUnordered<_> = effects
            .into_iter()
            .map(|effect| self.perform(effect, context.clone()))
            .collect();
        drop(context);
        let engine = Arc::clone(self);
        Box::pin(async move {
            let mut panicked = false;
            while let Some(outcome) = running.next().await {
                match outcome {
                    Outcome::Done(last) if running.is_empty() && !panicked => return Outcome::Done(last),
                    Outcome::Done(Some(last)) => engine.deliver(last),
                    Outcome::Done(None) | Outcome::Cancelled => {}
                    Outcome::Panicked => panicked = true,
                }
            }
            if panicked {
                Outcome::Panicked
            } else {
                Outcome::Done(None)
            }
        })
    }

    /// One after another, each when the work of the one before is done and its actions were reduced. What follows a
    /// panic is not started: it was to come after work that is not done.
    pub(super) fn perform_sequential(
        self: &Arc<Self>,
        effects: Vec<Effect<R::Action>>,
        context: Context,
    ) -> Performed<R::Action> {
        let mut steps = effects.into_iter().peekable();
        let Some(first) = steps.next() else {
            return Box::pin(async { Outcome::Done(None) });
        };
        let gate = Gate::default();
        let mut step = if steps.peek().is_none() {
            return self.perform(first, context);
        } else {
            self.perform(first, context.clone().gated(&gate))
        };
        let engine = Arc::clone(self);
        Box::pin(async move {
            loop {
                match step.await {
                    Outcome::Done(Some(last)) => engine.deliver(last),
                    Outcome::Done(None) | Outcome::Cancelled => {}
                    Outcome::Panicked => return Outcome::Panicked,
                }
                gate.opened().await;
                let Some(next) = steps.next() else {
                    return Outcome::Done(None);
                };
                if context.is_cancelled() {
                    return Outcome::Cancelled;
                }
                if steps.peek().is_none() {
                    return engine.perform(next, context).await;
                }
                step = engine.perform(next, context.clone().gated(&gate));
            }
        })
    }

    /// The first to complete ends the others. One that is cancelled or panics has not completed.
    pub(super) fn perform_race(
        self: &Arc<Self>,
        effects: Vec<Effect<R::Action>>,
        context: Context,
    ) -> Performed<R::Action> {
        if effects.is_empty() {
            return Box::pin(async { Outcome::Done(None) });
        }
        let mut racers: Vec<_> = effects
            .into_iter()
            .map(|effect| self.perform(effect, context.clone()))
            .collect();
        drop(context);
        Box::pin(async move {
            let outcome = poll_fn(|context| poll_racers(&mut racers, context)).await;
            drop(racers);
            outcome
        })
    }
}

/// From left to right, so that the leftmost wins a tie.
fn poll_racers<A>(racers: &mut Vec<Performed<A>>, context: &mut task::Context<'_>) -> Poll<Outcome<A>> {
    let mut won = None;
    let mut last = Outcome::Cancelled;
    racers.retain_mut(|racer| {
        if won.is_some() {
            return true;
        }
        match racer.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Outcome::Done(action)) => {
                won = Some(Outcome::Done(action));
                false
            }
            Poll::Ready(out) => {
                last = out;
                false
            }
        }
    });
    match won {
        Some(outcome) => Poll::Ready(outcome),
        None if racers.is_empty() => Poll::Ready(last),
        None => Poll::Pending,
    }
}
