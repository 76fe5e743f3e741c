//! Offers the store the snapshots that fall due.

use std::sync::Arc;

use composable_rust_core::{Aggregate, Effect, Version};

use super::{
    EventSourced, EventSourcedAction, EventSourcedState,
    reduce::{Action, Environment},
};
use crate::{retrying::RetryingStore, snapshot};

impl<A: Aggregate> EventSourced<A> {
    /// Saves a snapshot if one is due after the append that moved the stream on from `before`.
    pub(super) fn save_if_due(
        &self,
        state: &EventSourcedState<A>,
        before: Version,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        if snapshot::is_due(&state.stream_id, before, &state.session) {
            self.save(state, environment)
        } else {
            Effect::none()
        }
    }

    /// Encoded here, in the reduce, so that the effect is data. Encoded beside it, the effect would hold the state, and the next
    /// event would have to clone it.
    ///
    /// Each save is an effect of the command that made it due, and waits for the others inside of its call of the store. Begun by
    /// the answer to the one before, it would be an effect of that one's command: its sender, on a busy stream, would wait for
    /// all that ever follow.
    pub(super) fn save(&self, state: &EventSourcedState<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        let (version, current) = (state.session.version(), state.session.state());
        let Some(snapshot) = snapshot::encoded::<A>(&state.stream_id, version, current) else {
            return Effect::none();
        };
        let store = RetryingStore {
            snapshots: Some(Arc::clone(&state.snapshots)),
            ..RetryingStore::clone(&environment.retrying(self.policy, 0))
        };
        let stream_id = state.stream_id.clone();
        Effect::save_snapshot(Arc::new(store), stream_id, snapshot, EventSourcedAction::SnapshotSaved)
    }
}
