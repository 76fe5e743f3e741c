//! The version that a writer expects of a stream.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use crate::Version;

/// The version that a stream must have for an append to be written; otherwise the append is a conflict (optimistic
/// concurrency).
///
/// There is no default and no conversion from `Option<Version>`: an empty history must not become
/// [`ExpectedVersion::Any`] by accident, so `Any` is always written out.
///
/// ```
/// use composable_rust_core::{ExpectedVersion, Version};
///
/// let loaded_at = Version::from(3);
/// assert!(ExpectedVersion::from(loaded_at).accepts(Version::from(3)));
/// assert!(!ExpectedVersion::from(loaded_at).accepts(Version::from(4)));
/// assert_eq!(ExpectedVersion::Exact(Version::INITIAL), ExpectedVersion::NoStream);
/// ```
#[derive(Clone, Copy, Debug)]
pub enum ExpectedVersion {
    /// Any version: append to the end. Such an append is not idempotent, and may be stored late; see
    /// [`EventStore::append`](crate::EventStore::append).
    Any,
    /// The stream has no events yet.
    NoStream,
    /// The stream has at least one event.
    StreamExists,
    /// The stream is at exactly this version. `Exact(Version::INITIAL)` equals `NoStream`.
    Exact(Version),
}

impl ExpectedVersion {
    /// Whether a stream at `actual` is as expected.
    #[must_use]
    pub const fn accepts(self, actual: Version) -> bool {
        match self {
            Self::Any => true,
            Self::NoStream => actual.get() == 0,
            Self::StreamExists => actual.get() > 0,
            Self::Exact(version) => actual.get() == version.get(),
        }
    }

    /// The only version that is accepted: 0 for `NoStream`. `None` if several are.
    #[must_use]
    pub const fn exact(self) -> Option<Version> {
        match self {
            Self::NoStream => Some(Version::INITIAL),
            Self::Exact(version) => Some(version),
            Self::Any | Self::StreamExists => None,
        }
    }
}

impl From<Version> for ExpectedVersion {
    fn from(version: Version) -> Self {
        Self::Exact(version)
    }
}

impl PartialEq for ExpectedVersion {
    fn eq(&self, other: &Self) -> bool {
        match (self.exact(), other.exact()) {
            (Some(a), Some(b)) => a == b,
            (None, None) => matches!(self, Self::Any) == matches!(other, Self::Any),
            _ => false,
        }
    }
}

impl Eq for ExpectedVersion {}

impl Hash for ExpectedVersion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.exact().hash(state);
        matches!(self, Self::Any).hash(state);
    }
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any version"),
            Self::NoStream => f.write_str("no stream"),
            Self::StreamExists => f.write_str("an existing stream"),
            Self::Exact(version) => write!(f, "version {version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_zero_equals_no_stream_and_nothing_else_coincides() {
        let kinds = [
            ExpectedVersion::Any,
            ExpectedVersion::NoStream,
            ExpectedVersion::StreamExists,
            ExpectedVersion::Exact(Version::from(1)),
        ];
        for (i, a) in kinds.iter().enumerate() {
            for (j, b) in kinds.iter().enumerate() {
                assert_eq!(a == b, i == j, "{a} and {b}");
            }
        }
        assert_eq!(ExpectedVersion::Exact(Version::INITIAL), ExpectedVersion::NoStream);
    }

    #[test]
    fn acceptance_is_the_matrix_of_the_contract() {
        let [none, three, four] = [0, 3, 4].map(Version::from);
        let table = [
            (ExpectedVersion::Any, [true, true, true]),
            (ExpectedVersion::NoStream, [true, false, false]),
            (ExpectedVersion::StreamExists, [false, true, true]),
            (ExpectedVersion::Exact(three), [false, true, false]),
        ];
        for (expected, accepted) in table {
            assert_eq!(
                [none, three, four].map(|actual| expected.accepts(actual)),
                accepted,
                "{expected}"
            );
        }
    }
}
