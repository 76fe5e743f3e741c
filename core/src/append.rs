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
/// let appended = Appended { version: Version::from(3), position: Position::from_sequence(42) };
/// assert_eq!(appended.version, Version::from(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The version of the last event written: the stream's version after the append.
    pub version: Version,
    /// The position of that event. For an entry of a batch without events: that of the stream's last event, or
    /// [`Position::BEGINNING`] where the stream has none.
    pub position: Position,
}
