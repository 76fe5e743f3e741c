//! What an effect consists of, for the engine that performs it: not covered by any promise.

use std::{collections::VecDeque, time::Duration};

use futures::{future::BoxFuture, stream::BoxStream};

use super::{CancelId, Edge, Effect, EventStoreOperation, InFlight, Retry, Segment};
use crate::reducer::ChildStep;

/// One part of an effect: a leaf, or what it is made of.
pub enum Node<A> {
    /// Nothing.
    None,
    /// What brings actions.
    Leaf(Leaf<A>),
    /// Cancels every effect that runs under this id in the same child.
    Cancel(Box<CancelId>),
    /// The action that was reduced is for this child, which does not exist.
    AbsentChild(Box<Vec<Segment>>),
    /// Effects that run together, in sequence or in a race.
    Group(Box<Group<A>>),
    /// One effect, and what is done about it.
    Wrapped(Box<Wrapped<A>>),
}

/// What brings actions.
pub enum Leaf<A> {
    /// This action.
    Emit(A),
    /// The action of a future, if it has one.
    Future(BoxFuture<'static, Option<A>>),
    /// Every item of a stream.
    Stream(BoxStream<'static, A>),
    /// The action of the last attempt.
    Retry(Box<Retry<A>>),
    /// The answer of an event store.
    EventStore(Box<EventStoreOperation<A>>),
}

/// How the effects of a group are performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// All at once.
    Parallel,
    /// Each after the work of the one before is done.
    Sequential,
    /// All at once; the first to complete ends the others, the leftmost on a tie.
    Race,
}

/// Effects that run together, in sequence or in a race. A deque, so that nesting to the right costs no more than to the left.
pub struct Group<A> {
    /// How they are performed.
    pub grouping: Grouping,
    /// What is performed.
    pub effects: VecDeque<Effect<A>>,
}

/// One effect, and what is done about it.
pub struct Wrapped<A> {
    /// What is done about it.
    pub wrapper: Wrapper,
    /// The effect.
    pub effect: Effect<A>,
}

/// What is done about one effect.
pub enum Wrapper {
    /// It starts later.
    Delay(Duration),
    /// It can be cancelled by its id.
    Cancellable(CancelId, InFlight),
    /// It starts at most once in an interval.
    Throttle(CancelId, Duration, Edge),
    /// It belongs to a child.
    Scoped(ChildStep),
    /// It has a name in reports and traces.
    Labelled(&'static str),
}

/// Takes an effect apart.
pub fn into_node<A>(mut effect: Effect<A>) -> Node<A> {
    std::mem::replace(&mut effect.0, Node::None)
}

/// Puts an effect together.
pub const fn from_node<A>(node: Node<A>) -> Effect<A> {
    Effect(node)
}

/// What an effect without a label is called in reports.
pub fn kind<A>(effect: &Effect<A>) -> &'static str {
    let mut effect = effect;
    loop {
        return match &effect.0 {
            Node::Leaf(Leaf::Future(_)) => "future",
            Node::Leaf(Leaf::Stream(_)) => "stream",
            Node::Leaf(Leaf::Retry(_)) => "retry",
            Node::Leaf(Leaf::EventStore(_)) => "event store",
            Node::Leaf(Leaf::Emit(_)) | Node::None | Node::Cancel(_) | Node::AbsentChild(_) => "effect",
            Node::Group(group) => match group.grouping {
                Grouping::Parallel => "parallel",
                Grouping::Sequential => "sequential",
                Grouping::Race => "race",
            },
            Node::Wrapped(wrapped) => match wrapped.wrapper {
                Wrapper::Delay(_) => "delay",
                Wrapper::Throttle(..) => "throttle",
                Wrapper::Labelled(label) => label,
                Wrapper::Cancellable(..) | Wrapper::Scoped(_) => {
                    effect = &wrapped.effect;
                    continue;
                }
            },
        };
    }
}

impl<A> Effect<A> {
    pub(super) const fn node(&self) -> &Node<A> {
        &self.0
    }

    pub(super) const fn leaf(leaf: Leaf<A>) -> Self {
        Self(Node::Leaf(leaf))
    }

    pub(super) fn wrapped(self, wrapper: Wrapper) -> Self {
        Self(Node::Wrapped(Box::new(Wrapped { wrapper, effect: self })))
    }
}

/// Part by part: what the compiler writes would take a frame of the stack for each level, and overflow it.
impl<A> Drop for Effect<A> {
    fn drop(&mut self) {
        if !matches!(self.0, Node::Group(_) | Node::Wrapped(_)) {
            return;
        }
        let mut waiting = vec![std::mem::replace(&mut self.0, Node::None)];
        while let Some(node) = waiting.pop() {
            match node {
                Node::Group(mut group) => {
                    let parts = group.effects.iter_mut();
                    waiting.extend(parts.map(|part| std::mem::replace(&mut part.0, Node::None)));
                }
                Node::Wrapped(mut wrapped) => {
                    waiting.push(std::mem::replace(&mut wrapped.effect.0, Node::None));
                }
                leaf => drop(leaf),
            }
        }
    }
}
