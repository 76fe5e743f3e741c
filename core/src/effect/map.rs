//! An effect of one kind of action as an effect of another.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};

use super::{
    Attempt, Effect, Retry,
    node::{Leaf, Node, from_node, into_node},
    transform::transform,
};

type Shared<A, B> = Arc<dyn Fn(A) -> B + Send + Sync>;

impl<A: Send + 'static> Effect<A> {
    /// The same effect, with every action changed by `f`: how a child's effect becomes its parent's.
    /// Mapping nothing or an emitted action allocates nothing.
    ///
    /// An effect of any depth can be mapped, but maps of maps nest at most 1,000 deep: each wraps the futures of the one
    /// before in another future, since their actions are of another type, and polling one polls all within it. A child of
    /// a child of a child needs three.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// let effect = Effect::task(async { 7 }).then(Effect::emit(8)).map(|n: i32| n.to_string());
    /// assert_eq!(effect.describe().to_string(), "sequential [future, emit]");
    /// ```
    pub fn map<B: Send + 'static>(self, f: impl Fn(A) -> B + Send + Sync + 'static) -> Effect<B> {
        match into_node(self) {
            Node::None => Effect::none(),
            Node::Leaf(Leaf::Emit(action)) => Effect::emit(f(action)),
            node => {
                let f = Arc::new(f) as Shared<A, B>;
                transform(from_node(node), |leaf| map_leaf(leaf, &f))
            }
        }
    }
}

fn map_leaf<A: Send + 'static, B: Send + 'static>(leaf: Leaf<A>, f: &Shared<A, B>) -> Leaf<B> {
    let shared = Arc::clone(f);
    match leaf {
        Leaf::Emit(action) => Leaf::Emit(f(action)),
        Leaf::Future(future) => Leaf::Future(future.map(move |action| action.map(|a| shared(a))).boxed()),
        Leaf::Stream(stream) => Leaf::Stream(stream.map(move |action| shared(action)).boxed()),
        Leaf::Retry(retry) => Leaf::Retry(Box::new(map_retry(*retry, shared))),
        Leaf::EventStore(operation) => Leaf::EventStore(Box::new(operation.map(shared))),
    }
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
