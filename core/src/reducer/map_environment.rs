//! A reducer in a larger environment.

use crate::{Effect, Reducer, Segment};

/// See [`ReducerExt::map_environment`](crate::ReducerExt::map_environment).
pub struct MapEnvironment<R: Reducer, E> {
    reducer: R,
    get: fn(&E) -> &R::Environment,
}

impl<R: Reducer, E> MapEnvironment<R, E> {
    pub(super) const fn new(reducer: R, get: fn(&E) -> &R::Environment) -> Self {
        Self { reducer, get }
    }
}

impl<R: Reducer, E: Send + Sync + 'static> Reducer for MapEnvironment<R, E> {
    type State = R::State;
    type Action = R::Action;
    type Environment = E;

    fn reduce(&self, state: &mut R::State, action: &R::Action, environment: &E) -> Effect<R::Action> {
        self.reducer.reduce(state, action, (self.get)(environment))
    }

    fn addressed_row(&self, action: &R::Action) -> Option<Vec<Segment>> {
        self.reducer.addressed_row(action)
    }

    fn pending_count(&self, state: &mut R::State) -> usize {
        self.reducer.pending_count(state)
    }
}
