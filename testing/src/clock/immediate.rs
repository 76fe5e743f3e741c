//! A clock whose sleeps end at once.

use std::{
    future,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::Clock;
use futures::future::BoxFuture;

use super::{FixedClock, sleep::lock, timeline::Timeline};

/// A clock whose sleeps end as soon as they are awaited. Its time is then that of their end.
///
/// For tests that are about what is done, and not about when: delays, debounces and retries take no time. Timeouts are
/// over at once as well, so what they guard loses unless it is ready: where that matters, use a
/// [`TestClock`](crate::TestClock).
///
/// ```
/// use composable_rust_core::Clock;
/// use composable_rust_testing::{FixedClock, ImmediateClock};
/// use std::time::Duration;
///
/// let clock = ImmediateClock::new();
/// futures::executor::block_on(clock.sleep(Duration::from_secs(60)));
/// assert_eq!(clock.now(), FixedClock::START + Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct ImmediateClock {
    timeline: Arc<Mutex<Timeline>>,
}

impl ImmediateClock {
    /// A clock at [`FixedClock::START`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            timeline: Arc::new(Mutex::new(Timeline::starting_at(FixedClock::START))),
        }
    }
}

impl Default for ImmediateClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ImmediateClock {
    fn now(&self) -> DateTime<Utc> {
        lock(&self.timeline).now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let timeline = Arc::clone(&self.timeline);
        // Counts from this call: two that sleep at the same time do not sleep one after the other.
        let deadline = lock(&timeline).after(duration);
        Box::pin(future::poll_fn(move |_| {
            let mut timeline = lock(&timeline);
            timeline.now = timeline.now.max(deadline);
            std::task::Poll::Ready(())
        }))
    }
}
