//! What is asked of a store when it reads.

use crate::{Position, RecordedEvent, StreamId, Version};

/// Which way a stream is read.
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
    /// The first version to be read, itself included; `None` begins at the end that the direction starts from.
    pub from: Option<Version>,
    /// Which way to read.
    pub direction: Direction,
    /// The most events to be read; `None` for all.
    pub limit: Option<u64>,
}

impl ReadStream {
    /// The whole stream, forward.
    #[must_use]
    pub const fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            from: None,
            direction: Direction::Forward,
            limit: None,
        }
    }

    /// Begins at `version`, itself included.
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

/// Which events of the log are wanted: those that match every list that is not empty.
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

    /// Allows the streams of this category, beside those already allowed.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.categories.push(category.into());
        self
    }

    /// Allows events of this type, beside those already allowed.
    #[must_use]
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_types.push(event_type.into());
        self
    }

    /// Whether `event` is wanted.
    #[must_use]
    pub fn matches(&self, event: &RecordedEvent) -> bool {
        let allows = |list: &[String], name: &str| list.is_empty() || list.iter().any(|allowed| allowed == name);
        allows(&self.categories, event.stream_id.category()) && allows(&self.event_types, &event.event_type)
    }
}

/// A page of the log.
///
/// ```
/// use composable_rust_core::{Position, ReadAll};
/// let first_page = ReadAll::after(Position::BEGINNING).limit(100);
/// assert_eq!(first_page.limit, 100);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadAll {
    /// Where to begin, this position excluded.
    pub after: Position,
    /// Which events are wanted.
    pub filter: EventFilter,
    /// The most events in the page; 0 means 1.
    pub limit: usize,
}

impl ReadAll {
    /// The default size of a page, in events.
    pub const DEFAULT_LIMIT: usize = 500;

    /// A page of every kind of event after `position`.
    #[must_use]
    pub fn after(position: Position) -> Self {
        Self {
            after: position,
            filter: EventFilter::all(),
            limit: Self::DEFAULT_LIMIT,
        }
    }

    /// Only events that match.
    #[must_use]
    pub fn filter(mut self, filter: EventFilter) -> Self {
        self.filter = filter;
        self
    }

    /// At most so many events.
    #[must_use]
    pub fn limit(mut self, events: usize) -> Self {
        self.limit = events;
        self
    }
}

/// Events of the log, and how far the reader has come.
///
/// ```
/// use composable_rust_core::{LogPage, Position};
/// let nothing_matched = LogPage { events: vec![], resume_after: Position::from_sequence(900) };
/// assert!(nothing_matched.resume_after > Position::BEGINNING);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LogPage {
    /// The events that match, in the order of the log.
    pub events: Vec<RecordedEvent>,
    /// The last position that was looked at, matching or not: the next page begins after it, and a checkpoint moves
    /// to it even where a filter matched nothing. Equal to the page's `after` when nothing more is readable now.
    pub resume_after: Position,
}
