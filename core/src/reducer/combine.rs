//! One reducer after another.

use crate::{Effect, Reducer, Segment};

/// See [`ReducerExt::combine`](crate::ReducerExt::combine).
pub struct Combine<R, Q> {
    first: R,
    second: Q,
}

impl<R, Q> Combine<R, Q> {
    pub(super) const fn new(first: R, second: Q) -> Self {
        Self { first, second }
    }
}

impl<R, Q> Reducer for Combine<R, Q>
where
    R: Reducer,
    Q: Reducer<State = R::State, Action = R::Action, Environment = R::Environment>,
{
    type State = R::State;
    type Action = R::Action;
    type Environment = R::Environment;

    fn reduce(&self, state: &mut R::State, action: &R::Action, environment: &R::Environment) -> Effect<R::Action> {
        let first = self.first.reduce(state, action, environment);
        first.merge(self.second.reduce(state, action, environment))
    }

    fn addressed_row(&self, action: &R::Action) -> Option<Vec<Segment>> {
        let first = self.first.addressed_row(action);
        first.or_else(|| self.second.addressed_row(action))
    }

    fn pending_count(&self, state: &mut R::State) -> usize {
        self.first.pending_count(state) + self.second.pending_count(state)
    }
}
