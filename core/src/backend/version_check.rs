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
