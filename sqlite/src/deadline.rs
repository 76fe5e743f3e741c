//! The point in time at which a call gives up.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::time::{self, Sleep, sleep, timeout};

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

/// A timer for one call after the other, each with a later deadline than the one before. It stays armed for the first of
/// them and is armed again only when it fires: to arm one for each call takes the lock of the runtime's timers and may wake
/// the thread that waits for them. An idle one fires once at most.
#[derive(Debug, Default)]
pub(crate) struct ReusableTimer(Option<Pin<Box<Sleep>>>);

/// The timer may fire this much late.
const TOLERANCE: Duration = Duration::from_millis(1);

impl ReusableTimer {
    /// Waits for `future` until the deadline. Needs a tokio runtime with its timer, the same one each time.
    pub(crate) async fn run<F: Future>(&mut self, deadline: Deadline, future: F) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut is_armed = false;
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            if !is_armed {
                self.arm(deadline);
                is_armed = true;
            }
            self.poll(deadline, context).map(Err)
        })
        .await
    }

    /// Sees to it that the timer fires at the deadline or before.
    fn arm(&mut self, deadline: Deadline) {
        let latest = time::Instant::now() + deadline.remaining();
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep(deadline.remaining())));
        if timer.deadline() > latest + TOLERANCE {
            timer.as_mut().reset(latest);
        }
    }

    fn poll(&mut self, deadline: Deadline, context: &mut Context<'_>) -> Poll<Elapsed> {
        let Some(timer) = &mut self.0 else {
            return Poll::Pending;
        };
        while timer.as_mut().poll(context).is_ready() {
            if deadline.has_passed() {
                return Poll::Ready(Elapsed);
            }
            timer.as_mut().reset(time::Instant::now() + deadline.remaining());
        }
        Poll::Pending
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

    #[tokio::test]
    async fn a_timer_is_armed_for_an_earlier_deadline_and_serves_a_later_one() {
        let mut timer = ReusableTimer::default();
        let started = Instant::now();
        for limit in [
            Duration::from_hours(1),
            Duration::from_millis(20),
            Duration::from_millis(30),
        ] {
            let deadline = Deadline::after(limit);
            assert!(timer.run(deadline, ready(())).await.is_ok());
            if limit < Duration::from_hours(1) {
                assert!(timer.run(deadline, pending::<()>()).await.is_err());
                assert!(deadline.has_passed());
            } else {
                timer.arm(deadline);
            }
        }
        assert!(started.elapsed() < Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn paused_time_does_not_end_a_wait_of_a_timer_early() {
        let deadline = Deadline::after(Duration::from_millis(30));
        assert!(ReusableTimer::default().run(deadline, pending::<()>()).await.is_err());
        assert!(deadline.has_passed());
    }

    #[test]
    fn the_earlier_deadline_counts() {
        let (soon, late) = (Deadline::after(Duration::from_secs(1)), Deadline::after(Duration::MAX));
        assert_eq!(soon.within(Duration::from_hours(1)), soon);
        assert!(late.within(Duration::from_secs(1)) < late);
    }
}
