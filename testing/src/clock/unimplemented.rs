//! A clock that panics when it is used.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::Clock;
use futures::future::BoxFuture;

/// A clock that fails the test when it is used: the test shows that what it exercises needs no time.
///
/// The use itself panics and says which it was. Where that panic is caught, as a store does with those of effects, the
/// drop of the last clone fails the test.
///
/// ```should_panic
/// use composable_rust_core::Clock;
/// use composable_rust_testing::UnimplementedClock;
///
/// UnimplementedClock::new().now(); // UnimplementedClock: now() was called, …
/// ```
#[derive(Clone, Debug, Default)]
pub struct UnimplementedClock {
    used: Arc<Uses>,
}

#[derive(Debug, Default)]
struct Uses(Mutex<Option<String>>);

impl UnimplementedClock {
    /// A clock that was not used yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "failing the test is what this clock is for")]
    fn fail(&self, call: &str) -> ! {
        let message = format!(
            "UnimplementedClock: {call} was called, but this test was to need no clock\n\n\
             help: if time matters here, give the test a TestClock and advance it; if only the result does, an \
             ImmediateClock"
        );
        let mut used = self.used.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.get_or_insert_with(|| message.clone());
        drop(used);
        panic!("{message}")
    }
}

impl Drop for Uses {
    #[expect(clippy::panic, reason = "a use whose panic was caught fails the test here")]
    fn drop(&mut self) {
        let used = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(message) = used
            && !thread::panicking()
        {
            panic!("{message}")
        }
    }
}

impl Clock for UnimplementedClock {
    #[track_caller]
    fn now(&self) -> DateTime<Utc> {
        self.fail("now()")
    }

    #[track_caller]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.fail(&format!("sleep({duration:?})"))
    }
}
