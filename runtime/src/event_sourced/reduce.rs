//! The rules of an event-sourced aggregate, as a reducer.

use std::sync::Arc;

use composable_rust_core::{
    Aggregate, AggregateSession, AppendError, Appended, Conflict, Effect, FailedBatch, Reducer,
};
use futures::channel::oneshot;

use super::{
    EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState,
    decide::SentCommand,
    state::{Phase, Turn},
};
use crate::{CommandContext, LoadError};

pub(super) type Action<A> = EventSourcedAction<A>;
pub(super) type Environment<A> = EventSourcedEnvironment<<A as Aggregate>::Environment>;

impl<A: Aggregate> Reducer for EventSourced<A> {
    type State = EventSourcedState<A>;
    type Action = EventSourcedAction<A>;
    type Environment = EventSourcedEnvironment<A::Environment>;

    fn reduce(&self, state: &mut Self::State, action: &Action<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        match action {
            EventSourcedAction::Execute(command, context) => self.execute(state, command, context, environment),
            EventSourcedAction::Load => self.load_for_sender(state, environment),
            EventSourcedAction::Loaded(answer) => self.loaded(state, answer, environment),
            EventSourcedAction::Appended(answer) => self.appended(state, answer, environment),
            EventSourcedAction::SnapshotLoaded(answer) => self.snapshot_loaded(state, answer, environment),
            EventSourcedAction::SnapshotSaved(_) => Effect::none(),
        }
    }

    fn pending_count(&self, state: &mut Self::State) -> usize {
        state.waiting.len()
    }
}

/// What has to wait is an effect of its sender's until its turn is over: so `settled` waits for it, too.
fn turn<A: Aggregate>() -> (Turn, Effect<Action<A>>) {
    let (turn, over) = oneshot::channel();
    let over = async move {
        // It is never sent to, only dropped.
        let _ = over.await;
    };
    (turn, Effect::fire_and_forget(over).label("waiting for its turn"))
}

impl<A: Aggregate> EventSourced<A> {
    fn execute(
        &self,
        state: &mut EventSourcedState<A>,
        command: &Arc<A::Command>,
        context: &Arc<CommandContext>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let mut waiting = SentCommand::new(command, context, &*environment.clock);
        if matches!(state.phase, Phase::Ready) {
            state.waiting.push_back(waiting);
            return self.proceed(state, environment);
        }
        let (turn, over) = turn();
        waiting.turn = Some(turn);
        state.waiting.push_back(waiting);
        self.proceed(state, environment).merge(over)
    }

    fn load_for_sender(&self, state: &mut EventSourcedState<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        match state.phase {
            Phase::Cold | Phase::Ready => self.load(state, environment),
            // What was recorded before this action must be seen: the load in progress may have looked already.
            Phase::Restoring | Phase::Loading(_) | Phase::Appending => {
                let (turn, over) = turn();
                state.loads.push(turn);
                over
            }
        }
    }

    /// Takes the next step that the phase allows.
    pub(super) fn proceed(&self, state: &mut EventSourcedState<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        let wanted = !state.waiting.is_empty();
        match state.phase {
            Phase::Cold if wanted => self.load(state, environment),
            Phase::Cold | Phase::Ready if !state.loads.is_empty() => self.load(state, environment),
            Phase::Ready if wanted => self.decide_waiting(state, environment),
            _ => Effect::none(),
        }
    }

    fn appended(
        &self,
        state: &mut EventSourcedState<A>,
        answer: &Result<Appended, AppendError>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        if !matches!(state.phase, Phase::Appending) {
            return Effect::none();
        }
        state.phase = Phase::Ready;
        match answer {
            Ok(appended) => return self.acknowledged(state, *appended, environment),
            Err(AppendError::Conflict(conflict)) => return self.conflict(state, conflict, environment),
            Err(error) => state.append_failed(error),
        }
        if matches!(answer, Err(AppendError::DuplicateCommand { .. })) {
            // What the first sending has stored is to be seen.
            return self.load(state, environment);
        }
        self.proceed(state, environment)
    }

    fn acknowledged(
        &self,
        state: &mut EventSourcedState<A>,
        appended: Appended,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let before = state.session.version();
        (state.conflicts, state.last_failure) = (0, None);
        let batch = state.batch.acknowledged(&mut state.session, appended);
        state.note(batch.outcomes);
        let saved = match batch.apply_panic {
            None => self.save_if_due(state, before, environment),
            Some(message) => {
                // Its state is half changed: only the events can be trusted.
                state.forget();
                state.last_failure = Some(LoadError::Panicked { message }.into());
                Effect::none()
            }
        };
        self.proceed(state, environment).merge(saved)
    }

    /// Another writer was first: reads what is missing, and decides the same commands again, before all others.
    fn conflict(
        &self,
        state: &mut EventSourcedState<A>,
        conflict: &Conflict,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        state.conflicts += 1;
        let is_decided_again = self.policy.on_conflict.pause_after(state.conflicts).is_some();
        if is_decided_again {
            let commands = state.batch.take_back(&mut state.session);
            state.requeue(commands);
        } else {
            state.append_failed(&AppendError::Conflict(conflict.clone()));
        }
        if conflict.actual < state.session.version() {
            // The store has lost events, or has been replaced: nothing that is known holds.
            state.forget();
        }
        if is_decided_again {
            return self.load(state, environment);
        }
        self.proceed(state, environment)
    }
}

impl<A: Aggregate> EventSourcedState<A> {
    /// Loads the stream again before the next decision.
    fn forget(&mut self) {
        self.session = AggregateSession::new();
        self.phase = Phase::Cold;
    }

    /// The append is not made, or it is not known whether it is.
    fn append_failed(&mut self, error: &AppendError) {
        self.conflicts = 0;
        let FailedBatch { failed, again } = self.batch.failed(&mut self.session, error);
        match error {
            // Stored when the command was sent before.
            AppendError::DuplicateCommand { .. } if !failed.is_empty() => self.last_rejection = None,
            _ if !failed.is_empty() => self.last_failure = Some(error.clone().into()),
            _ => {}
        }
        let has_moved_on = matches!(
            error,
            AppendError::Conflict(_) | AppendError::OutcomeUnknown(_) | AppendError::DuplicateCommand { .. }
        );
        if has_moved_on {
            self.phase = Phase::Cold;
        }
        self.requeue(again);
    }

    /// In the order in which they came, before all that came later.
    fn requeue(&mut self, commands: Vec<SentCommand<A>>) {
        for command in commands.into_iter().rev() {
            self.waiting.push_front(command);
        }
    }
}
