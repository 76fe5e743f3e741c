//! The time of a test store.

use std::{sync::Arc, time::Duration};

use composable_rust_core::Clock;

use super::{FixedClock, ImmediateClock, TestClock, UnimplementedClock, timeline::after};

/// What the effects of a test store sleep on, and whether the store can move it: made from any clock.
///
/// ```
/// use composable_rust_testing::{TestClock, TestTime};
/// let time: TestTime = TestClock::new().into();
/// assert!(format!("{time:?}").starts_with("TestTime"));
/// ```
#[derive(Clone)]
pub struct TestTime(Kind);

#[derive(Clone)]
enum Kind {
    Test(TestClock),
    Fixed(FixedClock),
    Other(Arc<dyn Clock>),
}

impl TestTime {
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        match &self.0 {
            Kind::Test(clock) => Arc::new(clock.clone()),
            Kind::Fixed(clock) => Arc::new(clock.clone()),
            Kind::Other(clock) => Arc::clone(clock),
        }
    }

    /// Moves on, calling `settle` wherever somebody was woken; `false` when this clock can't be moved.
    pub(crate) fn advance(&self, duration: Duration, mut settle: impl FnMut()) -> bool {
        match &self.0 {
            Kind::Test(clock) => clock.advance_with(duration, settle),
            Kind::Fixed(clock) => {
                clock.set(after(clock.now(), duration));
                settle();
            }
            Kind::Other(_) => return false,
        }
        true
    }

    /// Moves to the next deadline; `None` when this clock can't be moved, else whether somebody was woken.
    pub(crate) fn advance_to_next(&self) -> Option<bool> {
        match &self.0 {
            Kind::Test(clock) => Some(clock.advance_to_next().is_some()),
            Kind::Fixed(_) | Kind::Other(_) => None,
        }
    }

    /// How long the running effect sleeps from now.
    pub(crate) fn sleeps_for(&self, effect: u64) -> Option<Duration> {
        let (deadline, now) = match &self.0 {
            Kind::Test(clock) => (clock.deadline_of(effect)?, clock.now()),
            Kind::Fixed(clock) => (clock.deadline_of(effect)?, clock.now()),
            Kind::Other(_) => return None,
        };
        (deadline - now).to_std().ok()
    }
}

impl From<TestClock> for TestTime {
    fn from(clock: TestClock) -> Self {
        Self(Kind::Test(clock))
    }
}

impl From<FixedClock> for TestTime {
    fn from(clock: FixedClock) -> Self {
        Self(Kind::Fixed(clock))
    }
}

impl From<ImmediateClock> for TestTime {
    fn from(clock: ImmediateClock) -> Self {
        Self(Kind::Other(Arc::new(clock)))
    }
}

impl From<UnimplementedClock> for TestTime {
    fn from(clock: UnimplementedClock) -> Self {
        Self(Kind::Other(Arc::new(clock)))
    }
}

impl From<Arc<dyn Clock>> for TestTime {
    fn from(clock: Arc<dyn Clock>) -> Self {
        Self(Kind::Other(clock))
    }
}

impl std::fmt::Debug for TestTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, now) = match &self.0 {
            Kind::Test(clock) => ("TestClock", Some(clock.now())),
            Kind::Fixed(clock) => ("FixedClock", Some(clock.now())),
            // Not asked for the time: it may be one that nobody may use.
            Kind::Other(_) => ("Clock", None),
        };
        f.debug_tuple("TestTime").field(&kind).field(&now).finish()
    }
}
