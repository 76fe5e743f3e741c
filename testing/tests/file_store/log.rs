//! The content of the file, in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use composable_rust_core::{
    Appended, CommandId, EventId, Position, RecordedEvent, Snapshot, StreamAppend, StreamId, Version,
    backend::RecordedFacts,
};

/// The events of the file, by position and by stream, and the snapshots, which may be lost.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) all: Vec<Arc<RecordedEvent>>,
    pub(crate) streams: HashMap<StreamId, Vec<Arc<RecordedEvent>>>,
    pub(crate) snapshots: HashMap<StreamId, Snapshot>,
}

pub(crate) type Stream = [Arc<RecordedEvent>];

impl Log {
    pub(crate) fn stream(&self, stream_id: &StreamId) -> &Stream {
        self.streams.get(stream_id).map_or(&[], Vec::as_slice)
    }

    /// The position of the event that is `ahead` events after the last one.
    pub(crate) fn position(&self, ahead: usize) -> Position {
        Position::from_sequence((self.all.len() + ahead) as u64)
    }

    pub(crate) fn add(&mut self, event: RecordedEvent) {
        let event = Arc::new(event);
        let stream = self.streams.entry(event.stream_id.clone()).or_default();
        stream.push(Arc::clone(&event));
        self.all.push(event);
    }
}

/// The version and position of the last of these events.
pub(crate) fn end(stream: &Stream) -> Appended {
    let last = stream.last();
    Appended::new(
        last.map_or(Version::INITIAL, |event| event.version),
        last.map_or(Position::BEGINNING, |event| event.position),
    )
}

/// What the stream holds of `append`.
pub(crate) fn facts(stream: &Stream, append: &StreamAppend) -> RecordedFacts {
    let mut facts = RecordedFacts::default();
    facts.end = end(stream);
    let ids: HashSet<EventId> = append.events.iter().map(|event| event.id).collect();
    facts.event_ids = stream
        .iter()
        .map(|event| event.id)
        .filter(|id| ids.contains(id))
        .collect();
    let commands = append.events.iter().filter_map(|event| Some(event.command?.command_id));
    facts.commands = commands
        .filter_map(|id| Some((id, end_of_command(stream, id)?)))
        .collect();
    if let Some((first, _)) = facts.versions_to_compare(append) {
        let stored = stream.iter().skip_while(|event| event.version < first);
        facts.compare(append, stored.map(Arc::as_ref));
    }
    facts
}

/// The place of the command's last event: its first one says how many there are.
fn end_of_command(stream: &Stream, command_id: CommandId) -> Option<Appended> {
    let marks = stream.iter().map(|event| event.command);
    let (place, mark) = (0..)
        .zip(marks)
        .find_map(|(place, mark)| Some((place, mark.filter(|mark| mark.command_id == command_id)?)))?;
    stream.get(place..)?.get(..mark.event_count as usize).map(end)
}
