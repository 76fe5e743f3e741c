//! Effects made of effects.

use std::time::Duration;

use super::{
    CancelId, Edge, Effect, InFlight, Segment,
    join::{join, race_of},
    node::{Grouping, Leaf, Node, Wrapper, from_node, into_node},
};
use crate::reducer::ChildStep;

impl<A> Effect<A> {
    /// Nothing. Costs nothing, and is the identity of [`Effect::merge`] and [`Effect::then`].
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// let effect = Effect::none().then(Effect::emit(1)).merge(Effect::none());
    /// assert_eq!(effect.describe().to_string(), "emit");
    /// ```
    pub const fn none() -> Self {
        from_node(Node::None)
    }

    /// Whether this is [`Effect::none`].
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self.node(), Node::None)
    }

    /// Reduces `action` next, after those that wait already.
    pub const fn emit(action: A) -> Self {
        Self::leaf(Leaf::Emit(action))
    }

    /// Runs both effects concurrently, started in this order. [`Effect::none`] is the identity.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// let both = Effect::emit(1).merge(Effect::none()).merge(Effect::emit(2));
    /// assert_eq!(both.describe().to_string(), "parallel [emit, emit]");
    /// ```
    pub fn merge(self, other: Self) -> Self {
        match (self.is_none(), other.is_none()) {
            (true, _) => other,
            (_, true) => self,
            _ => join(Grouping::Parallel, self, other),
        }
    }

    /// Runs all effects concurrently, started in this order.
    pub fn all(effects: impl IntoIterator<Item = Self>) -> Self {
        effects.into_iter().fold(Self::none(), Self::merge)
    }

    /// Starts `next` after the whole of this effect's own work is done (not that of effects its actions cause).
    /// [`Effect::none`] is the identity.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// let steps = Effect::emit(1).then(Effect::emit(2)).then(Effect::emit(3));
    /// assert_eq!(steps.describe().to_string(), "sequential [emit, emit, emit]");
    /// ```
    pub fn then(self, next: Self) -> Self {
        match (self.is_none(), next.is_none()) {
            (true, _) => next,
            (_, true) => self,
            _ => join(Grouping::Sequential, self, next),
        }
    }

    /// Runs all effects concurrently; the first to complete ends the others, the leftmost on a tie. Event-store operations
    /// are not ended: their answers are still reduced.
    pub fn race(effects: impl IntoIterator<Item = Self>) -> Self {
        race_of(effects)
    }

    /// Starts after `duration` on the store's clock.
    pub fn delay(self, duration: Duration) -> Self {
        self.wrapped(Wrapper::Delay(duration))
    }

    /// Reduces `action` and ends the effect, unless it completes within `duration`: a race with a delay.
    ///
    /// ```
    /// use composable_rust_core::Effect;
    /// use std::time::Duration;
    /// let effect = Effect::task(async { "answer" }).timeout(Duration::from_secs(5), "too late");
    /// assert_eq!(effect.describe().to_string(), "race [future, delay 5s: emit]");
    /// ```
    pub fn timeout(self, duration: Duration, action: A) -> Self {
        Self::race([self, Self::emit(action).delay(duration)])
    }

    /// Gives the effect an id by which [`Effect::cancel`] ends it; `in_flight` says what becomes of another effect that
    /// runs under this id.
    ///
    /// The effect does not compete with itself: in `effect.cancellable("a", inner).cancellable("a", outer)` both rules
    /// apply to other effects, the outer one first.
    pub fn cancellable(self, id: impl Into<CancelId>, in_flight: InFlight) -> Self {
        self.wrapped(Wrapper::Cancellable(id.into(), in_flight))
    }

    /// Ends what runs under `id`. No action of it is reduced afterwards, even if one is queued already.
    pub fn cancel(id: impl Into<CancelId>) -> Self {
        from_node(Node::Cancel(Box::new(id.into())))
    }

    /// Starts only after `duration` has passed without another effect of this id: a delay that replaces.
    pub fn debounce(self, id: impl Into<CancelId>, duration: Duration) -> Self {
        self.delay(duration).cancellable(id, InFlight::Replace)
    }

    /// Starts at most one effect of this id in an `interval`; `edge` says which.
    pub fn throttle(self, id: impl Into<CancelId>, interval: Duration, edge: Edge) -> Self {
        self.wrapped(Wrapper::Throttle(id.into(), interval, edge))
    }

    /// Names the effect in reports and traces.
    pub fn label(self, label: &'static str) -> Self {
        if self.is_none() {
            return self;
        }
        self.wrapped(Wrapper::Labelled(label))
    }

    /// Makes the effect a child's, whose ids of cancellable effects are its own. [`ReducerExt::child`] and
    /// [`ReducerExt::for_each`] do this; a combinator of your own does it so that two children don't cancel each other's
    /// effects. The store never takes a child that was named here for removed.
    ///
    /// [`ReducerExt::child`]: crate::ReducerExt::child
    /// [`ReducerExt::for_each`]: crate::ReducerExt::for_each
    pub fn scoped(self, segment: Segment) -> Self {
        self.scoped_to(|| ChildStep::unchecked(segment))
    }

    /// An emitted action needs no scope: it is reduced at once.
    pub(crate) fn scoped_to(self, step: impl FnOnce() -> ChildStep) -> Self {
        match into_node(self) {
            node @ (Node::None | Node::Leaf(Leaf::Emit(_))) => from_node(node),
            Node::AbsentChild(mut path) => {
                path.insert(0, step().segment().clone());
                from_node(Node::AbsentChild(path))
            }
            node => from_node(node).wrapped(Wrapper::Scoped(step())),
        }
    }

    /// Says that the action is for a child that does not exist: the store traces it, a test store fails.
    /// [`ReducerExt::child`] and [`ReducerExt::for_each`] return it.
    ///
    /// ```
    /// use composable_rust_core::{Effect, Segment};
    /// let effect = Effect::<()>::absent_child(Segment::row("orders", 7_u64));
    /// assert_eq!(effect.describe().to_string(), "absent child orders[7]");
    /// ```
    ///
    /// [`ReducerExt::child`]: crate::ReducerExt::child
    /// [`ReducerExt::for_each`]: crate::ReducerExt::for_each
    pub fn absent_child(segment: Segment) -> Self {
        from_node(Node::AbsentChild(Box::new(vec![segment])))
    }
}
