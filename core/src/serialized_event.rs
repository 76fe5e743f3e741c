//! An event on its way into a store.

use std::borrow::Cow;

use crate::{CommandId, EncodedEvent, Encoding, Event, EventError, EventId, EventMetadata, event};

/// An event on its way into a store: encoded and named, without a version yet.
///
/// ```
/// use composable_rust_core::{Encoding, EventId, SerializedEvent};
/// let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// let event = SerializedEvent::new(id, "DoorOpened.v1", Encoding::BINCODE, vec![]);
/// assert_eq!(event.event_type, "DoorOpened.v1");
/// # Ok::<(), uuid::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SerializedEvent {
    /// Unique within the stream, and the same when the append is sent again.
    pub id: EventId,
    /// The stored name, such as `"OrderPlaced.v1"`.
    pub event_type: Cow<'static, str>,
    /// How `data` is written.
    pub encoding: Encoding,
    /// The encoded event.
    pub data: Vec<u8>,
    /// What is known about the event.
    pub metadata: Option<EventMetadata>,
    /// On the first event of a command: which command, and how many events it has.
    pub command: Option<CommandMark>,
}

/// Marks the first event of a command: a store keeps the events of a command once per stream.
///
/// ```
/// use composable_rust_core::{CommandId, CommandMark, Encoding, EventId, SerializedEvent};
///
/// let command_id: CommandId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// let event_id: EventId = "01890a5d-ac96-774b-bcce-b302099a8058".parse()?;
/// let placed = SerializedEvent::new(event_id, "OrderPlaced.v1", Encoding::BINCODE, vec![])
///     .with_command(CommandMark::new(command_id, 1));
/// assert_eq!(placed.command.map(|mark| mark.command_id), Some(command_id));
/// # Ok::<(), uuid::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CommandMark {
    /// The command.
    pub command_id: CommandId,
    /// The number of the command's events in this append, including the marked one.
    pub event_count: u32,
}

impl CommandMark {
    /// The mark of a command that has `event_count` events.
    #[must_use]
    pub const fn new(command_id: CommandId, event_count: u32) -> Self {
        Self {
            command_id,
            event_count,
        }
    }
}

impl SerializedEvent {
    /// An event without metadata and without a command's mark.
    #[must_use]
    pub fn new(id: EventId, event_type: impl Into<Cow<'static, str>>, encoding: Encoding, data: Vec<u8>) -> Self {
        Self {
            id,
            event_type: event_type.into(),
            encoding,
            data,
            metadata: None,
            command: None,
        }
    }

    /// Encodes `event`, and decodes it again to check that it can be read back ([`Event::VERIFY_ROUND_TRIP`]).
    ///
    /// # Errors
    /// What [`Event::encode`] says, and [`EventError::NotRoundTrippable`]. All are final: fix the event or its type.
    pub fn encode<E: Event>(event: &E, id: EventId) -> Result<Self, EventError> {
        event::serialize(event, id)
    }

    /// The same event with another id, for a changed copy.
    #[must_use]
    pub fn with_id(mut self, id: EventId) -> Self {
        self.id = id;
        self
    }

    /// The same event with another stored name.
    #[must_use]
    pub fn with_event_type(mut self, event_type: impl Into<Cow<'static, str>>) -> Self {
        self.event_type = event_type.into();
        self
    }

    /// The same event with other bytes, written in `encoding`.
    #[must_use]
    pub fn with_data(mut self, encoding: Encoding, data: Vec<u8>) -> Self {
        (self.encoding, self.data) = (encoding, data);
        self
    }

    /// Attaches metadata; empty metadata is none.
    #[must_use]
    pub fn with_metadata(mut self, metadata: EventMetadata) -> Self {
        self.metadata = (!metadata.is_empty()).then_some(metadata);
        self
    }

    /// Marks this event as the first of a command's.
    #[must_use]
    pub fn with_command(mut self, command: CommandMark) -> Self {
        self.command = Some(command);
        self
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
}
