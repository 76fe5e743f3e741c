//! What a shutdown left behind.

use composable_rust_core::StreamId;

use super::ReducerPanic;

/// What a shutdown left behind. Empty when everything came to its end in time.
///
/// ```
/// use composable_rust_runtime::ShutdownReport;
/// assert!(ShutdownReport::default().is_clean());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The labels of effects that were ended at the deadline, in the order they started, then of those that were not
    /// started after it; for those without a label, what kind of effect it was.
    pub aborted: Vec<&'static str>,
    /// How many queued actions were not reduced, since the deadline had passed or the store had stopped.
    pub unreduced: usize,
    /// The streams of appends of which it is not known whether they were written: load them to find out.
    pub unknown: Vec<StreamId>,
    /// Why the store had stopped before, if it had.
    pub fault: Option<ReducerPanic>,
}

impl ShutdownReport {
    /// Whether nothing was left behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}
