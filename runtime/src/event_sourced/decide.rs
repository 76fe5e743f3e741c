//! From commands that wait to one append.

use std::{convert::Infallible, sync::Arc};

use composable_rust_core::{Aggregate, Effect, EventMetadata, SerializedEvent, StreamAppend};

use super::{
    EventSourced, EventSourcedAction, EventSourcedState,
    asked::Asked,
    reduce::{Action, Environment},
    state::{InFlight, Member, Phase, Waiting},
};
use crate::{ExecuteError, caught::caught, decided::serialize};

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
        let mut group = Group::new();
        while !group.is_full() {
            let Some(waiting) = state.waiting.pop_front() else {
                break;
            };
            if waiting.is_alone && group.has_events() {
                state.waiting.push_front(waiting);
                break;
            }
            match state.decide(&waiting, environment) {
                Ok(Ok(events)) => group.take(waiting, events),
                Ok(Err(rejection)) => group.refuse(waiting, rejection),
                // It may have failed because of what is not stored yet, and is decided again once that is known.
                Err(_) if group.has_events() => {
                    state.waiting.push_front(waiting);
                    break;
                }
                Err(failure) => state.last_failure = Some(failure),
            }
        }
        let Group { events, in_flight, .. } = group;
        if events.is_empty() {
            if !in_flight.members.is_empty() {
                state.last_rejection = in_flight.rejection;
            }
            return Effect::none();
        }
        // What is reduced by now may be the answer to another append, whose metadata is not theirs.
        let append = StreamAppend::new(state.stream_id.clone(), state.session.version(), events).with_all_metadata();
        state.phase = Phase::Appending(in_flight);
        Effect::append(
            Asked::now(environment.persistent(self.retries)),
            append,
            EventSourcedAction::Stored,
        )
    }
}

impl<A: Aggregate> EventSourcedState<A> {
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
        let serialized = serialized.map_err(panicked)?.map_err(ExecuteError::Unencodable)?;
        caught(|| self.session.stage(events)).map_err(panicked)?;
        Ok(Ok(serialized))
    }
}

/// Commands that are decided into one append.
struct Group<A: Aggregate> {
    in_flight: InFlight<A>,
    events: Vec<SerializedEvent>,
    bytes: usize,
    is_closed: bool,
}

impl<A: Aggregate> Group<A> {
    const fn new() -> Self {
        Self {
            in_flight: InFlight {
                members: Vec::new(),
                rejection: None,
            },
            events: Vec::new(),
            bytes: 0,
            is_closed: false,
        }
    }

    const fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    const fn is_full(&self) -> bool {
        self.is_closed || self.events.len() >= ENOUGH_EVENTS || self.bytes >= ENOUGH_BYTES
    }

    fn take(&mut self, waiting: Waiting<A>, events: Vec<SerializedEvent>) {
        let has_events = !events.is_empty();
        self.is_closed |= waiting.is_alone && has_events;
        self.bytes += events.iter().map(|event| event.data.len()).sum::<usize>();
        self.events.extend(events);
        self.in_flight.rejection = None;
        self.in_flight.members.push(Member { waiting, has_events });
    }

    fn refuse(&mut self, waiting: Waiting<A>, rejection: A::Rejection) {
        self.in_flight.rejection = Some(Arc::new(rejection));
        let has_events = false;
        self.in_flight.members.push(Member { waiting, has_events });
    }
}
