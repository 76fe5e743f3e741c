//! A reducer on each row of its parent's state.

use super::RowPrism;
use crate::{Effect, Key, Reducer, Segment};

/// See [`ReducerExt::for_each`](crate::ReducerExt::for_each).
pub struct ForEach<P: Reducer, K, C: Reducer> {
    slot: &'static str,
    parent: P,
    row: for<'s> fn(&'s mut P::State, &K) -> Option<&'s mut C::State>,
    prism: RowPrism<P::Action, K, C::Action>,
    reducer: C,
}

impl<P, K, C> ForEach<P, K, C>
where
    P: Reducer,
    C: Reducer<Environment = P::Environment>,
    K: Clone + Into<Key> + TryFrom<Key> + Send + Sync + 'static,
{
    pub(super) const fn new(
        slot: &'static str,
        parent: P,
        row: for<'s> fn(&'s mut P::State, &K) -> Option<&'s mut C::State>,
        prism: RowPrism<P::Action, K, C::Action>,
        child: C,
    ) -> Self {
        Self {
            slot,
            parent,
            row,
            prism,
            reducer: child,
        }
    }

    fn reduce_row(&self, state: &mut P::State, action: &P::Action, environment: &P::Environment) -> Effect<P::Action> {
        let Some((key, child_action)) = self.prism.extract(action) else {
            return Effect::None;
        };
        let Some(child_state) = (self.row)(state, key) else {
            return Effect::None;
        };
        let effect = self.reducer.reduce(child_state, child_action, environment);
        if effect.is_none() {
            return Effect::None;
        }
        let (embed, row) = (self.prism.embedding(), key.clone());
        effect
            .map(move |action| embed(row.clone(), action))
            .scoped(Segment::row(self.slot, key.clone()))
    }
}

impl<P, K, C> Reducer for ForEach<P, K, C>
where
    P: Reducer,
    C: Reducer<Environment = P::Environment>,
    K: Clone + Into<Key> + TryFrom<Key> + Send + Sync + 'static,
{
    type State = P::State;
    type Action = P::Action;
    type Environment = P::Environment;

    fn reduce(&self, state: &mut P::State, action: &P::Action, environment: &P::Environment) -> Effect<P::Action> {
        let effect = self.reduce_row(state, action, environment);
        effect.merge(self.parent.reduce(state, action, environment))
    }

    fn contains(&self, state: &mut P::State, path: &[Segment]) -> bool {
        match path.split_first() {
            Some((Segment { slot, row: Some(key) }, rest)) if *slot == self.slot => K::try_from(key.clone())
                .is_ok_and(|key| (self.row)(state, &key).is_some_and(|child| self.reducer.contains(child, rest))),
            _ => self.parent.contains(state, path),
        }
    }

    fn waiting(&self, state: &mut P::State) -> usize {
        self.parent.waiting(state)
    }
}
