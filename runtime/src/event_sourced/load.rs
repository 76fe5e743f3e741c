//! Loads the stream into the state: snapshot plus tail.

use std::mem;

use composable_rust_core::{Aggregate, Effect, ReadError, RecordedEvent, Snapshot, SnapshotError, Version};
use tracing::warn;

use super::{
    EventSourced, EventSourcedAction, EventSourcedState,
    reduce::{Action, Environment},
    state::Phase,
};
use crate::{
    LoadError,
    panics::caught,
    snapshot::{self, Restored},
};

impl<A: Aggregate> EventSourced<A> {
    /// Reads what was recorded since the known version; where nothing is known, the snapshot first. After a conflict the call
    /// begins with a pause: as an effect of its own, it could be cancelled and leave the aggregate waiting for ever.
    pub(super) fn load(&self, state: &mut EventSourcedState<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        state.loading.append(&mut state.loads);
        if A::SNAPSHOTS.is_never() || state.session.version() != Version::INITIAL {
            return self.read(state, Restored::Absent, state.conflicts, environment);
        }
        state.phase = Phase::Restoring;
        let store = environment.retrying(self.policy, state.conflicts);
        Effect::load_snapshot(store, state.stream_id.clone(), EventSourcedAction::SnapshotLoaded)
    }

    pub(super) fn snapshot_loaded(
        &self,
        state: &mut EventSourcedState<A>,
        answer: &Result<Option<Snapshot>, SnapshotError>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        if !matches!(state.phase, Phase::Restoring) {
            return Effect::none();
        }
        let restored = snapshot::restored(&state.stream_id, answer.as_ref().map(Option::as_ref));
        self.read(state, restored, 0, environment)
    }

    /// A snapshot's tail begins AT its version: that the event is there proves that the stream reaches it, at the price of
    /// one event and no second question.
    fn read(
        &self,
        state: &mut EventSourcedState<A>,
        restored: Restored<A>,
        conflicts: u32,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let from = match &restored {
            Restored::Usable(session) if session.version() > Version::INITIAL => Some(session.version()),
            _ => state.session.version().next(),
        };
        state.phase = Phase::Loading(restored);
        let store = environment.retrying(self.policy, conflicts);
        Effect::load_events(store, state.stream_id.clone(), from, EventSourcedAction::Loaded)
    }

    pub(super) fn loaded(
        &self,
        state: &mut EventSourcedState<A>,
        answer: &Result<Vec<RecordedEvent>, ReadError>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let Some(restored) = state.take_loading() else {
            return Effect::none();
        };
        let is_unusable = matches!(restored, Restored::Unusable);
        let observed = match answer {
            Ok(events) => {
                if let Some(version) = beyond(&restored, events) {
                    // A log that was restored from an older backup than its snapshots.
                    warn!(stream_id = %state.stream_id, %version, "snapshot ignored: it lies beyond its stream");
                    return self.read(state, Restored::Unusable, 0, environment);
                }
                state.apply_recorded(restored, events)
            }
            Err(error) => Err(error.clone().into()),
        };
        state.loading.clear();
        if let Err(error) = observed {
            // The stream can't be loaded: none of the waiting commands can be carried out.
            state.waiting.clear();
            state.conflicts = 0;
            state.last_failure = Some(error.into());
            return self.proceed(state, environment);
        }
        state.phase = Phase::Ready;
        let replaced = if is_unusable {
            self.save(state, environment)
        } else {
            Effect::none()
        };
        self.proceed(state, environment).merge(replaced)
    }
}

impl<A: Aggregate> EventSourcedState<A> {
    /// What the load has begun from, if there is one; from now on what is known may be old.
    fn take_loading(&mut self) -> Option<Restored<A>> {
        match mem::replace(&mut self.phase, Phase::Cold) {
            Phase::Loading(restored) => Some(restored),
            other => {
                self.phase = other;
                None
            }
        }
    }

    fn apply_recorded(&mut self, restored: Restored<A>, events: &[RecordedEvent]) -> Result<(), LoadError> {
        let mut session = match restored {
            Restored::Usable(session) => session,
            _ => mem::take(&mut self.session),
        };
        // Torn by a panic in `apply` it is let go of: what is known is nothing, then.
        let observed = caught(|| events.iter().try_for_each(|event| session.apply_recorded(event)));
        let observed = observed.map_err(|message| LoadError::Panicked { message })?;
        self.session = session;
        Ok(observed?)
    }
}

/// The version of a snapshot that its stream does not reach.
fn beyond<A: Aggregate>(restored: &Restored<A>, tail: &[RecordedEvent]) -> Option<Version> {
    match restored {
        Restored::Usable(session) if session.version() > Version::INITIAL && tail.is_empty() => Some(session.version()),
        _ => None,
    }
}
