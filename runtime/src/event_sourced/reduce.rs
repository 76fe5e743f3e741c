//! The rules of an event-sourced aggregate, as a reducer.

use std::{convert::Infallible, mem, sync::Arc};

use composable_rust_core::{Aggregate, AppendError, Appended, Conflict, Effect, Reducer, Session};
use futures::channel::oneshot;

use super::{
    EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState,
    state::{InFlight, Member, Phase, Turn, Waiting},
};
use crate::{ExecuteError, LoadError, caught::caught, envelope};

pub(super) type Action<A> = EventSourcedAction<A>;
pub(super) type Environment<A> = EventSourcedEnvironment<<A as Aggregate>::Environment>;

impl<A: Aggregate> Reducer for EventSourced<A> {
    type State = EventSourcedState<A>;
    type Action = EventSourcedAction<A>;
    type Environment = EventSourcedEnvironment<A::Environment>;

    fn reduce(&self, state: &mut Self::State, action: &Action<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        match action {
            EventSourcedAction::Execute(command) => self.execute(state, command, environment),
            EventSourcedAction::Load => self.load_for_sender(state, environment),
            EventSourcedAction::Loaded(answer) => self.loaded(state, answer, environment),
            EventSourcedAction::Stored(answer) => self.stored(state, answer, environment),
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
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let mut waiting = Waiting {
            command: Arc::clone(command),
            envelope: envelope::current(),
            is_alone: false,
            turn: None,
        };
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
            Phase::Cold | Phase::Ready => self.load(state, None, environment),
            // What was recorded before this action must be seen: the load in progress may have looked already.
            Phase::Restoring | Phase::Loading(_) | Phase::Appending(_) => {
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
            Phase::Cold if wanted => self.load(state, None, environment),
            Phase::Cold | Phase::Ready if !state.loads.is_empty() => self.load(state, None, environment),
            Phase::Ready if wanted => self.decide_waiting(state, environment),
            _ => Effect::none(),
        }
    }

    fn stored(
        &self,
        state: &mut EventSourcedState<A>,
        answer: &Result<Appended, AppendError>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let Some(in_flight) = state.take_in_flight() else {
            return Effect::none();
        };
        match answer {
            Ok(appended) => return self.acknowledged(state, in_flight, *appended, environment),
            Err(AppendError::Conflict(conflict)) => return self.conflict(state, in_flight, conflict, environment),
            Err(error) => state.refused(in_flight, error),
        }
        self.proceed(state, environment)
    }

    fn acknowledged(
        &self,
        state: &mut EventSourcedState<A>,
        in_flight: InFlight<A>,
        appended: Appended,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let before = state.session.version();
        state.conflicts = 0;
        state.last_rejection = in_flight.rejection;
        state.last_failure = None;
        let saved = match caught(|| state.session.acknowledged(appended.version)) {
            Ok(_) => self.save_if_due(state, before, environment),
            Err(message) => {
                state.last_failure = Some(state.torn(message).into());
                Effect::none()
            }
        };
        self.proceed(state, environment).merge(saved)
    }

    /// Somebody else was first: load what is missing, and decide the same commands again, before all others.
    fn conflict(
        &self,
        state: &mut EventSourcedState<A>,
        in_flight: InFlight<A>,
        conflict: &Conflict,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        state.session.failed();
        if conflict.actual < state.session.version() {
            // The store has lost events, or has been replaced: nothing that is known holds.
            state.session = Session::new();
        }
        state.conflicts += 1;
        let Some(pause) = self.retries.conflicts.pause_after(state.conflicts) else {
            state.phase = Phase::Cold;
            state.given_up(in_flight, ExecuteError::Conflict(conflict.clone()));
            return self.proceed(state, environment);
        };
        state.wait_again(in_flight.members);
        self.load(state, Some(pause), environment)
    }
}

impl<A: Aggregate> EventSourcedState<A> {
    fn take_in_flight(&mut self) -> Option<InFlight<A>> {
        match mem::replace(&mut self.phase, Phase::Ready) {
            Phase::Appending(in_flight) => Some(in_flight),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// A panic in `apply` leaves a state that can't be trusted: only the events can.
    fn torn(&mut self, message: String) -> LoadError {
        self.session = Session::new();
        self.phase = Phase::Cold;
        LoadError::Panicked { message }
    }

    /// The append is not made, or it is not known whether it is. Commands that shared it are tried one by one, so that
    /// the one that the store refuses takes no other with it.
    fn refused(&mut self, mut in_flight: InFlight<A>, error: &AppendError) {
        self.session.failed();
        let is_unknown = matches!(error, AppendError::OutcomeUnknown(_));
        let is_outage = is_unknown || matches!(error, AppendError::Unavailable(_));
        let members = &mut in_flight.members;
        if !is_outage && members.iter().filter(|member| member.has_events).count() > 1 {
            self.conflicts = 0;
            for member in members {
                member.waiting.is_alone = true;
            }
            return self.wait_again(in_flight.members);
        }
        if is_unknown {
            self.phase = Phase::Cold;
        }
        self.given_up(in_flight, error.clone().into());
    }

    /// The commands whose events they were have failed. What was decided on top of them is decided again: each time there
    /// are fewer commands, so this comes to an end.
    fn given_up(&mut self, in_flight: InFlight<A>, failure: ExecuteError<Infallible>) {
        self.conflicts = 0;
        self.last_failure = Some(failure);
        self.wait_again(in_flight.members.into_iter().filter(|member| !member.has_events));
    }

    /// In the order in which they came, before all that came later.
    fn wait_again(&mut self, members: impl IntoIterator<Item = Member<A>, IntoIter: DoubleEndedIterator>) {
        for member in members.into_iter().rev() {
            self.waiting.push_front(member.waiting);
        }
    }
}
