//! A reducer on each row of its parent's state.

use super::{ChildStep, RowPrism, step::Identity};
use crate::{Effect, Key, Reducer, Segment};

/// See [`ReducerExt::for_each`](crate::ReducerExt::for_each).
pub struct ForEach<P: Reducer, K, C: Reducer> {
    slot: &'static str,
    parent: P,
    row: for<'s> fn(&'s mut P::State, &K) -> Option<&'s mut C::State>,
    prism: RowPrism<P::Action, K, C::Action>,
    reducer: C,
    identity: Option<fn(&C::State) -> Key>,
}

impl<P, K, C> ForEach<P, K, C>
where
    P: Reducer,
    C: Reducer<Environment = P::Environment>,
    K: Clone + Into<Key> + Send + Sync + 'static,
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
            identity: None,
        }
    }

    /// Takes a row for another one when `identity` of its state changes: the effects of its predecessor are cancelled.
    /// As [`Child::identified_by`](crate::Child::identified_by), for a row that is removed while another takes its key.
    #[must_use]
    pub const fn identified_by(self, identity: fn(&C::State) -> Key) -> Self {
        let mut rows = self;
        rows.identity = Some(identity);
        rows
    }

    fn reduce_row(&self, state: &mut P::State, action: &P::Action, environment: &P::Environment) -> Effect<P::Action> {
        let Some((key, child_action)) = self.prism.extract(action) else {
            return Effect::none();
        };
        let Some(child_state) = (self.row)(state, key) else {
            return Effect::absent_child(self.segment(key));
        };
        let effect = self.reducer.reduce(child_state, child_action, environment);
        if effect.is_none() {
            return Effect::none();
        }
        let identity = self.identity.map(|of| Identity::new(of, child_state));
        let (embed, row) = (self.prism.embedding(), key.clone());
        effect.map(move |action| embed(row.clone(), action)).scoped_to(|| {
            let (get, key) = (self.row, key.clone());
            ChildStep::new(self.segment(&key), identity, move |state| get(state, &key))
        })
    }

    fn segment(&self, key: &K) -> Segment {
        Segment::row(self.slot, key.clone())
    }
}

impl<P, K, C> Reducer for ForEach<P, K, C>
where
    P: Reducer,
    C: Reducer<Environment = P::Environment>,
    K: Clone + Into<Key> + Send + Sync + 'static,
{
    type State = P::State;
    type Action = P::Action;
    type Environment = P::Environment;

    fn reduce(&self, state: &mut P::State, action: &P::Action, environment: &P::Environment) -> Effect<P::Action> {
        let effect = self.reduce_row(state, action, environment);
        effect.merge(self.parent.reduce(state, action, environment))
    }

    fn addressed_row(&self, action: &P::Action) -> Option<Vec<Segment>> {
        let Some((key, child_action)) = self.prism.extract(action) else {
            return self.parent.addressed_row(action);
        };
        let mut path = vec![self.segment(key)];
        path.extend(self.reducer.addressed_row(child_action).into_iter().flatten());
        Some(path)
    }

    fn pending_count(&self, state: &mut P::State) -> usize {
        self.parent.pending_count(state)
    }
}
