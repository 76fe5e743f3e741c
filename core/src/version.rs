//! The place of an event in its stream.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The place of an event in its stream: 1 for the first event.
///
/// A stream's version is the number of its events, so [`Version::INITIAL`] (0) is that of a stream without events.
/// Versions end at `i64::MAX`, the largest that databases hold.
///
/// ```
/// use composable_rust_core::Version;
///
/// let version = Version::INITIAL.next().and_then(Version::next);
/// assert_eq!(version, Some(Version::from(2)));
/// assert_eq!(Version::MAX.next(), None);
/// assert_eq!(Version::from(7).to_string(), "7");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Version(u64);

impl Version {
    /// The version of a stream that has no events.
    pub const INITIAL: Self = Self(0);
    /// The largest version.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// The version `n`, or `None` above [`Version::MAX`].
    #[must_use]
    pub const fn new(n: u64) -> Option<Self> {
        if n <= Self::MAX.0 { Some(Self(n)) } else { None }
    }

    /// The version as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The version as SQL stores it: never negative.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// The version of the next event, or `None` at the end of the range.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    /// The version `events` later, or `None` beyond the range.
    #[must_use]
    pub const fn checked_add(self, events: u64) -> Option<Self> {
        match self.0.checked_add(events) {
            Some(sum) => Self::new(sum),
            None => None,
        }
    }

    /// The version `events` earlier, or `None` before [`Version::INITIAL`].
    #[must_use]
    pub const fn checked_sub(self, events: u64) -> Option<Self> {
        match self.0.checked_sub(events) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }
}

/// A number that is no version: negative, or above [`Version::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version lies between 0 and {}", i64::MAX)]
pub struct VersionError;

impl From<u32> for Version {
    fn from(n: u32) -> Self {
        Self(n.into())
    }
}

impl TryFrom<u64> for Version {
    type Error = VersionError;

    fn try_from(n: u64) -> Result<Self, Self::Error> {
        Self::new(n).ok_or(VersionError)
    }
}

impl TryFrom<i64> for Version {
    type Error = VersionError;

    fn try_from(n: i64) -> Result<Self, Self::Error> {
        u64::try_from(n).map(Self).map_err(|_| VersionError)
    }
}

impl From<Version> for u64 {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_checked_at_both_ends() {
        assert_eq!(Version::INITIAL.checked_sub(1), None);
        assert_eq!(Version::MAX.checked_add(1), None);
        assert_eq!(Version::from(1).checked_add(u64::MAX), None);
        assert_eq!(Version::from(5).checked_sub(2), Some(Version::from(3)));
    }

    #[test]
    fn numbers_outside_the_range_are_refused() {
        assert_eq!(Version::try_from(-1_i64), Err(VersionError));
        assert_eq!(Version::try_from(u64::MAX), Err(VersionError));
        assert!(serde_json::from_str::<Version>("18446744073709551615").is_err());
        assert_eq!(Version::MAX.as_i64(), i64::MAX);
    }
}
