//! Time that stands still, and ids that can be told beforehand.

use std::{fmt, sync::Arc, time::Duration};

use composable_rust_core::{Clock, IdGenerator};

use crate::{FixedClock, SequentialIds, clock::after};

/// What a [`Scenario`](crate::Scenario) puts into an environment: a clock that stands still at [`FixedClock::START`],
/// and ids that count from 1. Clones share both.
///
/// ```
/// use composable_rust_core::{Clock, IdGenerator};
/// use composable_rust_testing::{Fixed, FixedClock};
///
/// let fixed = Fixed::default();
/// assert_eq!(fixed.clock().now(), FixedClock::START);
/// assert_eq!(fixed.ids().uuid().to_string(), "00dc6acf-ac00-7000-8000-000000000001");
/// ```
#[derive(Clone, Default)]
pub struct Fixed {
    clock: FixedClock,
    ids: Arc<SequentialIds>,
}

impl Fixed {
    /// The clock, as environments hold one.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    /// The ids, as environments hold them.
    #[must_use]
    pub fn ids(&self) -> Arc<dyn IdGenerator> {
        Arc::<SequentialIds>::clone(&self.ids)
    }

    pub(super) fn set(&self, now: chrono::DateTime<chrono::Utc>) {
        self.clock.set(now);
    }

    pub(super) fn pass(&self, duration: Duration) {
        self.clock.set(after(self.clock.now(), duration));
    }

    pub(super) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    /// Asks twice, with the same ids for both.
    pub(super) fn twice<T>(&self, mut ask: impl FnMut() -> T) -> (T, T) {
        let given = self.ids.given();
        let first = ask();
        self.ids.rewind(given);
        (first, ask())
    }
}

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, ids) = (self.clock.now(), self.ids.given());
        f.debug_struct("Fixed")
            .field("now", &now)
            .field("ids_given", &ids)
            .finish()
    }
}

/// An environment that a [`Scenario`](crate::Scenario) can make up by itself.
///
/// Implement it for an environment of your own, in its crate and for tests alone (`#[cfg(test)]`), and scenarios can
/// begin with [`Scenario::given`](crate::Scenario::given). Tests in a folder of their own can't; they begin with
/// [`Scenario::with`](crate::Scenario::with).
///
/// ```
/// use composable_rust_core::Clock;
/// use composable_rust_testing::{Fixed, FixedEnvironment};
/// use std::sync::Arc;
///
/// struct Shop { clock: Arc<dyn Clock>, opens_on_sunday: bool }
///
/// impl FixedEnvironment for Shop {
///     fn fixed(parts: &Fixed) -> Self {
///         Self { clock: parts.clock(), opens_on_sunday: false }
///     }
/// }
/// assert_eq!(Shop::fixed(&Fixed::default()).clock.now().to_rfc3339(), "2000-01-01T00:00:00+00:00");
/// ```
///
/// Without it, the compiler says what to do:
///
/// ```compile_fail,E0277
/// # use composable_rust_testing::FixedEnvironment;
/// struct Shop;
/// fn scenario_of<Environment: FixedEnvironment>() {}
/// scenario_of::<Shop>(); // a scenario can't make up the environment `Shop`
/// ```
#[diagnostic::on_unimplemented(
    message = "a scenario can't make up the environment `{Self}`",
    label = "this scenario has no environment",
    note = "give it one: `Scenario::<A>::with(|fixed| ...).given(events)`, where `fixed.clock()` and `fixed.ids()` are at hand",
    note = "or implement `FixedEnvironment` for `{Self}`"
)]
pub trait FixedEnvironment {
    /// The environment with this clock and these ids.
    fn fixed(parts: &Fixed) -> Self;
}

impl FixedEnvironment for () {
    fn fixed(_: &Fixed) -> Self {}
}

impl FixedEnvironment for Arc<dyn Clock> {
    fn fixed(parts: &Fixed) -> Self {
        parts.clock()
    }
}

impl FixedEnvironment for Arc<dyn IdGenerator> {
    fn fixed(parts: &Fixed) -> Self {
        parts.ids()
    }
}

impl<A: FixedEnvironment, B: FixedEnvironment> FixedEnvironment for (A, B) {
    fn fixed(parts: &Fixed) -> Self {
        (A::fixed(parts), B::fixed(parts))
    }
}
