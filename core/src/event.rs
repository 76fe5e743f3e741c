//! Facts of the business, and how they are written and read.

use crate::{Codec, Encoding, EventId, SerializedEvent, error::SharedError};

/// A fact of the business, in the past tense; usually an enum with one variant for each kind of event.
///
/// Each variant has a stored name of its own and is encoded alone, so that adding, removing or reordering variants
/// never re-maps what is stored. `#[derive(Event)]` writes this trait; by hand it is:
///
/// ```
/// use composable_rust_core::{Codec, Decoded, EncodedEvent, Event, EventError};
///
/// #[derive(Debug, PartialEq)]
/// enum DoorEvent {
///     Opened,
///     Locked { code: u32 },
/// }
///
/// impl Event for DoorEvent {
///     fn event_type(&self) -> &'static str {
///         match self {
///             Self::Opened => "DoorOpened.v1",
///             Self::Locked { .. } => "DoorLocked.v1",
///         }
///     }
///
///     fn encode(&self) -> Result<Vec<u8>, EventError> {
///         match self {
///             Self::Opened => Codec::new(Self::ENCODING).encode(&()),
///             Self::Locked { code } => Codec::new(Self::ENCODING).encode(&(code,)),
///         }
///     }
///
///     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
///         let codec = Codec::new(stored.encoding);
///         match stored.event_type {
///             "DoorOpened.v1" => codec.decode(stored.data).map(|()| Self::Opened.into()),
///             "DoorLocked.v1" => codec.decode(stored.data).map(|(code,)| Self::Locked { code }.into()),
///             _ => Err(EventError::unknown_type(stored)),
///         }
///     }
/// }
///
/// let data = DoorEvent::Locked { code: 7 }.encode()?;
/// let stored = EncodedEvent { event_type: "DoorLocked.v1", encoding: DoorEvent::ENCODING, data: &data };
/// assert_eq!(DoorEvent::decode(stored)?, Decoded::One(DoorEvent::Locked { code: 7 }));
/// # Ok::<(), EventError>(())
/// ```
pub trait Event: Send + Sync + Sized + 'static {
    /// How new events are written. Stored ones are read in the encoding they were written with.
    const ENCODING: Encoding = Encoding::BINCODE;

    /// The largest encoded event in bytes; at most [`Codec::HIGHEST_MAX_BYTES`].
    const MAX_BYTES: usize = Codec::DEFAULT_MAX_BYTES;

    /// Whether each event is decoded again when it is encoded, before it is stored, and compared with what was encoded (name
    /// and length). This finds an event that its own type can't read back: a type whose serde attributes don't suit the
    /// encoding, or a hand-written `encode` that doesn't fit its `decode`. Without the check such an event is stored, and
    /// every later command of its stream fails.
    ///
    /// The check decodes and encodes the event once more: about 150 ns for an event of five fields in bincode. Set it to
    /// `false` only where this cost was measured to matter; golden files of the events then have to find such mistakes.
    const VERIFY_ROUND_TRIP: bool = true;

    /// The stored name with its schema version, such as `"OrderPlaced.v1"`: chosen, never derived from a type's name.
    fn event_type(&self) -> &'static str;

    /// Writes the event in [`Event::ENCODING`].
    ///
    /// # Errors
    /// See [`Codec::encode`].
    fn encode(&self) -> Result<Vec<u8>, EventError>;

    /// Reads a stored event, through its upcasts if it is an old one.
    ///
    /// # Errors
    /// [`EventError::UnknownType`] for a name this type does not know; else see [`Codec::decode`].
    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError>;
}

/// An event as it is stored: its name, its encoding and its bytes.
///
/// ```
/// use composable_rust_core::{EncodedEvent, Encoding};
/// let stored = EncodedEvent { event_type: "DoorOpened.v1", encoding: Encoding::BINCODE, data: &[] };
/// assert!(stored.data.is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedEvent<'a> {
    /// The stored name.
    pub event_type: &'a str,
    /// How `data` was written.
    pub encoding: Encoding,
    /// The bytes.
    pub data: &'a [u8],
}

/// What a stored event has become: an upcast may drop it or split it.
///
/// The version belongs to the record: it advances once for each stored event, whatever that decodes to.
///
/// ```
/// use composable_rust_core::Decoded;
/// let sum = |decoded: Decoded<u32>| decoded.as_slice().iter().sum::<u32>();
/// assert_eq!(sum(Decoded::Many(vec![1, 2])), 3);
/// assert_eq!(sum(Decoded::Nothing), 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<E> {
    /// It means nothing any more.
    Nothing,
    /// The usual case.
    One(E),
    /// It has been split.
    Many(Vec<E>),
}

