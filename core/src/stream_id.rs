//! The name of a stream.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The name of a stream: 1 to 512 bytes of UTF-8 without NUL; cheap to clone.
///
/// Streams of one kind share a category: the part of the name before its first `-`.
///
/// ```
/// use composable_rust_core::StreamId;
///
/// let stream = StreamId::new("order", "2024-17")?;
/// assert_eq!(stream.as_str(), "order-2024-17");
/// assert_eq!(stream.category(), "order");
/// assert_eq!(stream.id(), Some("2024-17"));
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// The maximum length of a name, in bytes. An index entry of every database has room for it.
    pub const MAX_BYTES: usize = 512;

    /// The id of the stream `category-id`.
    ///
    /// # Errors
    /// [`StreamIdError::Category`] if the category is empty or holds `-` or NUL. Otherwise [`StreamIdError`], if the whole is
    /// not a valid name. Choose another name.
    pub fn new(category: &str, id: impl fmt::Display) -> Result<Self, StreamIdError> {
        if !is_category(category) {
            return Err(StreamIdError::Category);
        }
        Self::try_from(format!("{category}-{id}"))
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first `-`, or the whole name if there is none.
    #[must_use]
    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(category, _)| category)
    }

    /// The part after the first `-`, or `None` if there is none.
    ///
    /// ```
    /// use composable_rust_core::StreamId;
    /// assert_eq!("order-7".parse::<StreamId>()?.id(), Some("7"));
    /// assert_eq!("audit".parse::<StreamId>()?.id(), None);
    /// # Ok::<(), composable_rust_core::StreamIdError>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.split_once('-').map(|(_, id)| id)
    }
}

/// A category is not empty, and holds neither `-` nor NUL. `const`, so that an aggregate's is checked while compiling.
#[must_use]
pub(crate) const fn is_category(category: &str) -> bool {
    let mut rest = category.as_bytes();
    let valid_length = !rest.is_empty() && rest.len() < StreamId::MAX_BYTES;
    while let [byte, tail @ ..] = rest {
        if *byte == b'-' || *byte == 0 {
            return false;
        }
        rest = tail;
    }
    valid_length
}

fn validate(name: &str) -> Result<(), StreamIdError> {
    if name.is_empty() {
        return Err(StreamIdError::Empty);
    }
    if name.len() > StreamId::MAX_BYTES {
        return Err(StreamIdError::TooLong { bytes: name.len() });
    }
    if name.contains('\0') {
        return Err(StreamIdError::Nul);
    }
    Ok(())
}

/// Why a text is not a valid stream id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamIdError {
    /// The name is empty.
    #[error("a stream id must not be empty")]
    Empty,
    /// The name is longer than [`StreamId::MAX_BYTES`].
    #[error(
        "a stream id of {bytes} bytes is too long: at most {} are allowed",
        StreamId::MAX_BYTES
    )]
    TooLong {
        /// The length of the refused name in bytes.
        bytes: usize,
    },
    /// The name holds a NUL, which PostgreSQL can't store in a text.
    #[error("a stream id must not hold a NUL character")]
    Nul,
    /// The category is empty, or holds `-` or NUL.
    #[error("a category must not be empty and must hold neither '-' nor NUL")]
    Category,
}

impl TryFrom<&str> for StreamId {
    type Error = StreamIdError;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        validate(name).map(|()| Self(name.into()))
    }
}

impl TryFrom<String> for StreamId {
    type Error = StreamIdError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        validate(&name).map(|()| Self(name.into()))
    }
}

impl FromStr for StreamId {
    type Err = StreamIdError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_from(name)
    }
}

impl From<StreamId> for String {
    fn from(stream_id: StreamId) -> Self {
        stream_id.0.as_ref().into()
    }
}

impl AsRef<str> for StreamId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({:?})", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_512_bytes_is_the_longest() {
        assert!(StreamId::try_from("x".repeat(512)).is_ok());
        assert_eq!(
            StreamId::try_from("x".repeat(513)),
            Err(StreamIdError::TooLong { bytes: 513 })
        );
    }

    #[test]
    fn empty_names_and_nul_are_refused() {
        assert_eq!(StreamId::try_from(""), Err(StreamIdError::Empty));
        assert_eq!(StreamId::try_from("a\0b"), Err(StreamIdError::Nul));
    }

    #[test]
    fn a_category_holds_no_dash() {
        assert_eq!(StreamId::new("or-der", 1), Err(StreamIdError::Category));
        assert_eq!(StreamId::new("", 1), Err(StreamIdError::Category));
        assert_eq!(StreamId::new("order", "a-b").unwrap().category(), "order");
    }

    #[test]
    fn serde_validates() {
        assert!(serde_json::from_str::<StreamId>("\"\"").is_err());
        let stream: StreamId = serde_json::from_str("\"order-1\"").unwrap();
        assert_eq!(serde_json::to_string(&stream).unwrap(), "\"order-1\"");
    }
}
