//! Attempts and the pauses between them.

use std::time::Duration;

use futures::future::BoxFuture;

/// How often to attempt, and how long to pause in between: each pause is twice the one before, up to a longest.
///
/// ```
/// use composable_rust_core::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(4, Duration::from_millis(100)).longest(Duration::from_millis(250));
/// let pauses: Vec<_> = (1..=4).map(|attempt| backoff.pause_after(attempt)).collect();
/// assert_eq!(
///     pauses,
///     [Some(100), Some(200), Some(250), None].map(|ms| ms.map(Duration::from_millis)),
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    attempts: u32,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// At most `attempts` in all (0 means 1), with `first` as the pause after the first.
    #[must_use]
    pub const fn exponential(attempts: u32, first: Duration) -> Self {
        Self {
            attempts,
            first,
            longest: Duration::MAX,
        }
    }

    /// No pause is longer than this.
    #[must_use]
    pub const fn longest(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    /// How many attempts there are in all.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        if self.attempts == 0 { 1 } else { self.attempts }
    }

    /// The pause after attempt number `attempt` (from 1) has failed; `None` when it was the last.
    #[must_use]
    pub fn pause_after(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.attempts() {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(31);
        Some(self.first.saturating_mul(1 << doublings).min(self.longest))
    }
}

/// One attempt: the action of a success, or the action to reduce if this failure was the last.
pub type Attempt<A> = Box<dyn FnMut() -> BoxFuture<'static, Result<A, A>> + Send>;

/// See [`Effect::retry`](super::Effect::retry).
pub struct Retry<A> {
    /// How often, and how far apart.
    pub backoff: Backoff,
    /// What is attempted.
    pub attempt: Attempt<A>,
}
