//! Which effects of an interval are started.

/// Which of the effects in an interval are started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// The first at once, and the latest of the others at the end of the interval.
    #[default]
    LeadingAndLatest,
    /// The first at once; the others are dropped.
    Leading,
    /// The latest at the end of the interval.
    Latest,
}
