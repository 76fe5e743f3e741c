//! A reducer on a part of its parent's state.

use super::{ChildStep, Prism, step::Identity};
use crate::{Effect, Key, Reducer, Segment};

/// See [`ReducerExt::child`](crate::ReducerExt::child).
pub struct Child<P: Reducer, C: Reducer> {
    slot: &'static str,
    parent: P,
    get: fn(&mut P::State) -> Option<&mut C::State>,
    prism: Prism<P::Action, C::Action>,
    reducer: C,
    identity: Option<fn(&C::State) -> Key>,
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
            identity: None,
        }
    }

    /// Takes a child for another one when `identity` of its state changes: the effects of its predecessor are cancelled.
    ///
    /// The store looks at the state after a reduce. It sees that a child is gone, but not that one was removed and another
    /// put in its place by the same reduce: without this, the new child gets the actions of the old one's effects.
    ///
    /// ```
    /// # use composable_rust_core::{Effect, Reducer, ReducerExt, prism};
    /// # struct Upload; struct App;
    /// # struct UploadState { id: u64 }
    /// # enum AppAction { Upload(()) }
    /// # impl Reducer for Upload {
    /// #     type State = UploadState; type Action = (); type Environment = ();
    /// #     fn reduce(&self, _: &mut UploadState, (): &(), (): &()) -> Effect<()> { Effect::none() }
    /// # }
    /// # impl Reducer for App {
    /// #     type State = Option<UploadState>; type Action = AppAction; type Environment = ();
    /// #     fn reduce(&self, _: &mut Self::State, _: &AppAction, (): &()) -> Effect<AppAction> { Effect::none() }
    /// # }
    /// let app = App
    ///     .child("upload", Option::as_mut, prism!(AppAction::Upload), Upload)
    ///     .identified_by(|upload| upload.id.into());
    /// # let _ = app;
    /// ```
    #[must_use]
    pub const fn identified_by(self, identity: fn(&C::State) -> Key) -> Self {
        let mut child = self;
        child.identity = Some(identity);
        child
    }

    fn reduce_child(
        &self,
        state: &mut P::State,
        action: &P::Action,
        environment: &P::Environment,
    ) -> Effect<P::Action> {
        let Some(child_action) = self.prism.extract(action) else {
            return Effect::none();
        };
        let Some(child_state) = (self.get)(state) else {
            return Effect::absent_child(Segment::slot(self.slot));
        };
        let effect = self.reducer.reduce(child_state, child_action, environment);
        if effect.is_none() {
            return effect.map(self.prism.embedding());
        }
        let identity = self.identity.map(|of| Identity::new(of, child_state));
        effect
            .map(self.prism.embedding())
            .scoped_to(|| ChildStep::new(Segment::slot(self.slot), identity, self.get))
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

    fn addressed_row(&self, action: &P::Action) -> Option<Vec<Segment>> {
        let in_child = self
            .prism
            .extract(action)
            .and_then(|action| self.reducer.addressed_row(action));
        match in_child {
            Some(mut path) => {
                path.insert(0, Segment::slot(self.slot));
                Some(path)
            }
            None => self.parent.addressed_row(action),
        }
    }

    fn pending_count(&self, state: &mut P::State) -> usize {
        let child = (self.get)(state).map_or(0, |child| self.reducer.pending_count(child));
        child + self.parent.pending_count(state)
    }
}
