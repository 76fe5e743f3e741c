//! Events that the file has lost.
//!
//! Streams and the log have no gaps, which the file's own triggers see to. SQLite notices most of what a broken disk does
//! to its trees, but not all: a page that has forgotten rows may look like one that never had them. Since versions and
//! positions are dense, a gap between two rows is such a loss, and an error: whoever goes on behind it would never know.

use composable_rust_core::{Direction, Position, RecordedEvent, Version};

use crate::row;

/// A gap in a stream or in the log: only a broken disk or a foreign hand can have made it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Gap {
    #[error("version {0} of the stream is missing: the file is damaged")]
    Version(Version),
    #[error("position {0} of the log is missing: the file is damaged")]
    Position(Position),
}

impl From<Gap> for sqlx::Error {
    fn from(gap: Gap) -> Self {
        Self::Decode(Box::new(gap))
    }
}

/// The versions of a read, page by page.
#[derive(Debug)]
pub(crate) struct Versions {
    direction: Direction,
    /// The next one. Backward it is known only behind the first event; `None` is also what follows the last there is.
    next: Option<Version>,
}

impl Versions {
    /// Of a read that begins at `from`.
    pub(crate) fn of(direction: Direction, from: Version) -> Self {
        let next = match direction {
            Direction::Forward => Some(from.max(Version::from(1))),
            Direction::Backward => None,
        };
        Self { direction, next }
    }

    /// Holds a page against them. Behind the last page there is nothing: backward, the stream has begun.
    pub(crate) fn hold(&mut self, page: &[RecordedEvent], last: bool) -> Result<(), Gap> {
        for event in page {
            match self.next {
                Some(next) if next != event.version => return Err(Gap::Version(next)),
                _ => self.next = self.behind(event.version),
            }
        }
        match (self.direction, self.next) {
            (Direction::Backward, Some(next)) if last => Err(Gap::Version(next)),
            _ => Ok(()),
        }
    }

    fn behind(&self, version: Version) -> Option<Version> {
        match self.direction {
            Direction::Forward => version.next(),
            Direction::Backward => version.checked_sub(1).filter(|before| *before > Version::INITIAL),
        }
    }
}

/// Holds a page of the whole log against the positions behind `after`, which go on at least to `end`; `None` where the
/// page is full and the next one begins behind it.
pub(crate) fn in_log(page: &[RecordedEvent], after: i64, end: Option<i64>) -> Result<(), Gap> {
    let mut next = after.saturating_add(1);
    for event in page {
        if event.position != row::at(next) {
            return Err(Gap::Position(row::at(next)));
        }
        next = next.saturating_add(1);
    }
    match end {
        Some(end) if next <= end => Err(Gap::Position(row::at(next))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use composable_rust_core::{Encoding, EventId, SerializedEvent};
    use uuid::Uuid;

    use super::*;

    fn events(places: &[u32]) -> Vec<RecordedEvent> {
        let event = |place: &u32| {
            let id = EventId::from_uuid(Uuid::from_u128((*place).into()));
            let written = SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, vec![]);
            let (version, position) = (Version::from(*place), Position::from_sequence((*place).into()));
            RecordedEvent::new(
                "test-1".parse().unwrap(),
                version,
                position,
                DateTime::UNIX_EPOCH,
                written,
            )
        };
        places.iter().map(event).collect()
    }

    fn hold(direction: Direction, from: u32, pages: &[&[u32]]) -> Result<(), Gap> {
        let mut versions = Versions::of(direction, from.into());
        pages
            .iter()
            .enumerate()
            .try_for_each(|(n, page)| versions.hold(&events(page), n + 1 == pages.len()))
    }

    #[test]
    fn forward_versions_go_on_from_where_the_read_begins() {
        for (from, pages) in [
            (0, [&[1, 2][..], &[3]]),
            (1, [&[1, 2], &[]]),
            (7, [&[], &[]]),
            (7, [&[7], &[8]]),
        ] {
            assert!(hold(Direction::Forward, from, &pages).is_ok(), "{pages:?}");
        }
        for (from, pages) in [
            (0, [&[2][..], &[]]),
            (1, [&[1, 2], &[4]]),
            (1, [&[1, 3], &[]]),
            (1, [&[1, 1], &[]]),
        ] {
            assert!(hold(Direction::Forward, from, &pages).is_err(), "{pages:?}");
        }
    }

    #[test]
    fn backward_versions_go_down_to_the_first() {
        for pages in [[&[3, 2][..], &[1]], [&[2, 1], &[]], [&[], &[]]] {
            assert!(hold(Direction::Backward, 9, &pages).is_ok(), "{pages:?}");
        }
        for pages in [[&[3, 2][..], &[]], [&[4, 3], &[1]], [&[3, 1], &[]], [&[2, 3], &[1]]] {
            assert!(hold(Direction::Backward, 9, &pages).is_err(), "{pages:?}");
        }
    }

    #[test]
    fn positions_go_on_to_the_end() {
        assert!(in_log(&events(&[4, 5]), 3, Some(5)).is_ok() && in_log(&[], 9, Some(5)).is_ok());
        assert!(
            in_log(&events(&[4, 5]), 3, Some(4)).is_ok(),
            "a page may be newer than the end"
        );
        assert!(in_log(&events(&[4, 5]), 3, None).is_ok() && in_log(&[], i64::MAX, Some(5)).is_ok());
        let gap = in_log(&events(&[4, 5]), 3, Some(6)).unwrap_err();
        assert_eq!(gap.to_string(), "position 6 of the log is missing: the file is damaged");
        assert!(in_log(&events(&[4, 6]), 3, None).is_err() && in_log(&events(&[5]), 3, None).is_err());
    }
}
