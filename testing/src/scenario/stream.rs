//! The one stream of a scenario, as a store would keep it.

use std::{error::Error, time::Duration};

use composable_rust_core::{
    Aggregate, AggregateSession, Decoded, Event, IdGenerator, Position, RecordedEvent, SerializedEvent, StreamAppend,
    StreamId, Version,
};

use super::{Fixed, answer::Answer};
use crate::{
    SequentialIds,
    failed::{causes, count, failed},
};

/// The one stream of a scenario: with what is in memory after its commands, and what is read back of what was stored.
pub(super) struct Stream<A: Aggregate> {
    id: StreamId,
    fixed: Fixed,
    environment: A::Environment,
    asked_once: bool,
    ids: SequentialIds,
    /// As a host that stays in memory knows it: with the decided events applied.
    session: AggregateSession<A>,
    /// As a host that has loaded it knows it: with the stored events applied.
    loaded: AggregateSession<A>,
    records: Vec<RecordedEvent>,
}

/// Which events are written: for the messages.
#[derive(Clone, Copy)]
enum Written {
    Given,
    Decided { by: usize },
}

impl<A: Aggregate> Stream<A> {
    #[track_caller]
    pub(super) fn new(fixed: Fixed, environment: A::Environment, asked_once: bool) -> Self {
        let id = match A::stream_id("scenario") {
            Ok(id) => id,
            Err(error) => failed(
                &format!("{:?} is no category of streams", A::CATEGORY),
                &error.to_string(),
                "choose another `CATEGORY`",
            ),
        };
        Self {
            id,
            fixed,
            environment,
            asked_once,
            ids: SequentialIds::new(),
            session: AggregateSession::new(),
            loaded: AggregateSession::new(),
            records: Vec::new(),
        }
    }

    pub(super) fn state(&self) -> &A::State {
        self.session.state()
    }

    /// The state as it is after a restart.
    pub(super) fn loaded_state(&self) -> &A::State {
        self.loaded.state()
    }

    pub(super) fn version(&self) -> Version {
        self.session.version()
    }

    /// What has happened, as it is read back: all of it could be read when it was stored.
    pub(super) fn history(&self) -> Vec<A::Event> {
        let decoded = self.records.iter().filter_map(|record| record.decode().ok());
        decoded
            .flat_map(|decoded| match decoded {
                Decoded::Nothing => Vec::new(),
                Decoded::One(event) => vec![event],
                Decoded::Many(events) => events,
            })
            .collect()
    }

    pub(super) fn pass(&self, duration: Duration) {
        self.fixed.pass(duration);
    }

    #[track_caller]
    pub(super) fn happened(&mut self, events: impl IntoIterator<Item = A::Event>) {
        let events: Vec<_> = events.into_iter().collect();
        if events.is_empty() {
            return;
        }
        let recorded = self.write(&events, Written::Given);
        self.was_recorded(&recorded);
    }

    #[track_caller]
    pub(super) fn was_recorded(&mut self, recorded: &[RecordedEvent]) {
        for record in recorded {
            self.read(record, Written::Given);
        }
        self.records.extend_from_slice(recorded);
        // What was stored before the first command is all that a host knows.
        self.session = AggregateSession::restored(self.loaded.version(), self.loaded.state().as_ref().clone());
    }

    pub(super) fn ask(&mut self, command: &A::Command) -> Answer<A> {
        let (state, environment) = (self.session.tentative_state(), &self.environment);
        Answer::ask(|| A::decide(state, command, environment), &self.fixed, self.asked_once)
    }

    /// Stores what command `by` has decided. Gives back the events as they were decided, and as they are read.
    #[track_caller]
    pub(super) fn decided(&mut self, events: Vec<A::Event>, by: usize) -> (Vec<A::Event>, Vec<RecordedEvent>) {
        if events.is_empty() {
            return (events, Vec::new());
        }
        let recorded = self.write(&events, Written::Decided { by });
        for record in &recorded {
            self.read(record, Written::Decided { by });
        }
        self.records.extend_from_slice(&recorded);
        self.session.stage(events);
        let events = self.session.commit_staged(self.loaded.version());
        (events, recorded)
    }

    #[track_caller]
    fn write(&self, events: &[A::Event], written: Written) -> Vec<RecordedEvent> {
        let mut serialized = Vec::with_capacity(events.len());
        for (number, event) in (1..).zip(events) {
            match SerializedEvent::encode(event, self.ids.event_id()) {
                Ok(event) => serialized.push(event),
                Err(error) => written.fail(number, event.event_type(), &error, "be stored"),
            }
        }
        let append = StreamAppend::new(self.id.clone(), self.loaded.version(), serialized);
        if let Err(error) = append.validate() {
            failed(
                &format!("no store takes {}", written.name(events.len())),
                &causes(&error),
                "keep within the limits of `Limit`: split what one command does, or keep large content elsewhere",
            );
        }
        self.recorded(append)
    }

    fn recorded(&self, append: StreamAppend) -> Vec<RecordedEvent> {
        let (after, now) = (self.loaded.version().get(), self.fixed.now());
        let places = (1..).map(|place| after + place);
        let record = |(place, event)| {
            let (version, position) = (Version::new(place), Position::from_sequence(place));
            RecordedEvent::new(
                append.stream_id.clone(),
                version.unwrap_or(Version::MAX),
                position,
                now,
                event,
            )
        };
        places.zip(append.events).map(record).collect()
    }

    #[track_caller]
    fn read(&mut self, record: &RecordedEvent, written: Written) {
        if let Err(error) = self.loaded.apply_recorded(record) {
            let source = error.source().unwrap_or(&error);
            written.fail(record.version.get(), &record.event_type, source, "be read again");
        }
    }
}

impl Written {
    fn name(self, events: usize) -> String {
        let events = count(events, "event");
        match self {
            Self::Given => format!("the given {events}"),
            Self::Decided { by } => format!("the {events} of command {by}"),
        }
    }

    #[track_caller]
    fn fail(self, number: u64, event_type: &str, error: &(dyn Error + 'static), act: &str) -> ! {
        let whose = match self {
            Self::Given => "given event".to_owned(),
            Self::Decided { by } => format!("command {by}: event"),
        };
        failed(
            &format!("{whose} {number} ({event_type}) can't {act}"),
            &causes(error),
            "see the event's `encode` and `decode`, and what its fields' serde attributes do in its encoding",
        );
    }
}