impl<E> Decoded<E> {
    /// The events in order.
    #[must_use]
    pub fn as_slice(&self) -> &[E] {
        match self {
            Self::Nothing => &[],
            Self::One(event) => std::slice::from_ref(event),
            Self::Many(events) => events,
        }
    }

    /// The events in order, as owned values.
    #[must_use]
    pub fn into_vec(self) -> Vec<E> {
        match self {
            Self::Nothing => Vec::new(),
            Self::One(event) => vec![event],
            Self::Many(events) => events,
        }
    }

    /// The events in order, changed one by one: how an enum includes the events of another.
    #[must_use]
    pub fn map<F>(self, f: impl Fn(E) -> F) -> Decoded<F> {
        match self {
            Self::Nothing => Decoded::Nothing,
            Self::One(event) => Decoded::One(f(event)),
            Self::Many(events) => Decoded::Many(events.into_iter().map(f).collect()),
        }
    }
}

impl<E> From<E> for Decoded<E> {
    fn from(event: E) -> Self {
        Self::One(event)
    }
}

/// Why an event could not be written or read. All of these are final: repeating changes nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// No variant has this stored name: add it to the event type, or declare that it is skipped.
    #[error("unknown event type {event_type:?}")]
    UnknownType {
        /// The stored name.
        event_type: String,
    },
    /// This build does not have the encoding: switch its feature on.
    #[error("{0} is not available in this build")]
    UnknownEncoding(Encoding),
    /// The encoded event is larger than its cap: keep large content elsewhere and refer to it.
    #[error("an event of {bytes} bytes is too large: at most {limit} are allowed")]
    TooLarge {
        /// The size in bytes.
        bytes: usize,
        /// The cap in bytes.
        limit: usize,
    },
    /// Bytes were left over: they were written by another shape of this event.
    #[error("bytes are left over after the event: {unread}")]
    TrailingBytes {
        /// How many bytes were not read.
        unread: usize,
    },
    /// The bytes are not such a value, or the value can't be serialized: its own `Serialize` refuses, or it is to be JSON and
    /// holds a NaN or an infinity, for which JSON has no number.
    #[error("the event does not match its encoding")]
    Malformed(#[source] SharedError),
    /// The event can't be read back as it was written. Nothing is stored: the check runs before ([`Event::VERIFY_ROUND_TRIP`]).
    /// Usual causes are serde attributes that don't suit bincode in the type of a field (`skip_serializing_if`, `flatten`,
    /// `untagged`, `tag`), an event that decodes to none or to several, and a hand-written `encode` that doesn't fit its
    /// `decode`. Remove the attribute, or choose JSON.
    #[error("{event_type:?} does not come back as it was written: its serde attributes do not suit the encoding")]
    NotRoundTrippable {
        /// The stored name.
        event_type: &'static str,
    },
}

impl EventError {
    /// The error for a name that the event type does not know.
    #[must_use]
    pub fn unknown_type(stored: EncodedEvent<'_>) -> Self {
        Self::UnknownType {
            event_type: stored.event_type.to_owned(),
        }
    }
}

/// Encodes `event` for the store, and checks that it can be decoded unless its type turns the check off.
pub(crate) fn serialize<E: Event>(event: &E, id: EventId) -> Result<SerializedEvent, EventError> {
    let data = event.encode()?;
    if E::VERIFY_ROUND_TRIP {
        check_round_trip(event, &data)?;
    }
    Ok(SerializedEvent::new(id, event.event_type(), E::ENCODING, data))
}

/// Compares name and length, not bytes: a hash map may be written in another order the second time.
fn check_round_trip<E: Event>(event: &E, data: &[u8]) -> Result<(), EventError> {
    let event_type = event.event_type();
    let stored = EncodedEvent {
        event_type,
        encoding: E::ENCODING,
        data,
    };
    if let Ok(Decoded::One(back)) = E::decode(stored)
        && back.event_type() == event_type
        && back.encode().is_ok_and(|again| again.len() == data.len())
    {
        return Ok(());
    }
    Err(EventError::NotRoundTrippable { event_type })
}
