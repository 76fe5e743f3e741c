//! The point in time at which a call gives up.

use std::{
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

use tokio::time::timeout;

/// The point in time at which a call gives up. Each call has one; inner waits take the earlier of their own limit and
/// this one.
///
/// By the system's monotonic clock. Tokio's clock may be paused in a test, and its timers then fire early: a wait that is
/// not over is armed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(Instant);

/// The deadline passed before the future was ready.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the time limit passed")]
pub(crate) struct Elapsed;

/// Further in the future than any call waits; an `Instant` can't be infinite.
const FAR: Duration = Duration::from_hours(24 * 365);

impl Deadline {
    /// A deadline `limit` from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit.min(FAR))
    }

    /// The earlier one of this deadline and `limit` from now.
    pub(crate) fn within(self, limit: Duration) -> Self {
        self.min(Self::after(limit))
    }

    /// The deadline of what follows: `limit` later.
    pub(crate) fn plus(self, limit: Duration) -> Self {
        Self(self.0 + limit.min(FAR))
    }

    /// The time left; zero once the deadline has passed.
    pub(crate) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Waits for `future` until the deadline. Needs a tokio runtime with its timer.
    pub(crate) async fn run<F: Future>(self, future: F) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        loop {
            match timeout(self.remaining(), &mut future).await {
                Ok(output) => return Ok(output),
                Err(_) if self.has_passed() => return Err(Elapsed),
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_time_does_not_end_a_wait_early() {
        let started = Instant::now();
        let limit = Duration::from_millis(30);
        assert!(Deadline::after(limit).run(pending::<()>()).await.is_err());
        assert!(started.elapsed() >= limit);
    }

    #[tokio::test]
    async fn a_future_that_is_ready_is_answered_even_after_the_deadline() {
        assert!(Deadline::after(Duration::ZERO).run(ready(())).await.is_ok());
    }

    #[test]
    fn the_earlier_deadline_counts() {
        let (soon, late) = (Deadline::after(Duration::from_secs(1)), Deadline::after(Duration::MAX));
        assert_eq!(soon.within(Duration::from_hours(1)), soon);
        assert!(late.within(Duration::from_secs(1)) < late);
    }
}
