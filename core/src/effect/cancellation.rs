//! Names for running effects, and the scopes they belong to.

use std::{fmt, sync::Arc};

/// The variable part of a name: a number or a text.
///
/// ```
/// use composable_rust_core::Key;
/// assert_eq!(Key::from(7_u64).to_string(), "7");
/// assert_eq!(u64::try_from(Key::from(7_u64)), Ok(7));
/// assert_eq!(String::try_from(Key::from("seven")).as_deref(), Ok("seven"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A number.
    Number(u64),
    /// A text.
    Text(Arc<str>),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Key {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// The key back, when it is of another kind than asked for.
impl TryFrom<Key> for u64 {
    type Error = Key;

    fn try_from(key: Key) -> Result<Self, Key> {
        match key {
            Key::Number(number) => Ok(number),
            Key::Text(_) => Err(key),
        }
    }
}

impl TryFrom<Key> for u32 {
    type Error = Key;

    fn try_from(key: Key) -> Result<Self, Key> {
        match key {
            Key::Number(number) => Self::try_from(number).map_err(|_| key),
            Key::Text(_) => Err(key),
        }
    }
}

impl TryFrom<Key> for String {
    type Error = Key;

    fn try_from(key: Key) -> Result<Self, Key> {
        match key {
            Key::Text(text) => Ok(text.as_ref().into()),
            Key::Number(_) => Err(key),
        }
    }
}

/// The name under which effects run and are cancelled; each child reducer has names of its own.
///
/// ```
/// use composable_rust_core::CancelId;
/// let id = CancelId::from("upload").key(7_u64);
/// assert_eq!(id.to_string(), "upload/7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CancelId {
    name: &'static str,
    key: Option<Key>,
}

impl CancelId {
    /// The same name for one of many.
    #[must_use]
    pub fn key(self, key: impl Into<Key>) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }
}

impl From<&'static str> for CancelId {
    fn from(name: &'static str) -> Self {
        Self { name, key: None }
    }
}

impl fmt::Display for CancelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}/{key}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// What a new effect does when another with its id is running already, in the same child.
///
/// An effect never competes with the effects that it is a part of: of an id that is nested in itself, the inner rule
/// applies to other effects only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InFlight {
    /// Both run.
    Keep,
    /// The running one is cancelled.
    #[default]
    Replace,
    /// The new one is not started.
    Ignore,
}

/// A step on the way to a child reducer: a slot of its parent, and the row where the slot holds many.
///
/// ```
/// use composable_rust_core::Segment;
/// assert_eq!(Segment::slot("cart").to_string(), "cart");
/// assert_eq!(Segment::row("orders", 7_u64).to_string(), "orders[7]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The name the child was given in its parent.
    pub slot: &'static str,
    /// Which of many.
    pub row: Option<Key>,
}

impl Segment {
    /// The way to a child.
    #[must_use]
    pub const fn slot(slot: &'static str) -> Self {
        Self { slot, row: None }
    }

    /// The way to one of many children.
    #[must_use]
    pub fn row(slot: &'static str, row: impl Into<Key>) -> Self {
        Self {
            slot,
            row: Some(row.into()),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.row {
            Some(row) => write!(f, "{}[{row}]", self.slot),
            None => f.write_str(self.slot),
        }
    }
}
