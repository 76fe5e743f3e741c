//! What came of the lines.

use std::fmt;

/// What came of the lines.
///
/// ```
/// use order_processing::Tally;
/// let tally = Tally { applied: 2, ..Tally::default() };
/// assert_eq!(tally.to_string(), "applied 2, rejected 0, malformed 0");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Commands that were carried out: their events are in the store.
    pub applied: u64,
    /// Commands that were refused.
    pub rejected: u64,
    /// Lines that are no command.
    pub malformed: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            applied,
            rejected,
            malformed,
        } = self;
        write!(f, "applied {applied}, rejected {rejected}, malformed {malformed}")
    }
}
