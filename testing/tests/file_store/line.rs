//! The file format: one line of JSON per commit.

use std::{fs::File, io::Write, sync::Arc};

use chrono::{DateTime, Utc};
use composable_rust_core::{
    AppendError, CommandId, CommandMark, Encoding, EventId, EventMetadata, Position, RecordedEvent, SerializedEvent,
    StreamId, Unavailable, UnavailableReason, Version,
};
use serde::{Deserialize, Serialize};

/// An event in the file.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    stream: StreamId,
    version: Version,
    id: EventId,
    event_type: String,
    encoding: i16,
    /// One character per byte.
    data: String,
    metadata: Option<EventMetadata>,
    command: Option<(CommandId, u32)>,
    recorded_at: DateTime<Utc>,
}

impl Line {
    pub(crate) fn of(event: &RecordedEvent) -> Self {
        Self {
            stream: event.stream_id.clone(),
            version: event.version,
            id: event.id,
            event_type: event.event_type.to_string(),
            encoding: event.encoding.code(),
            data: event.data.iter().copied().map(char::from).collect(),
            metadata: event.metadata.clone(),
            command: event.command.map(|mark| (mark.command_id, mark.event_count)),
            recorded_at: event.recorded_at,
        }
    }

    pub(crate) fn event(self, position: Position) -> RecordedEvent {
        let data = self.data.chars().filter_map(|byte| u8::try_from(byte).ok()).collect();
        let encoding = Encoding::from_code(self.encoding);
        let mut event = SerializedEvent::new(self.id, self.event_type, encoding, data);
        event.metadata = self.metadata;
        event.command = self.command.map(|(id, events)| CommandMark::new(id, events));
        RecordedEvent::new(self.stream, self.version, position, self.recorded_at, event)
    }
}

/// Writes one line and syncs it to disk. A failed line is removed again; if that fails too, the outcome is unknown.
pub(crate) fn write(file: &mut File, records: &[RecordedEvent]) -> Result<(), AppendError> {
    if records.is_empty() {
        return Ok(());
    }
    let before = file
        .metadata()
        .map_err(|error| Unavailable::new(UnavailableReason::Busy, Arc::new(error)))?
        .len();
    let lines: Vec<Line> = records.iter().map(Line::of).collect();
    let line = serde_json::to_string(&lines).map_err(|error| AppendError::Backend(Arc::new(error)))? + "\n";
    let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
    written.map_err(|error| match file.set_len(before).and_then(|()| file.sync_data()) {
        Ok(()) => AppendError::Backend(Arc::new(error)),
        Err(_) => AppendError::OutcomeUnknown(Arc::new(error)),
    })
}
