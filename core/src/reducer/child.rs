//! A reducer on a part of its parent's state.

use super::Prism;
use crate::{Effect, Reducer, Segment};

/// See [`ReducerExt::child`](crate::ReducerExt::child).
pub struct Child<P: Reducer, C: Reducer> {
    slot: &'static str,
    parent: P,
    get: fn(&mut P::State) -> Option<&mut C::State>,
    prism: Prism<P::Action, C::Action>,
    reducer: C,
}

impl<P: Reducer, C: Reducer<Environment = P::Environment>> Child<P, C> {
    pub(super) const fn new(
        slot: &'static str,
        parent: P,
        get: fn(&mut P::State) -> Option<&mut C::State>,
        prism: Prism<P::Action, C::Action>,
        child: C,
    ) -> Self {
        Self {
            slot,
            parent,
            get,
            prism,
            reducer: child,
        }
    }

    fn reduce_child(
        &self,
        state: &mut P::State,
        action: &P::Action,
        environment: &P::Environment,
    ) -> Effect<P::Action> {
        let Some(child_action) = self.prism.extract(action) else {
            return Effect::None;
        };
        let Some(child_state) = (self.get)(state) else {
            return Effect::None;
        };
        let effect = self.reducer.reduce(child_state, child_action, environment);
        effect.map(self.prism.embedding()).scoped(Segment::slot(self.slot))
    }
}

impl<P: Reducer, C: Reducer<Environment = P::Environment>> Reducer for Child<P, C> {
    type State = P::State;
    type Action = P::Action;
    type Environment = P::Environment;

    /// The child first: a parent that removes the child on this action lets it see the action before.
    fn reduce(&self, state: &mut P::State, action: &P::Action, environment: &P::Environment) -> Effect<P::Action> {
        let effect = self.reduce_child(state, action, environment);
        effect.merge(self.parent.reduce(state, action, environment))
    }

    fn contains(&self, state: &mut P::State, path: &[Segment]) -> bool {
        match path.split_first() {
            Some((head, rest)) if head.slot == self.slot => {
                (self.get)(state).is_some_and(|child| self.reducer.contains(child, rest))
            }
            _ => self.parent.contains(state, path),
        }
    }

    fn waiting(&self, state: &mut P::State) -> usize {
        let child = (self.get)(state).map_or(0, |child| self.reducer.waiting(child));
        child + self.parent.waiting(state)
    }
}
