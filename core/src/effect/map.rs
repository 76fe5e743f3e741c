//! An effect of one kind of action as an effect of another.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};

use super::{Attempt, Cancellable, Delay, Effect, Labelled, Retry, Scoped, Throttle};

type Shared<A, B> = Arc<dyn Fn(A) -> B + Send + Sync>;

impl<A: Send + 'static> Effect<A> {
    /// The same effect, with every action changed by `f`: how a child's effect becomes its parent's.
    /// Mapping nothing or an emitted action allocates nothing.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// let Effect::Emit(text) = Effect::emit(7).map(|n| n.to_string()) else { return };
    /// assert_eq!(text, "7");
    /// ```
    pub fn map<B: Send + 'static>(self, f: impl Fn(A) -> B + Send + Sync + 'static) -> Effect<B> {
        match self {
            Self::None => Effect::None,
            Self::Emit(action) => Effect::Emit(f(action)),
            Self::Cancel(id) => Effect::Cancel(id),
            effect => effect.map_shared(&(Arc::new(f) as Shared<A, B>)),
        }
    }

    fn map_shared<B: Send + 'static>(self, f: &Shared<A, B>) -> Effect<B> {
        let shared = Arc::clone(f);
        match self {
            Self::None => Effect::None,
            Self::Emit(action) => Effect::Emit(f(action)),
            Self::Cancel(id) => Effect::Cancel(id),
            Self::Future(future) => Effect::Future(future.map(move |action| action.map(|a| shared(a))).boxed()),
            Self::Stream(stream) => Effect::Stream(stream.map(move |action| shared(action)).boxed()),
            Self::Parallel(effects) => Effect::Parallel(map_each(effects, f)),
            Self::Sequential(effects) => Effect::Sequential(map_each(effects, f)),
            Self::Race(effects) => Effect::Race(map_each(effects, f)),
            Self::Retry(retry) => Effect::Retry(Box::new(map_retry(*retry, shared))),
            Self::EventStore(operation) => Effect::EventStore(Box::new(operation.map(shared))),
            Self::Delay(delay) => {
                let Delay { duration, effect } = *delay;
                Effect::Delay(Box::new(Delay {
                    duration,
                    effect: effect.map_shared(f),
                }))
            }
            Self::Cancellable(cancellable) => {
                let Cancellable { id, in_flight, effect } = *cancellable;
                Effect::Cancellable(Box::new(Cancellable {
                    id,
                    in_flight,
                    effect: effect.map_shared(f),
                }))
            }
            Self::Throttle(throttle) => {
                let Throttle {
                    id,
                    interval,
                    edge,
                    effect,
                } = *throttle;
                Effect::Throttle(Box::new(Throttle {
                    id,
                    interval,
                    edge,
                    effect: effect.map_shared(f),
                }))
            }
            Self::Scoped(scoped) => {
                let Scoped { segment, effect } = *scoped;
                Effect::Scoped(Box::new(Scoped {
                    segment,
                    effect: effect.map_shared(f),
                }))
            }
            Self::Labelled(labelled) => {
                let Labelled { label, effect } = *labelled;
                Effect::Labelled(Box::new(Labelled {
                    label,
                    effect: effect.map_shared(f),
                }))
            }
        }
    }
}

fn map_each<A: Send + 'static, B: Send + 'static>(effects: Vec<Effect<A>>, f: &Shared<A, B>) -> Vec<Effect<B>> {
    effects.into_iter().map(|effect| effect.map_shared(f)).collect()
}

fn map_retry<A: Send + 'static, B: Send + 'static>(retry: Retry<A>, f: Shared<A, B>) -> Retry<B> {
    let Retry { backoff, mut attempt } = retry;
    let attempt: Attempt<B> = Box::new(move || {
        let f = Arc::clone(&f);
        attempt()
            .map(move |outcome| match outcome {
                Ok(action) => Ok(f(action)),
                Err(action) => Err(f(action)),
            })
            .boxed()
    });
    Retry { backoff, attempt }
}
