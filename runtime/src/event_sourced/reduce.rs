//! The rules of an event-sourced aggregate, as a reducer.

use std::{collections::VecDeque, convert::Infallible, mem, sync::Arc};

use composable_rust_core::{
    Aggregate, AppendError, Appended, Backoff, Conflict, Effect, EventMetadata, ReadError, RecordedEvent, Reducer,
    SerializedEvent, StreamAppend,
};

use super::{
    EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState,
    state::{InFlight, Phase},
};
use crate::{ExecuteError, LoadError, caught::caught, decided::serialize, retries::jittered};

type Action<A> = EventSourcedAction<A>;
type Environment<A> = EventSourcedEnvironment<<A as Aggregate>::Environment>;

impl<A: Aggregate> Reducer for EventSourced<A> {
    type State = EventSourcedState<A>;
    type Action = EventSourcedAction<A>;
    type Environment = EventSourcedEnvironment<A::Environment>;

    fn reduce(&self, state: &mut Self::State, action: &Action<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        match action {
            EventSourcedAction::Execute(command) => {
                state.enqueue(command);
                let effect = state.proceed(environment);
                if effect.is_none() { state.await_turn() } else { effect }
            }
            EventSourcedAction::Load => match state.phase {
                Phase::Cold | Phase::Ready => state.load(environment),
                // Either brings what is asked for.
                Phase::Loading | Phase::Appending(_) => Effect::None,
            },
            EventSourcedAction::Loaded(answer) => self.loaded(state, answer, environment),
            EventSourcedAction::Stored(answer) => self.stored(state, answer, environment),
        }
    }
}

impl<A: Aggregate> EventSourced<A> {
    fn loaded(
        &self,
        state: &mut EventSourcedState<A>,
        answer: &Result<Vec<RecordedEvent>, ReadError>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        if !matches!(state.phase, Phase::Loading) {
            return Effect::None;
        }
        match answer
            .as_ref()
            .map_err(|error| LoadError::from(error.clone()))
            .and_then(|events| state.observe(events))
        {
            Ok(()) => {
                state.outages = 0;
                state.phase = Phase::Ready;
                state.proceed(environment)
            }
            Err(LoadError::Unavailable(source)) => match state.outage(&self.retries.outages, environment) {
                Some(pause) => state.load(environment).delay(pause),
                None => state.give_up(ExecuteError::Unavailable(source)),
            },
            Err(error) => state.give_up(error.into()),
        }
    }

    fn stored(
        &self,
        state: &mut EventSourcedState<A>,
        answer: &Result<Appended, AppendError>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let Phase::Appending(mut in_flight) = mem::replace(&mut state.phase, Phase::Ready) else {
            return Effect::None;
        };
        let error = match answer {
            Ok(appended) => {
                state.acknowledged(&in_flight, *appended);
                return state.proceed(environment);
            }
            Err(error) => error,
        };
        match error {
            AppendError::Conflict(conflict) => self.conflict(state, in_flight, conflict, environment),
            AppendError::Unavailable(source) | AppendError::OutcomeUnknown(source) => {
                if matches!(error, AppendError::OutcomeUnknown(_)) {
                    in_flight.unknown = Some(Arc::clone(source));
                }
                match state.outage(&self.retries.outages, environment) {
                    Some(pause) => state.append(in_flight, environment).delay(pause),
                    None => state.abandon(in_flight, error.clone(), environment),
                }
            }
            refused => state.abandon(in_flight, refused.clone(), environment),
        }
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
        state.conflicts += 1;
        let Some(pause) = self.retries.conflicts.pause_after(state.conflicts) else {
            state.conflicts = 0;
            state.phase = Phase::Cold;
            state.last_failure = Some(ExecuteError::Conflict(conflict.clone()));
            return state.proceed(environment);
        };
        for command in in_flight.commands.into_iter().rev() {
            state.waiting.push_front(command);
        }
        if conflict.actual < state.session.version() {
            // The store has lost events, or has been replaced: nothing that is known holds.
            state.session = composable_rust_core::Session::new();
        }
        state.load(environment).delay(jittered(pause, &*environment.ids))
    }
}

impl<A: Aggregate> EventSourcedState<A> {
    /// Takes the next step that the phase allows.
    fn proceed(&mut self, environment: &Environment<A>) -> Effect<Action<A>> {
        match self.phase {
            Phase::Cold if !self.waiting.is_empty() => self.load(environment),
            Phase::Ready if !self.waiting.is_empty() => self.decide_waiting(environment),
            _ => Effect::None,
        }
    }

