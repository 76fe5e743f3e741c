//! Decided events on their way into the log.

use composable_rust_core::{Event, EventError, EventMetadata, IdGenerator, SerializedEvent};

/// Encodes decided events, each with a new id and the command's metadata.
pub(crate) fn serialize<E: Event>(
    events: &[E],
    ids: &dyn IdGenerator,
    metadata: &EventMetadata,
) -> Result<Vec<SerializedEvent>, EventError> {
    let encode = |event| {
        let serialized = SerializedEvent::encode(event, ids.event_id())?;
        Ok(if metadata.is_empty() {
            serialized
        } else {
            serialized.with_metadata(metadata.clone())
        })
    };
    events.iter().map(encode).collect()
}
