//! Decided events on their way into the log.

use composable_rust_core::{CommandId, CommandMark, Event, EventError, EventMetadata, IdGenerator, SerializedEvent};

/// Encodes decided events, each with a new id and the command's metadata; the first one with the command's mark, if it has
/// an id.
pub(crate) fn serialize<E: Event>(
    events: &[E],
    ids: &dyn IdGenerator,
    metadata: &EventMetadata,
    command_id: Option<CommandId>,
) -> Result<Vec<SerializedEvent>, EventError> {
    let encode = |event| {
        let serialized = SerializedEvent::encode(event, ids.event_id())?;
        Ok(if metadata.is_empty() {
            serialized
        } else {
            serialized.with_metadata(metadata.clone())
        })
    };
    let mut serialized: Vec<_> = events.iter().map(encode).collect::<Result<_, _>>()?;
    if let (Some(id), Some(first)) = (command_id, serialized.first_mut()) {
        // A command of more events than fit into the number is beyond every limit.
        let events = u32::try_from(events.len()).unwrap_or(u32::MAX);
        first.command = Some(CommandMark::new(id, events));
    }
    Ok(serialized)
}
