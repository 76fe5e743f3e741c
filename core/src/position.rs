//! The place of an event in the whole log.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The place of an event in the whole log: opaque, ordered, printable and parseable.
///
/// Positions of one log are ordered as its events are. They are not ordered by time, and their difference does not count events.
/// A store builds them from up to three numbers, because the commit order of a database needs more than one. It may add a tag,
/// derived from the id of the event at the position: a reader that resumes from a stored position then finds out if the log has
/// lost that event ([`ReadError::LogRewound`](crate::ReadError::LogRewound)).
///
/// ```
/// use composable_rust_core::Position;
///
/// let position = Position::from_sequence(42);
/// assert!(position > Position::BEGINNING);
/// assert_eq!(position.to_string(), "42");
/// assert_eq!("1-7-42".parse(), Ok(Position::from_parts([1, 7, 42])));
/// assert_eq!("1-7-42-ff".parse(), Ok(Position::from_parts([1, 7, 42]).with_event_tag(0xff)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Position {
    parts: [u64; 3],
    /// The last field, so that the derived order of two positions in one log never depends on it.
    event_tag: u64,
}

impl Position {
    /// The position before the first event.
    pub const BEGINNING: Self = Self::from_parts([0; 3]);

    /// For authors of stores: a position in a log that is numbered by one sequence.
    #[must_use]
    pub const fn from_sequence(sequence: u64) -> Self {
        Self::from_parts([0, 0, sequence])
    }

    /// For authors of stores: a position in a log that is ordered by several numbers, the most significant first.
    #[must_use]
    pub const fn from_parts(parts: [u64; 3]) -> Self {
        Self { parts, event_tag: 0 }
    }

    /// Adds a tag of the event at this position, such as the random half of its id; 0 means no tag.
    #[must_use]
    pub const fn with_event_tag(mut self, event_tag: u64) -> Self {
        self.event_tag = event_tag;
        self
    }

    /// For authors of stores: the numbers that the position was built from, the most significant first.
    #[must_use]
    pub const fn parts(self) -> [u64; 3] {
        self.parts
    }

    /// For authors of stores: the tag of the event at this position, 0 if there is none.
    #[must_use]
    pub const fn event_tag(self) -> u64 {
        self.event_tag
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.parts, self.event_tag) {
            ([0, 0, sequence], 0) => write!(f, "{sequence}"),
            ([a, b, c], 0) => write!(f, "{a}-{b}-{c}"),
            ([a, b, c], mark) => write!(f, "{a}-{b}-{c}-{mark:x}"),
        }
    }
}

/// A text does not have the format of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected a number, or three numbers and perhaps a hexadecimal event tag joined by '-'")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('-').collect();
        match *parts {
            [sequence] => Ok(Self::from_sequence(number(sequence, 10)?)),
            [a, b, c] => Ok(Self::from_parts([number(a, 10)?, number(b, 10)?, number(c, 10)?])),
            [a, b, c, mark] => {
                let unmarked = Self::from_parts([number(a, 10)?, number(b, 10)?, number(c, 10)?]);
                Ok(unmarked.with_event_tag(number(mark, 16)?))
            }
            _ => Err(PositionError),
        }
    }
}

fn number(text: &str, radix: u32) -> Result<u64, PositionError> {
    if text.starts_with('+') {
        return Err(PositionError);
    }
    u64::from_str_radix(text, radix).map_err(|_| PositionError)
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
        fn every_position_comes_back_from_its_text(parts: [u64; 3], mark: u64) {
            let position = Position::from_parts(parts).with_event_tag(mark);
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn parsing_never_panics(text: String) {
            let _ = text.parse::<Position>();
        }
    }

    #[test]
    fn texts_that_are_no_position_are_refused() {
        for text in [
            "",
            "-",
            "1-2",
            "1-2-3-4-5",
            "1-2-3-g",
            "1-2-3-+4",
            "+1",
            "-1",
            "a",
            "18446744073709551616",
        ] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text:?}");
        }
    }
}
