//! The encodings of events.

use std::fmt;

/// The encoding of an event or a snapshot. It is stored with each event, so a log may hold events of several encodings.
///
/// ```
/// use composable_rust_core::Encoding;
/// assert_eq!(Encoding::from_code(1), Encoding::BINCODE);
/// assert_eq!(Encoding::JSON.to_string(), "json");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding(i16);

impl Encoding {
    /// bincode 2 in its standard configuration: compact, and the default.
    pub const BINCODE: Self = Self(1);
    /// JSON: readable in the database. Needs the feature `json` to encode and decode.
    pub const JSON: Self = Self(2);

    /// The encoding with this stored code. A code that this build does not know is kept; decoding such an event is
    /// [`EventError::UnknownEncoding`](crate::EventError::UnknownEncoding).
    #[must_use]
    pub const fn from_code(code: i16) -> Self {
        Self(code)
    }

    /// The code that is stored.
    #[must_use]
    pub const fn code(self) -> i16 {
        self.0
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BINCODE => f.write_str("bincode"),
            Self::JSON => f.write_str("json"),
            Self(code) => write!(f, "encoding {code}"),
        }
    }
}
