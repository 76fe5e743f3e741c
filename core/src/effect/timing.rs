//! Effects that wait.

use std::time::Duration;

use super::{CancelId, Effect};

/// See [`Effect::delay`].
pub struct Delay<A> {
    /// How long to wait on the store's clock.
    pub duration: Duration,
    /// What starts afterwards.
    pub effect: Effect<A>,
}

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

/// See [`Effect::throttle`].
pub struct Throttle<A> {
    /// The effects that share the interval.
    pub id: CancelId,
    /// At most one effect in such a time, on the store's clock.
    pub interval: Duration,
    /// Which of them.
    pub edge: Edge,
    /// What is started, perhaps.
    pub effect: Effect<A>,
}
