//! The requests of reads: a part of a stream, or a page of the log.

use crate::{Position, RecordedEvent, StreamId, Version};

/// The direction in which a stream is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From older to newer events.
    #[default]
    Forward,
    /// From newer to older events.
    Backward,
}

/// A part of a stream, in one direction.
///
/// ```
/// use composable_rust_core::{Direction, ReadStream, StreamId};
///
/// let newest = ReadStream::new(StreamId::new("order", 1)?).backward().limit(1);
/// assert_eq!((newest.direction, newest.limit), (Direction::Backward, Some(1)));
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadStream {
    /// The stream to read; one that does not exist is read as empty.
    pub stream_id: StreamId,
    /// The first version to read, inclusive. `None`: the first event if forward, the last one if backward.
    pub from: Option<Version>,
    /// The direction. Default: forward.
    pub direction: Direction,
    /// The maximum number of events. `None`: all.
    pub limit: Option<u64>,
}

impl ReadStream {
    /// Reads the whole stream, forward.
    #[must_use]
    pub const fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            from: None,
            direction: Direction::Forward,
            limit: None,
        }
    }

    /// Begins at `version`, inclusive.
    #[must_use]
    pub fn from(mut self, version: Version) -> Self {
        self.from = Some(version);
        self
    }

    /// Reads from newer to older events.
    #[must_use]
    pub fn backward(mut self) -> Self {
        self.direction = Direction::Backward;
        self
    }

    /// Reads at most `events`.
    #[must_use]
    pub fn limit(mut self, events: u64) -> Self {
        self.limit = Some(events);
        self
    }
}

/// Selects events of the log: those of the given categories and of the given types. An empty list allows all.
///
/// ```
/// use composable_rust_core::EventFilter;
/// let orders = EventFilter::all().category("order");
/// assert_eq!(orders.categories, ["order"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventFilter {
    /// Categories of streams; see [`StreamId::category`].
    pub categories: Vec<String>,
    /// Stored names of events.
    pub event_types: Vec<String>,
}

impl EventFilter {
    /// Every event.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Also allows the streams of this category.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.categories.push(category.into());
        self
    }

    /// Also allows events with this stored name.
    #[must_use]
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_types.push(event_type.into());
        self
    }

    /// Whether `event` matches.
    #[must_use]
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        let allows = |list: &[String], name: &str| list.is_empty() || list.iter().any(|allowed| allowed == name);
        allows(&self.categories, event.stream_id.category()) && allows(&self.event_types, &event.event_type)
    }
}

/// The request for a page of the log.
///
/// ```
/// use composable_rust_core::{Position, ReadAll};
/// let first_page = ReadAll::after(Position::BEGINNING).limit(100);
/// assert_eq!(first_page.limit, 100);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadAll {
    /// The page begins after this position.
    pub after: Position,
    /// Which events are part of the page. Default: all.
    pub filter: EventFilter,
    /// The maximum number of events; 0 means 1. Default: [`ReadAll::DEFAULT_LIMIT`]. A store may return fewer.
    pub limit: usize,
}

impl ReadAll {
    /// The default of [`ReadAll::limit`]: 500 events.
    pub const DEFAULT_LIMIT: usize = 500;

    /// A page of all events after `position`.
    #[must_use]
    pub fn after(position: Position) -> Self {
        Self {
            after: position,
            filter: EventFilter::all(),
            limit: Self::DEFAULT_LIMIT,
        }
    }

    /// Reads only events that match `filter`.
    #[must_use]
    pub fn filter(mut self, filter: EventFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Reads at most `events`.
    #[must_use]
    pub fn limit(mut self, events: usize) -> Self {
        self.limit = events;
        self
    }
}

/// A page of the log: the matching events, and the position from which to go on.
///
/// ```
/// use composable_rust_core::{EventLog, Position, ReadAll, ReadError};
///
/// /// Counts the events of the log.
/// async fn count(log: &dyn EventLog) -> Result<usize, ReadError> {
///     let (mut after, mut events) = (Position::BEGINNING, 0);
///     loop {
///         let page = log.read_all(ReadAll::after(after)).await?;
///         if page.resume_after == after {
///             return Ok(events); // the page looked at nothing
///         }
///         events += page.events.len();
///         after = page.resume_after;
///     }
/// }
/// # let _ = count;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogPage {
    /// The events that match, in the order of the log.
    pub events: Vec<RecordedEvent>,
    /// Pass this as `after` of the next page; store it as the checkpoint. It advances even if nothing matched, and equals the
    /// page's `after` at the end of the readable log.
    pub resume_after: Position,
}

impl LogPage {
    /// For authors of stores: the matching events, and the last position that was looked at, matching or not.
    #[must_use]
    pub const fn new(events: Vec<RecordedEvent>, resume_after: Position) -> Self {
        Self { events, resume_after }
    }
}
