//! A recorded event, as it is read from a store.

use std::{borrow::Cow, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    CommandMark, Decoded, EncodedEvent, Encoding, Event, EventError, EventId, EventMetadata, Position, SerializedEvent,
    StreamId, Version,
};

/// An event as it is read from a store, with its version and its position.
///
/// ```
/// use chrono::DateTime;
/// use composable_rust_core::{Encoding, EventId, Position, RecordedEvent, SerializedEvent, StreamId, Version};
///
/// let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// let written = SerializedEvent::new(id, "DoorOpened.v1", Encoding::BINCODE, vec![]);
/// let recorded = RecordedEvent::new(
///     "door-1".parse::<StreamId>()?,
///     Version::from(1),
///     Position::from_sequence(42),
///     DateTime::UNIX_EPOCH,
///     written.clone(),
/// );
/// assert!(recorded.is_record_of(&written));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedEvent {
    /// Its id, chosen by the writer and unique within the stream.
    pub id: EventId,
    /// Its stream.
    pub stream_id: StreamId,
    /// Its place in the stream: 1 for the first event.
    pub version: Version,
    /// Its place in the whole log.
    pub position: Position,
    /// The stored name.
    pub event_type: Arc<str>,
    /// The encoding of `data`.
    pub encoding: Encoding,
    /// The encoded event.
    pub data: Vec<u8>,
    /// Its metadata, if it has any.
    pub metadata: Option<EventMetadata>,
    /// On the first event of a command: the command, and the number of its events.
    pub command: Option<CommandMark>,
    /// The time of the append by the store's clock, in microseconds. Events are not ordered by it: compare versions or positions.
    pub recorded_at: DateTime<Utc>,
}

impl RecordedEvent {
    /// For authors of stores: `event` as it is recorded at this place.
    #[must_use]
    pub fn new(
        stream_id: StreamId,
        version: Version,
        position: Position,
        recorded_at: DateTime<Utc>,
        event: SerializedEvent,
    ) -> Self {
        let SerializedEvent {
            id,
            event_type,
            encoding,
            data,
            metadata,
            command,
        } = event;
        // Empty where a store that shares the names it reads sets it afterwards: then nothing is allocated for it.
        let event_type = match event_type {
            Cow::Borrowed("") => Arc::default(),
            name => name.into(),
        };
        Self {
            id,
            stream_id,
            version,
            position,
            event_type,
            encoding,
            data,
            metadata,
            command,
            recorded_at,
        }
    }

    /// The event as [`Event::decode`] takes it.
    #[must_use]
    pub fn encoded(&self) -> EncodedEvent<'_> {
        EncodedEvent {
            event_type: &self.event_type,
            encoding: self.encoding,
            data: &self.data,
        }
    }

    /// Decodes the event, through its upcasts if it was stored under an old name.
    ///
    /// # Errors
    /// As [`Event::decode`]. The error does not say which event it was: report stream and version with it.
    pub fn decode<E: Event>(&self) -> Result<Decoded<E>, EventError> {
        E::decode(self.encoded())
    }

    /// Whether `event` was recorded as this: same id, type, encoding, data, metadata and command. Stores recognise a repeated
    /// append by it.
    #[must_use]
    pub fn is_record_of(&self, event: &SerializedEvent) -> bool {
        self.id == event.id
            && *self.event_type == event.event_type
            && self.encoding == event.encoding
            && self.data == event.data
            && self.metadata == event.metadata
            && self.command == event.command
    }
}
