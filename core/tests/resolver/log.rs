//! A log that a list holds, and what it says about an append.

use std::collections::HashSet;

use chrono::DateTime;
use composable_rust_core::{
    Appended, CommandId, CommandMark, Encoding, EventId, ExpectedVersion, Position, RecordedEvent, SerializedEvent,
    StreamAppend, StreamId,
    backend::{RecordedFacts, Resolution, resolve},
};
use uuid::Uuid;

pub(crate) fn stream(name: &str) -> StreamId {
    name.parse().unwrap()
}

pub(crate) fn event(id: u8, data: u8) -> SerializedEvent {
    let id = EventId::from_uuid(Uuid::from_u128(id.into()));
    SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, vec![data])
}

pub(crate) fn command(id: u8) -> CommandId {
    CommandId::from_uuid(Uuid::from_u128(id.into()))
}

/// An append of events with these ids.
pub(crate) fn entry(name: &str, expected: impl Into<ExpectedVersion>, ids: &[u8]) -> StreamAppend {
    let events = ids.iter().map(|id| event(*id, 0)).collect();
    StreamAppend::new(stream(name), expected, events)
}

/// The same append, its first event marked as that of a command which all of its events belong to.
pub(crate) fn of_command(mut append: StreamAppend, id: u8) -> StreamAppend {
    let count = u32::try_from(append.events.len()).unwrap();
    append.events.first_mut().unwrap().command = Some(CommandMark::new(command(id), count));
    append
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Vec<RecordedEvent>);

impl Log {
    pub(crate) fn stream<'a>(&'a self, id: &'a StreamId) -> impl DoubleEndedIterator<Item = &'a RecordedEvent> {
        self.0.iter().filter(move |event| event.stream_id == *id)
    }

    pub(crate) fn end(&self, id: &StreamId) -> Appended {
        self.stream(id).last().map(place).unwrap_or_default()
    }

    pub(crate) fn resolve(&self, appends: &[StreamAppend]) -> Resolution {
        let facts: Vec<_> = appends.iter().map(|append| self.facts(append)).collect();
        resolve(appends, &facts)
    }

    /// What a store reads from its indexes.
    fn facts(&self, append: &StreamAppend) -> RecordedFacts {
        let stored = || self.stream(&append.stream_id);
        let ids: HashSet<_> = append.events.iter().map(|event| event.id).collect();
        let commands = append.events.iter().filter_map(|event| Some(event.command?.command_id));
        let mut facts = RecordedFacts::default();
        facts.end = self.end(&append.stream_id);
        facts.event_ids = stored().map(|event| event.id).filter(|id| ids.contains(id)).collect();
        facts.commands = commands
            .filter_map(|id| Some((id, self.end_of_command(&append.stream_id, id)?)))
            .collect();
        if let Some((first, count)) = facts.versions_to_compare(append) {
            let events = stored().filter(|event| event.version >= first);
            facts.compare(append, events.take(usize::try_from(count).unwrap()));
        }
        facts
    }

    pub(crate) fn end_of_command(&self, id: &StreamId, command: CommandId) -> Option<Appended> {
        let stored = || self.stream(id);
        let of_command = |event: &RecordedEvent| event.command.filter(|mark| mark.command_id == command);
        let (before, mark) = (0..)
            .zip(stored())
            .find_map(|(before, event)| Some((before, of_command(event)?)))?;
        stored().nth(before + mark.event_count as usize - 1).map(place)
    }

    pub(crate) fn write(&mut self, appends: Vec<StreamAppend>) {
        for StreamAppend { stream_id, events, .. } in appends {
            for event in events {
                let version = self.end(&stream_id).version.next().unwrap();
                let position = Position::from_sequence(self.0.len() as u64 + 1);
                let record = RecordedEvent::new(stream_id.clone(), version, position, DateTime::UNIX_EPOCH, event);
                self.0.push(record);
            }
        }
    }
}

pub(crate) fn place(event: &RecordedEvent) -> Appended {
    Appended::new(event.version, event.position)
}

/// A resolution in words: versions and positions of a repetition, the message of a refusal.
pub(crate) fn in_words(resolution: Resolution) -> String {
    match resolution {
        Resolution::Write => "write".to_owned(),
        Resolution::Answer(Err(refusal)) => refusal.to_string(),
        Resolution::Answer(Ok(places)) => {
            assert!(places.iter().all(|place| place.repeated), "{places:?}");
            let places: Vec<_> = places
                .iter()
                .map(|place| format!("{}@{}", place.version, place.position))
                .collect();
            format!("repeated {}", places.join(", "))
        }
    }
}
