//! An event on its way into a store.

use std::borrow::Cow;

use crate::{CommandId, Encoded, Encoding, Event, EventError, EventId, EventMetadata, event};

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

/// Marks the first event of a command, so that a store keeps the events of a command once per stream.
///
/// ```
/// use composable_rust_core::{CommandId, CommandMark};
/// let id: CommandId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// assert_eq!(CommandMark { id, events: 2 }.events, 2);
/// # Ok::<(), uuid::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommandMark {
    /// Which command.
    pub id: CommandId,
    /// How many events of this append are its, counted from the marked one.
    pub events: u32,
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

    /// Encodes `event`; in debug builds it is decoded again at once, to find out before it is stored for good.
    ///
    /// # Errors
    /// What [`Event::encode`] says, and [`EventError::Unfaithful`] in debug builds. All are final: fix the event.
    pub fn encode<E: Event>(event: &E, id: EventId) -> Result<Self, EventError> {
        event::serialize(event, id)
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
    pub fn encoded(&self) -> Encoded<'_> {
        Encoded {
            event_type: &self.event_type,
            encoding: self.encoding,
            data: &self.data,
        }
    }
}
