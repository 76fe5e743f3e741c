//! A clock that stands still until it is set.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::Clock;
use futures::future::BoxFuture;

use super::{
    polled::Asleep,
    sleep::{Sleep, lock},
    timeline::Timeline,
};

/// A clock that stands still until it is set; clones show the same time.
///
/// Time that stands still lets no sleep end, and no timeout elapse: a sleeper goes on when the clock is set to its
/// deadline or past it. Where a test is about what happens on the way, a [`TestClock`](crate::TestClock) stops at each
/// deadline; a set one jumps.
///
/// ```
/// use chrono::DateTime;
/// use composable_rust_core::Clock;
/// use composable_rust_testing::FixedClock;
///
/// let clock = FixedClock::default();
/// assert_eq!(clock.now(), FixedClock::START);
/// clock.set(DateTime::UNIX_EPOCH);
/// assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
/// ```
#[derive(Clone, Debug)]
pub struct FixedClock {
    timeline: Arc<Mutex<Timeline>>,
}

impl FixedClock {
    /// Where clocks of tests start unless told otherwise: 2000-01-01T00:00:00Z, plainly not the time of any run.
    pub const START: DateTime<Utc> = match DateTime::from_timestamp_secs(946_684_800) {
        Some(start) => start,
        None => DateTime::UNIX_EPOCH,
    };

    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            timeline: Arc::new(Mutex::new(Timeline::starting_at(now))),
        }
    }

    /// Sets the time, and wakes all sleepers whose deadlines are reached, the earliest first. Setting it back is allowed, as on
    /// real machines; sleepers keep their deadlines.
    ///
    /// ```
    /// use composable_rust_core::Clock;
    /// use composable_rust_testing::FixedClock;
    /// use futures::FutureExt;
    /// use std::time::Duration;
    ///
    /// let clock = FixedClock::default();
    /// let mut minute = clock.sleep(Duration::from_secs(60));
    /// assert_eq!((&mut minute).now_or_never(), None);
    /// clock.set(FixedClock::START + Duration::from_secs(60));
    /// assert_eq!((&mut minute).now_or_never(), Some(()));
    /// ```
    pub fn set(&self, now: DateTime<Utc>) {
        let due = lock(&self.timeline).set(now);
        // Outside of the lock: a waker may poll its task at once, which may look at this clock.
        due.into_iter().for_each(Asleep::wake);
    }
}

impl FixedClock {
    pub(crate) fn deadline_of(&self, effect: u64) -> Option<DateTime<Utc>> {
        lock(&self.timeline).deadline_of(effect)
    }
}

impl Default for FixedClock {
    fn default() -> Self {
        Self::at(Self::START)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        lock(&self.timeline).now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Sleep::new(Arc::clone(&self.timeline), duration))
    }
}