    /// A command that has to wait is an effect of its sender's until it is carried out: so `settled` waits for it, too.
    fn await_turn(&mut self) -> Effect<Action<A>> {
        match self.done() {
            Some(done) => {
                // It is never sent to, only dropped.
                let turn = async move {
                    let _ = done.await;
                };
                Effect::fire_and_forget(turn).label("command waiting for its turn")
            }
            None => Effect::None,
        }
    }

    fn load(&mut self, environment: &Environment<A>) -> Effect<Action<A>> {
        self.phase = Phase::Loading;
        let from = self.session.version().next();
        Effect::load_events(
            Arc::clone(&environment.store),
            self.stream_id.clone(),
            from,
            EventSourcedAction::Loaded,
        )
    }

    fn observe(&mut self, events: &[RecordedEvent]) -> Result<(), LoadError> {
        for event in events {
            self.session.observe(event)?;
        }
        Ok(())
    }

    /// Decides all waiting commands, one on top of the other, into one append.
    fn decide_waiting(&mut self, environment: &Environment<A>) -> Effect<Action<A>> {
        let (mut commands, mut events, mut rejection) = (Vec::with_capacity(self.waiting.len()), Vec::new(), None);
        for waiting in mem::take(&mut self.waiting) {
            match self.decide(&waiting.command, environment) {
                Ok(Ok(decided)) => {
                    events.extend(decided);
                    rejection = None;
                }
                Ok(Err(refused)) => rejection = Some(Arc::new(refused)),
                Err(failure) => {
                    self.last_failure = Some(failure);
                    continue;
                }
            }
            commands.push(waiting);
        }
        if events.is_empty() {
            if !commands.is_empty() {
                self.last_rejection = rejection;
            }
            return Effect::None;
        }
        let append = StreamAppend::new(self.stream_id.clone(), self.session.version(), events);
        self.append(
            InFlight {
                commands,
                rejection,
                append,
                unknown: None,
            },
            environment,
        )
    }

    /// Decides one command and stages its events; one that fails leaves the others as they are.
    fn decide(
        &mut self,
        command: &A::Command,
        environment: &Environment<A>,
    ) -> Result<Result<Vec<SerializedEvent>, A::Rejection>, ExecuteError<Infallible>> {
        let decided = caught(|| self.session.decide(command, &environment.aggregate));
        let events = match decided.map_err(|message| ExecuteError::Panicked { message })? {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let serialized = serialize(&events, &*environment.ids, &EventMetadata::default());
        let serialized = serialized.map_err(ExecuteError::Unencodable)?;
        self.session.stage(events);
        Ok(Ok(serialized))
    }

    fn append(&mut self, in_flight: InFlight<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        let append = in_flight.append.clone();
        self.phase = Phase::Appending(in_flight);
        Effect::append(Arc::clone(&environment.store), append, EventSourcedAction::Stored)
    }

    fn acknowledged(&mut self, in_flight: &InFlight<A>, appended: Appended) {
        self.session.acknowledged(appended.version);
        self.last_rejection.clone_from(&in_flight.rejection);
        self.last_failure = None;
        (self.conflicts, self.outages) = (0, 0);
    }

    /// The pause before the store is asked again, unless it was asked often enough.
    fn outage(&mut self, backoff: &Backoff, environment: &Environment<A>) -> Option<std::time::Duration> {
        self.outages += 1;
        let pause = backoff.pause_after(self.outages);
        if pause.is_none() {
            self.outages = 0;
        }
        pause.map(|pause| jittered(pause, &*environment.ids))
    }

    /// The append's commands are not carried out, or it is not known; those that wait go on.
    fn abandon(
        &mut self,
        in_flight: InFlight<A>,
        error: AppendError,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        self.session.failed();
        self.conflicts = 0;
        let error = match in_flight.unknown {
            // Not written *this time* says nothing about the attempts before.
            Some(source) => AppendError::OutcomeUnknown(source),
            None => error,
        };
        if matches!(error, AppendError::OutcomeUnknown(_)) {
            self.phase = Phase::Cold;
        }
        self.last_failure = Some(error.into());
        self.proceed(environment)
    }

    /// The stream can't be loaded: none of the waiting commands can be carried out.
    fn give_up(&mut self, error: ExecuteError<Infallible>) -> Effect<Action<A>> {
        self.phase = Phase::Cold;
        self.waiting = VecDeque::new();
        self.conflicts = 0;
        self.last_failure = Some(error);
        Effect::None
    }
}
