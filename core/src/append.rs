//! The request and the answer of an append.

use crate::{AppendError, ExpectedVersion, Position, SerializedEvent, StreamId, Version, limits};

/// Events for one stream, with the version that the writer expects of it. Also an entry of a batch.
///
/// ```
/// use composable_rust_core::{AppendError, Appended, EventStore, ExpectedVersion, SerializedEvent, StreamAppend, StreamId};
///
/// /// Places an order in the name of a customer, whose stream must not have changed meanwhile.
/// async fn place(
///     store: &dyn EventStore,
///     order: StreamId,
///     placed: SerializedEvent,
///     customer: StreamId,
///     customer_version: ExpectedVersion,
/// ) -> Result<Vec<Appended>, AppendError> {
///     let write = StreamAppend::new(order, ExpectedVersion::NoStream, vec![placed]);
///     let check = StreamAppend::check(customer, customer_version);
///     store.append_batch(vec![write, check]).await
/// }
/// # let _ = place;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamAppend {
    /// The stream to append to.
    pub stream_id: StreamId,
    /// The version that the stream must have. Otherwise the append is a [`Conflict`](crate::Conflict).
    pub expected: ExpectedVersion,
    /// The events, in order. An entry of a batch may have none: it only checks the version.
    pub events: Vec<SerializedEvent>,
    /// Whether the events' metadata is complete. If `false`, the default, effects fill in missing correlation, causation and
    /// actor ids. Stores ignore it.
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

    /// Declares the events' metadata complete, even if there is none: an effect adds nothing to it.
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

    /// An entry of a batch that writes nothing. The batch is refused unless the stream is as expected.
    #[must_use]
    pub fn check(stream_id: StreamId, expected: impl Into<ExpectedVersion>) -> Self {
        Self::new(stream_id, expected, Vec::new())
    }

    /// Checks the limits of every store ([`Limit::max`](crate::Limit::max)) and that the append is well-formed. Stores call
    /// this before they write anything.
    ///
    /// # Errors
    /// [`AppendError::NoEvents`], [`AppendError::TooLarge`], [`AppendError::Invalid`] or [`AppendError::DuplicateId`] (an id
    /// twice in this append). All are final: fix the append.
    pub fn validate(&self) -> Result<(), AppendError> {
        limits::check_append(self)
    }

    /// Checks a batch: each entry, the limits over all of them (at most 1,000 entries), and that no stream occurs twice. A
    /// batch without entries is valid, and so is an entry without events.
    ///
    /// # Errors
    /// As [`StreamAppend::validate`], but for [`AppendError::NoEvents`].
    pub fn validate_batch(appends: &[Self]) -> Result<(), AppendError> {
        limits::check_batch(appends)
    }
}

/// The result of an append: where its last event is, and whether it was stored before.
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
    /// The position of that event. For an entry of a batch without events: the position of the stream's last event, or
    /// [`Position::BEGINNING`] if it has none.
    pub position: Position,
    /// Whether the identical append was stored before. Then this call wrote nothing; code that counts appends, such as a view
    /// in the same transaction, must skip it. Of a repeated batch, every entry says so.
    pub repeated: bool,
}

impl Appended {
    /// The result of an append that this call has written.
    #[must_use]
    pub const fn new(version: Version, position: Position) -> Self {
        Self {
            version,
            position,
            repeated: false,
        }
    }

    /// The same place, as the result of a call that found the append stored already.
    #[must_use]
    pub const fn as_repeated(self) -> Self {
        Self { repeated: true, ..self }
    }
}
