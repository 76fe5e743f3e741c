//! A clock that stands still.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::Clock;
use futures::future::{self, BoxFuture};

/// A clock that stands still until it is set; clones show the same time.
///
/// Sleeping on it takes no time: the sleeper lets other tasks run once and goes on. That suits retries and pauses in
/// tests that are not about time. It makes every timeout elapse, so tests with timeouts use
/// [`TestClock`](crate::TestClock).
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
    now: Arc<Mutex<DateTime<Utc>>>,
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
            now: Arc::new(Mutex::new(now)),
        }
    }

    /// Shows `now` from here on; earlier than before is allowed, as on real machines.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.lock() = now;
    }

    fn lock(&self) -> MutexGuard<'_, DateTime<Utc>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FixedClock {
    fn default() -> Self {
        Self::at(Self::START)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.lock()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(let_others_run())
    }
}

/// Pending once: a task that polls in a loop of sleeps would starve its runtime otherwise.
fn let_others_run() -> impl Future<Output = ()> {
    let mut yielded = false;
    future::poll_fn(move |context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}
