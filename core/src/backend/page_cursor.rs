//! The next page of a read of one stream.

use crate::{Direction, ReadStream, RecordedEvent, Version};

/// The page that a read needs next, in its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageRequest {
    /// The first version of the page, inclusive.
    pub from: Version,
    /// The maximum number of events.
    pub events: u64,
}

/// Where a paged read of a stream stands.
///
/// ```
/// use composable_rust_core::{ReadStream, StreamId, Version, backend::PageCursor};
///
/// let newest_first = ReadStream::new(StreamId::new("order", 1)?).backward();
/// let page = PageCursor::of(&newest_first).next(100);
/// assert_eq!(page.map(|page| page.from), Some(Version::MAX));
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PageCursor {
    direction: Direction,
    /// How many more events the read wants.
    left: u64,
    /// Where the next page begins; `None` after the last one.
    next: Option<Version>,
}

impl PageCursor {
    /// At the beginning of `read`.
    #[must_use]
    pub fn of(read: &ReadStream) -> Self {
        let beginning = match read.direction {
            Direction::Forward => Version::from(1),
            Direction::Backward => Version::MAX,
        };
        Self {
            direction: read.direction,
            left: read.limit.unwrap_or(u64::MAX),
            next: Some(read.from.unwrap_or(beginning)),
        }
    }

    /// The next page, of at most `max` events; `None` when the read is complete. The same one until
    /// [`PageCursor::advance`].
    #[must_use]
    pub fn next(&self, max: u64) -> Option<PageRequest> {
        let events = self.left.min(max);
        let from = self.next.filter(|_| events > 0)?;
        Some(PageRequest { from, events })
    }

    /// Moves behind `page`, the events that were read. `more` says that the stream may hold further events: the page was
    /// full, or was cut off for its size. After an empty page with `more`, the same page is requested again.
    pub fn advance(&mut self, page: &[RecordedEvent], more: bool) {
        self.left = self.left.saturating_sub(page.len() as u64);
        if let Some(last) = page.last() {
            self.next = self.behind(last.version);
        }
        self.next = self.next.filter(|_| more);
    }

    fn behind(&self, version: Version) -> Option<Version> {
        match self.direction {
            Direction::Forward => version.next(),
            Direction::Backward => version.checked_sub(1).filter(|before| *before > Version::INITIAL),
        }
    }
}

/// The read that completes a command whose first events are `page`. `None` if the page is empty or has all of them: the
/// mark on the first event says how many there are.
///
/// ```
/// use chrono::DateTime;
/// use composable_rust_core::{
///     CommandId, CommandMark, Encoding, EventId, Position, RecordedEvent, SerializedEvent, StreamId, Version,
///     backend::rest_of_command,
/// };
///
/// let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// let mut first = SerializedEvent::new(id, "DoorOpened.v1", Encoding::BINCODE, vec![]);
/// let command: CommandId = "01890a5d-ac96-774b-bcce-b302099a8058".parse()?;
/// first.command = Some(CommandMark::new(command, 3));
/// let (version, position) = (Version::from(7), Position::from_sequence(42));
/// let first = RecordedEvent::new(StreamId::new("door", 1)?, version, position, DateTime::UNIX_EPOCH, first);
///
/// // The page held one of three events: versions 8 and 9 are to be read.
/// let rest = rest_of_command(&[first]).ok_or("two are missing")?;
/// assert_eq!((rest.from, rest.limit), (Some(Version::from(8)), Some(2)));
/// assert_eq!(rest_of_command(&[]), None, "there is no such command");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn rest_of_command(page: &[RecordedEvent]) -> Option<ReadStream> {
    let (first, last) = (page.first()?, page.last()?);
    let missing = u64::from(first.command?.event_count).saturating_sub(page.len() as u64);
    let from = last.version.next().filter(|_| missing > 0)?;
    Some(ReadStream::new(last.stream_id.clone()).from(from).limit(missing))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{CommandId, CommandMark, Encoding, EventId, Position, SerializedEvent, StreamId};

    fn stream() -> StreamId {
        StreamId::new("test", 1).unwrap()
    }

    fn event(version: u32) -> RecordedEvent {
        let id = EventId::from_uuid(Uuid::from_u128(version.into()));
        let written = SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, vec![]);
        let position = Position::from_sequence(version.into());
        RecordedEvent::new(stream(), version.into(), position, DateTime::UNIX_EPOCH, written)
    }

    fn events(versions: impl IntoIterator<Item = u32>) -> Vec<RecordedEvent> {
        versions.into_iter().map(event).collect()
    }

    fn wanted(from: u32, events: u64) -> PageRequest {
        let from = Version::from(from);
        PageRequest { from, events }
    }

    #[test]
    fn a_read_goes_on_behind_the_last_event() {
        let mut paging = PageCursor::of(&ReadStream::new(stream()));
        assert_eq!(paging.next(2), Some(wanted(1, 2)));
        paging.advance(&events([1, 2]), true);
        assert_eq!(paging.next(2), Some(wanted(3, 2)));
        paging.advance(&events([3]), false);
        assert_eq!(paging.next(2), None);
    }

    #[test]
    fn a_limit_ends_it_though_there_is_more() {
        let mut paging = PageCursor::of(&ReadStream::new(stream()).limit(3));
        assert_eq!(paging.next(2), Some(wanted(1, 2)));
        paging.advance(&events([1, 2]), true);
        assert_eq!(paging.next(2), Some(wanted(3, 1)));
        paging.advance(&events([3]), true);
        assert_eq!(paging.next(2), None);
        assert_eq!(PageCursor::of(&ReadStream::new(stream()).limit(0)).next(2), None);
    }

    #[test]
    fn backward_it_ends_at_the_first_event() {
        let mut paging = PageCursor::of(&ReadStream::new(stream()).backward().from(Version::from(3)));
        assert_eq!(paging.next(2), Some(wanted(3, 2)));
        paging.advance(&events([3, 2]), true);
        assert_eq!(paging.next(2), Some(wanted(1, 2)));
        paging.advance(&events([1]), true);
        assert_eq!(paging.next(2), None);
    }

    #[test]
    fn an_empty_page_with_more_behind_it_is_asked_for_again() {
        let mut paging = PageCursor::of(&ReadStream::new(stream()));
        paging.advance(&[], true);
        assert_eq!(paging.next(2), Some(wanted(1, 2)));
    }

    #[test]
    fn at_the_end_of_the_range_there_is_no_further_page() {
        let mut paging = PageCursor::of(&ReadStream::new(stream()).from(Version::MAX));
        let mut last = event(1);
        last.version = Version::MAX;
        paging.advance(&[last], true);
        assert_eq!(paging.next(2), None);
    }

    #[test]
    fn the_rest_of_a_command_lies_behind_its_page() {
        let mut page = events([4, 5]);
        assert_eq!(rest_of_command(&page), None);
        let id = CommandId::from_uuid(Uuid::from_u128(9));
        page[0].command = Some(CommandMark::new(id, 5));
        let rest = ReadStream::new(stream()).from(Version::from(6)).limit(3);
        assert_eq!(rest_of_command(&page), Some(rest));
        page[0].command = Some(CommandMark::new(id, 2));
        assert_eq!(rest_of_command(&page), None);
    }
}
