//! A clock that is moved by the test.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::Clock;
use futures::future::BoxFuture;

use super::{
    FixedClock,
    polled::Asleep,
    sleep::{Sleep, lock},
    timeline::Timeline,
};

/// A clock that stands still until the test moves it, and wakes sleepers deadline by deadline on its way.
///
/// Waking makes tasks ready; they run when their runtime does. Where what wakes at one deadline falls asleep again
/// before the next, let it run in between: with [`TestClock::advance_with`], or a deadline at a time with
/// [`TestClock::advance_to_next`]. Clones are the same clock.
///
/// It moves forward only, and stops at the last moment that a `DateTime` can show. It may begin at any moment, also before 1970.
/// To test a clock that is corrected backwards, use [`FixedClock::set`].
///
/// ```
/// use composable_rust_core::Clock;
/// use composable_rust_testing::TestClock;
/// use futures::FutureExt;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let mut minute = clock.sleep(Duration::from_secs(60));
/// clock.advance(Duration::from_secs(59));
/// assert_eq!((&mut minute).now_or_never(), None);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!((&mut minute).now_or_never(), Some(()));
/// ```
#[derive(Clone, Debug)]
pub struct TestClock {
    timeline: Arc<Mutex<Timeline>>,
}

impl TestClock {
    /// A clock at [`FixedClock::START`].
    #[must_use]
    pub fn new() -> Self {
        Self::at(FixedClock::START)
    }

    /// A clock at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        let timeline = Timeline::starting_at(now);
        Self {
            timeline: Arc::new(Mutex::new(timeline)),
        }
    }

    /// Moves forward by `duration` and wakes all sleepers whose deadlines are reached, the earliest first.
    pub fn advance(&self, duration: Duration) {
        self.advance_with(duration, || ());
    }

    /// As [`TestClock::advance`], and calls `settle` at each deadline after its sleepers were woken. What `settle` runs sees the
    /// time of that deadline; a sleep that begins in it is woken in the same call, if its deadline is reached.
    ///
    /// ```
    /// use composable_rust_core::Clock;
    /// use composable_rust_testing::TestClock;
    /// use futures::{executor::LocalPool, task::LocalSpawnExt};
    /// use std::{sync::{Arc, atomic::{AtomicU32, Ordering}}, time::Duration};
    ///
    /// let (clock, ticks) = (TestClock::new(), Arc::new(AtomicU32::new(0)));
    /// let mut pool = LocalPool::new();
    /// let ticking = { let (clock, ticks) = (clock.clone(), ticks.clone()); async move {
    ///     loop {
    ///         clock.sleep(Duration::from_secs(1)).await;
    ///         ticks.fetch_add(1, Ordering::SeqCst);
    ///     }
    /// } };
    /// pool.spawner().spawn_local(ticking)?;
    /// pool.run_until_stalled();
    ///
    /// clock.advance_with(Duration::from_secs(10), || pool.run_until_stalled());
    /// assert_eq!(ticks.load(Ordering::SeqCst), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance_with(&self, duration: Duration, mut settle: impl FnMut()) {
        let end = lock(&self.timeline).after(duration);
        while self.step(end) {
            settle();
        }
        let mut timeline = lock(&self.timeline);
        timeline.now = timeline.now.max(end);
    }

    /// Shows `now` from here on, as a machine's clock that is corrected: back or forth, and before 1970 as well. A jump wakes
    /// everyone whose deadline it reaches, the earliest first, and all see the time of its end; who sleeps keeps the deadline.
    ///
    /// ```
    /// use composable_rust_core::Clock;
    /// use composable_rust_testing::TestClock;
    /// use futures::FutureExt;
    /// use std::time::Duration;
    ///
    /// let clock = TestClock::new();
    /// let (now, mut minute) = (clock.now(), clock.sleep(Duration::from_secs(60)));
    /// clock.set(now - Duration::from_secs(3_600));
    /// clock.advance(Duration::from_secs(3_600 + 59));
    /// assert_eq!((&mut minute).now_or_never(), None);
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!((&mut minute).now_or_never(), Some(()));
    /// ```
    pub fn set(&self, now: DateTime<Utc>) {
        let due = lock(&self.timeline).set(now);
        // Outside of the lock: a waker may poll its task at once, which may look at this clock.
        due.into_iter().for_each(Asleep::wake);
    }

    /// Moves to the earliest deadline, wakes its sleepers, and returns the time. `None` if there are no sleepers.
    #[expect(
        clippy::must_use_candidate,
        reason = "moving the clock is the point, the time it shows is a courtesy"
    )]
    pub fn advance_to_next(&self) -> Option<DateTime<Utc>> {
        self.step(DateTime::<Utc>::MAX_UTC).then(|| self.now())
    }

    /// Moves forward until there are no sleepers. Sleeps that begin when the woken tasks run are not waited for.
    pub fn run(&self) {
        while self.step(DateTime::<Utc>::MAX_UTC) {}
    }

    /// How many sleepers wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        lock(&self.timeline).pending()
    }

    /// The moment the next sleeper waits for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<DateTime<Utc>> {
        lock(&self.timeline).next_deadline()
    }

    pub(crate) fn deadline_of(&self, effect: u64) -> Option<DateTime<Utc>> {
        lock(&self.timeline).deadline_of(effect)
    }

    /// Wakes outside of the lock: a waker may poll its task at once, which may look at this clock.
    fn step(&self, end: DateTime<Utc>) -> bool {
        let due = lock(&self.timeline).step(end);
        let stepped = due.is_some();
        due.into_iter().flatten().for_each(Asleep::wake);
        stepped
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        lock(&self.timeline).now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Sleep::new(Arc::clone(&self.timeline), duration))
    }
}
