//! The place of an event in the whole log.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The place of an event in the whole log: opaque, ordered, printable and parseable.
///
/// Positions of one store compare; they say nothing about time, nor how many events lie between them. Stores build
/// them from up to three numbers, since a database's commit order needs more than one.
///
/// ```
/// use composable_rust_core::Position;
///
/// let position = Position::from_sequence(42);
/// assert!(position > Position::BEGINNING);
/// assert_eq!(position.to_string(), "42");
/// assert_eq!("1-7-42".parse(), Ok(Position::from_parts([1, 7, 42])));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position([u64; 3]);

impl Position {
    /// Before the first event.
    pub const BEGINNING: Self = Self([0; 3]);

    /// For stores whose log is numbered by one sequence.
    #[must_use]
    pub const fn from_sequence(sequence: u64) -> Self {
        Self([0, 0, sequence])
    }

    /// For stores that order by several numbers, the most significant first.
    #[must_use]
    pub const fn from_parts(parts: [u64; 3]) -> Self {
        Self(parts)
    }

    /// The numbers it was built from, the most significant first: for the store that built it.
    #[must_use]
    pub const fn parts(self) -> [u64; 3] {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [0, 0, sequence] => write!(f, "{sequence}"),
            [a, b, c] => write!(f, "{a}-{b}-{c}"),
        }
    }
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected a number, or three numbers joined by '-'")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Vec<u64> = text.split('-').map(number).collect::<Result<_, _>>()?;
        match *numbers {
            [sequence] => Ok(Self::from_sequence(sequence)),
            [a, b, c] => Ok(Self([a, b, c])),
            _ => Err(PositionError),
        }
    }
}

/// Digits only: `u64::from_str` would take a leading `+` as well.
fn number(text: &str) -> Result<u64, PositionError> {
    if text.starts_with('+') {
        return Err(PositionError);
    }
    text.parse().map_err(|_| PositionError)
}

impl TryFrom<String> for Position {
    type Error = PositionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_position_comes_back_from_its_text(parts: [u64; 3]) {
            let position = Position::from_parts(parts);
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn parsing_never_panics(text: String) {
            let _ = text.parse::<Position>();
        }
    }

    #[test]
    fn texts_that_are_no_position_are_refused() {
        for text in ["", "-", "1-2", "1-2-3-4", "+1", "-1", "a", "18446744073709551616"] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text:?}");
        }
    }
}
