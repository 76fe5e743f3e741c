//! Checks that a stream was read without a gap.

use crate::{Direction, RecordedEvent, Version};

/// A version of a stream is missing. Streams have no gaps, so events were lost: by a broken disk, or by a hand or a
/// trigger that is not the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("version {missing} of the stream is missing: events were lost")]
#[non_exhaustive]
pub struct GapError {
    /// The version that should have been read next.
    pub missing: Version,
}

/// Checks the versions of a read, page by page: a reader that went on behind a gap would never notice it.
///
/// ```
/// use composable_rust_core::{Direction, Version, backend::VersionCheck};
///
/// let mut check = VersionCheck::of(Direction::Forward, Version::INITIAL);
/// assert!(check.check_page(&[], true).is_ok(), "an empty stream has no gap");
/// ```
#[derive(Debug)]
pub struct VersionCheck {
    direction: Direction,
    /// The next version. Backward, it is unknown before the first event. `None` also follows the last possible version.
    next: Option<Version>,
}

impl VersionCheck {
    /// For a read that begins at `from`.
    #[must_use]
    pub fn of(direction: Direction, from: Version) -> Self {
        let next = match direction {
            Direction::Forward => Some(from.max(Version::from(1))),
            Direction::Backward => None,
        };
        Self { direction, next }
    }

    /// Checks the next page. `is_last` says that the store holds no further event in this direction; a backward read must
    /// then have reached version 1.
    ///
    /// # Errors
    /// [`GapError`]: report it to the reader as [`ReadError::Backend`](crate::ReadError::Backend) instead of the page.
    pub fn check_page(&mut self, page: &[RecordedEvent], is_last: bool) -> Result<(), GapError> {
        for event in page {
            match self.next {
                Some(missing) if missing != event.version => return Err(GapError { missing }),
                _ => self.next = self.behind(event.version),
            }
        }
        match (self.direction, self.next) {
            (Direction::Backward, Some(missing)) if is_last => Err(GapError { missing }),
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::{Encoding, EventId, Position, SerializedEvent};

    fn events(versions: &[u32]) -> Vec<RecordedEvent> {
        let event = |version: &u32| {
            let id = EventId::from_uuid(Uuid::from_u128((*version).into()));
            let written = SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, vec![]);
            let (stream, position) = ("test-1".parse().unwrap(), Position::from_sequence((*version).into()));
            RecordedEvent::new(stream, (*version).into(), position, DateTime::UNIX_EPOCH, written)
        };
        versions.iter().map(event).collect()
    }

    fn check(direction: Direction, from: u32, pages: &[&[u32]]) -> Result<(), GapError> {
        let mut versions = VersionCheck::of(direction, from.into());
        pages
            .iter()
            .enumerate()
            .try_for_each(|(n, page)| versions.check_page(&events(page), n + 1 == pages.len()))
    }

    #[test]
    fn forward_versions_continue_from_where_the_read_begins() {
        for (from, pages) in [
            (0, [&[1, 2][..], &[3]]),
            (1, [&[1, 2], &[]]),
            (7, [&[], &[]]),
            (7, [&[7], &[8]]),
        ] {
            assert!(check(Direction::Forward, from, &pages).is_ok(), "{pages:?}");
        }
        for (from, pages) in [
            (0, [&[2][..], &[]]),
            (1, [&[1, 2], &[4]]),
            (1, [&[1, 3], &[]]),
            (1, [&[1, 1], &[]]),
        ] {
            assert!(check(Direction::Forward, from, &pages).is_err(), "{pages:?}");
        }
    }

    #[test]
    fn backward_versions_go_down_to_the_first() {
        for pages in [[&[3, 2][..], &[1]], [&[2, 1], &[]], [&[], &[]]] {
            assert!(check(Direction::Backward, 9, &pages).is_ok(), "{pages:?}");
        }
        for pages in [[&[3, 2][..], &[]], [&[4, 3], &[1]], [&[3, 1], &[]], [&[2, 3], &[1]]] {
            assert!(check(Direction::Backward, 9, &pages).is_err(), "{pages:?}");
        }
    }

    #[test]
    fn a_gap_names_the_missing_version() {
        let gap = check(Direction::Forward, 1, &[&[1, 3]]).unwrap_err();
        assert_eq!(gap.to_string(), "version 2 of the stream is missing: events were lost");
    }
}
