//! Encodes the events of a command.

use crate::{CommandId, CommandMark, Event, EventError, EventMetadata, IdGenerator, SerializedEvent};

/// Encodes decided events, each with a new id and the command's metadata; the first one with the command's mark, if the
/// command has an id.
pub(super) fn encode_events<E: Event>(
    events: &[E],
    ids: &dyn IdGenerator,
    metadata: &EventMetadata,
    command_id: Option<CommandId>,
) -> Result<Vec<SerializedEvent>, EventError> {
    let mut encoded = Vec::with_capacity(events.len());
    for event in events {
        let mut event = SerializedEvent::encode(event, ids.event_id())?;
        if !metadata.is_empty() {
            event = event.with_metadata(metadata.clone());
        }
        encoded.push(event);
    }
    if let (Some(id), Some(first)) = (command_id, encoded.first_mut()) {
        // A command of more events than fit into the number is beyond every limit.
        let event_count = u32::try_from(events.len()).unwrap_or(u32::MAX);
        first.command = Some(CommandMark::new(id, event_count));
    }
    Ok(encoded)
}
