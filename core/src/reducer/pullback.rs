//! A reducer in a larger environment.

use crate::{Effect, Reducer, Segment};

/// See [`ReducerExt::pullback`](crate::ReducerExt::pullback).
pub struct Pullback<R: Reducer, E> {
    reducer: R,
    get: fn(&E) -> &R::Environment,
}

impl<R: Reducer, E> Pullback<R, E> {
    pub(super) const fn new(reducer: R, get: fn(&E) -> &R::Environment) -> Self {
        Self { reducer, get }
    }
}

impl<R: Reducer, E: Send + Sync + 'static> Reducer for Pullback<R, E> {
    type State = R::State;
    type Action = R::Action;
    type Environment = E;

    fn reduce(&self, state: &mut R::State, action: &R::Action, environment: &E) -> Effect<R::Action> {
        self.reducer.reduce(state, action, (self.get)(environment))
    }

    fn contains(&self, state: &mut R::State, path: &[Segment]) -> bool {
        self.reducer.contains(state, path)
    }

    fn waiting(&self, state: &mut R::State) -> usize {
        self.reducer.waiting(state)
    }
}
