//! What is in the file, and what may be added to it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use composable_rust_core::{
    AppendError, Appended, CommandId, Conflict, EventId, Position, RecordedEvent, Snapshot, StreamAppend, StreamId,
    Version,
};

/// What is in the file, once for the log and once for the streams; and the snapshots, which may be lost.
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

    /// Positions count the events of the file.
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

pub(crate) fn end(stream: &Stream) -> Appended {
    let last = stream.last();
    Appended::new(
        last.map_or(Version::INITIAL, |event| event.version),
        last.map_or(Position::BEGINNING, |event| event.position),
    )
}

/// Where exactly these events are already, if they are.
pub(crate) fn first_result(stream: &Stream, append: &StreamAppend) -> Option<Appended> {
    let before = usize::try_from(append.expected.exact()?.get()).ok()?;
    let stored = stream.get(before..)?.get(..append.events.len())?;
    let mut pairs = stored.iter().zip(&append.events);
    let same = pairs.all(|(record, event)| record.is_record_of(event));
    (same && !stored.is_empty()).then(|| end(stored))
}

/// The first results of a batch whose events are all there already.
pub(crate) fn first_results(log: &Log, appends: &[StreamAppend]) -> Option<Vec<Appended>> {
    let first = |append: &StreamAppend| {
        let stream = log.stream(&append.stream_id);
        let check = append.events.is_empty().then(|| end(stream));
        check.or_else(|| first_result(stream, append))
    };
    let writes = appends.iter().any(|append| !append.events.is_empty());
    writes.then(|| appends.iter().map(first).collect())?
}

/// Refuses what may not be written. The order of the questions is part of the contract.
pub(crate) fn judge(stream: &Stream, append: &StreamAppend) -> Result<(), AppendError> {
    let stream_id = append.stream_id.clone();
    let (expected, actual) = (append.expected, end(stream).version);
    let conflict = Conflict {
        stream_id: stream_id.clone(),
        expected,
        actual,
    };
    if first_result(stream, append).is_some() {
        return Err(conflict.into()); // a part of a batch that is new otherwise
    }
    let marks = append.events.iter().filter_map(|event| event.command);
    let commands: HashSet<CommandId> = marks.map(|mark| mark.command_id).collect();
    let known = |event: &&Arc<RecordedEvent>| event.command.is_some_and(|mark| commands.contains(&mark.command_id));
    if let Some((event, mark)) = stream
        .iter()
        .find(known)
        .and_then(|event| Some((event, event.command?)))
    {
        let of_command = stream
            .iter()
            .filter(|later| later.version >= event.version)
            .take(mark.event_count as usize);
        let first = end(&of_command.cloned().collect::<Vec<_>>());
        return Err(AppendError::DuplicateCommand {
            stream_id,
            command_id: mark.command_id,
            first,
        });
    }
    let ids: HashSet<EventId> = append.events.iter().map(|event| event.id).collect();
    if let Some(id) = stream.iter().map(|event| event.id).find(|id| ids.contains(id)) {
        return Err(AppendError::DuplicateId { stream_id, id });
    }
    if expected.accepts(actual) {
        Ok(())
    } else {
        Err(conflict.into())
    }
}
