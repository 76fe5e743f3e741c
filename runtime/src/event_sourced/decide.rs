//! From commands that wait to one append.

use std::{convert::Infallible, sync::Arc};

use composable_rust_core::{Aggregate, Effect, EventMetadata, SerializedEvent, StreamAppend};

use super::{
    EventSourced, EventSourcedAction, EventSourcedState,
    reduce::{Action, Environment},
    state::{InFlight, Phase, Waiting},
};
use crate::{ExecuteError, caught::caught, decided::serialize, persistent::Asked};

/// No more commands join an append that holds so much already: others should not wait long for it, and the store's
/// limits are far away.
const ENOUGH_EVENTS: usize = 1000;
const ENOUGH_BYTES: usize = 4 << 20;

type Decided<A> = Result<Result<Vec<SerializedEvent>, <A as Aggregate>::Rejection>, ExecuteError<Infallible>>;

impl<A: Aggregate> EventSourced<A> {
    /// Decides the commands that wait, one on top of the other, into one append.
    pub(super) fn decide_waiting(
        &self,
        state: &mut EventSourcedState<A>,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        let mut in_flight = InFlight {
            commands: Vec::new(),
            rejection: None,
        };
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < ENOUGH_EVENTS && bytes < ENOUGH_BYTES {
            let Some(waiting) = state.waiting.pop_front() else {
                break;
            };
            let alone = state.is_alone();
            match state.decide(&waiting, environment) {
                Ok(Ok(decided)) => {
                    bytes += decided.iter().map(|event| event.data.len()).sum::<usize>();
                    events.extend(decided);
                    in_flight.rejection = None;
                }
                Ok(Err(refused)) => in_flight.rejection = Some(Arc::new(refused)),
                Err(failure) => {
                    state.last_failure = Some(failure);
                    continue;
                }
            }
            in_flight.commands.push(waiting);
            if alone && !events.is_empty() {
                break;
            }
        }
        if events.is_empty() {
            if !in_flight.commands.is_empty() {
                state.last_rejection = in_flight.rejection;
            }
            return Effect::None;
        }
        let append = StreamAppend::new(state.stream_id.clone(), state.session.version(), events);
        state.phase = Phase::Appending(in_flight);
        Effect::append(
            Asked::now(environment.persistent(self.retries)),
            append,
            EventSourcedAction::Stored,
        )
    }
}

impl<A: Aggregate> EventSourcedState<A> {
    /// Counts down the commands that share no append.
    fn is_alone(&mut self) -> bool {
        let alone = self.alone > 0;
        self.alone = self.alone.saturating_sub(1);
        alone
    }

    /// Decides one command and stages its events; one that fails leaves the others as they are.
    fn decide(&mut self, waiting: &Waiting<A>, environment: &Environment<A>) -> Decided<A> {
        let panicked = |message| ExecuteError::Panicked { message };
        let decided = caught(|| self.session.decide(&waiting.command, &environment.aggregate)).map_err(panicked)?;
        let events = match decided {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let mut metadata = EventMetadata::default();
        if let Some(envelope) = &waiting.envelope {
            envelope.complete(&mut metadata);
        }
        let serialized = caught(|| serialize(&events, &*environment.ids, &metadata, None));
        let mut serialized = serialized.map_err(panicked)?.map_err(ExecuteError::Unencodable)?;
        for event in &mut serialized {
            // Settled, also where there is none: what is reduced by now may be the answer to another append.
            event.metadata.get_or_insert_default();
        }
        caught(|| self.session.stage(events)).map_err(panicked)?;
        Ok(Ok(serialized))
    }
}
