//! A sleep on a clock in tests.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use super::timeline::{Sleeper, Timeline};

/// A sleep on a clock in tests; dropping it takes it off the clock.
pub(super) struct Sleep {
    timeline: Arc<Mutex<Timeline>>,
    sleeper: Sleeper,
}

impl Sleep {
    /// The sleep counts from this call, not from its first poll, as everywhere in tokio.
    pub(super) fn new(timeline: Arc<Mutex<Timeline>>, duration: Duration) -> Self {
        let sleeper = lock(&timeline).fall_asleep(duration);
        Self { timeline, sleeper }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if lock(&self.timeline).sleep_on(self.sleeper, context.waker()) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        lock(&self.timeline).forget(self.sleeper);
    }
}

pub(super) fn lock(timeline: &Mutex<Timeline>) -> MutexGuard<'_, Timeline> {
    timeline.lock().unwrap_or_else(PoisonError::into_inner)
}
