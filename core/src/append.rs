//! What is asked of a store when it appends, and what it answers.

use crate::{AppendError, ExpectedVersion, Position, SerializedEvent, StreamId, Version, limits};

/// Events for one stream, and what the writer believes about that stream.
///
/// ```
/// use composable_rust_core::{AppendError, ExpectedVersion, StreamAppend, StreamId};
///
/// let nothing = StreamAppend::new(StreamId::new("order", 1)?, ExpectedVersion::NoStream, vec![]);
/// assert!(matches!(nothing.validate(), Err(AppendError::NoEvents)));
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamAppend {
    /// The stream to append to.
    pub stream_id: StreamId,
    /// What the writer believes about it.
    pub expected: ExpectedVersion,
    /// The events in order. In a batch, none means: only check the version.
    pub events: Vec<SerializedEvent>,
    /// Whether the events' metadata is complete as it is. Nothing to a store: it stops an effect that carries the append
    /// out from adding what surrounds it, such as the correlation id of the action that it answers.
    pub has_all_metadata: bool,
}

impl StreamAppend {
    /// An append of `events` to `stream_id`.
    #[must_use]
    pub fn new(stream_id: StreamId, expected: impl Into<ExpectedVersion>, events: Vec<SerializedEvent>) -> Self {
        Self {
            stream_id,
            expected: expected.into(),
            events,
            has_all_metadata: false,
        }
    }

    /// Says that the events' metadata is complete, also where there is none: an effect adds nothing to it.
    ///
    /// ```
    /// use composable_rust_core::{ExpectedVersion, StreamAppend, StreamId};
    ///
    /// let append = StreamAppend::new(StreamId::new("order", 1)?, ExpectedVersion::NoStream, vec![]);
    /// assert!(append.with_all_metadata().has_all_metadata);
    /// # Ok::<(), composable_rust_core::StreamIdError>(())
    /// ```
    #[must_use]
    pub fn with_all_metadata(self) -> Self {
        Self {
            has_all_metadata: true,
            ..self
        }
    }

    /// An entry of a batch that writes nothing: the batch is refused unless the stream is as expected.
    #[must_use]
    pub fn check(stream_id: StreamId, expected: impl Into<ExpectedVersion>) -> Self {
        Self::new(stream_id, expected, Vec::new())
    }

    /// Checks the limits that hold in every store. Stores call this before they write anything.
    ///
    /// # Errors
    /// [`AppendError::NoEvents`], [`AppendError::TooLarge`], [`AppendError::DuplicateId`] (an id twice in this
    /// append) or [`AppendError::Invalid`]. All are final: fix the append.
    pub fn validate(&self) -> Result<(), AppendError> {
        limits::check_append(self)
    }

    /// Checks the entries of a batch: each of them, the limits over all of them, and that no stream occurs twice.
    /// A batch without entries is fine, and so is an entry without events.
    ///
    /// # Errors
    /// As [`StreamAppend::validate`], but for [`AppendError::NoEvents`].
    pub fn validate_batch(appends: &[Self]) -> Result<(), AppendError> {
        limits::check_batch(appends)
    }
}

/// Where an append ended.
///
/// ```
/// use composable_rust_core::{Appended, Position, Version};
///
/// let first = Appended::new(Version::from(3), Position::from_sequence(42));
/// assert!(!first.repeated);
/// assert!(first.as_repeated().repeated);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// The version of the last event written: the stream's version after the append.
    pub version: Version,
    /// The position of that event. For an entry of a batch without events: that of the stream's last event, or
    /// [`Position::BEGINNING`] where the stream has none.
    pub position: Position,
    /// The identical append was stored before; this call wrote nothing. Code that counts appends, such as a view that
    /// is written in the same transaction, skips it.
    pub repeated: bool,
}

impl Appended {
    /// The result of an append that was written by this call.
    #[must_use]
    pub const fn new(version: Version, position: Position) -> Self {
        Self {
            version,
            position,
            repeated: false,
        }
    }

    /// The same result, for a call that found the append stored already.
    #[must_use]
    pub const fn as_repeated(self) -> Self {
        Self { repeated: true, ..self }
    }
}
