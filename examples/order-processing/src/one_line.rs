//! Texts of other people, among lines of ours.

use std::fmt;

/// A text whose control characters are written as escapes: an event is a line, and moves no cursor.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| {
            if char.is_control() {
                write!(f, "{}", char.escape_default())
            } else {
                write!(f, "{char}")
            }
        })
    }
}
