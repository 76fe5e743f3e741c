//! How often to try again, and how long to pause.

use std::time::Duration;

use composable_rust_core::{Backoff, IdGenerator};

/// How `Aggregates` and `EventSourced` retry: after a conflict they decide again, while the store is unavailable (or its answer
/// is lost) they repeat the identical call.
///
/// Each pause is multiplied by a random factor between 0.5 and 1.0.
///
/// ```
/// use composable_rust_core::Backoff;
/// use composable_rust_runtime::RetryPolicy;
/// use std::time::Duration;
///
/// let patient = RetryPolicy::default().with_on_conflict(Backoff::exponential(50, Duration::from_millis(1)));
/// assert_eq!(patient.on_conflict.attempts(), 50);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a command is decided and appended in all, while other writers keep winning. Default: 10 times, with
    /// pauses from 2 ms up to 100 ms.
    pub on_conflict: Backoff,
    /// How often an append or a load is sent in all, while the store is unavailable or its answer is lost. Default:
    /// 5 times, with pauses from 50 ms up to 1 s.
    pub on_unavailable: Backoff,
}

impl RetryPolicy {
    /// Sets how often a command is decided while other writers keep winning.
    #[must_use]
    pub const fn with_on_conflict(self, on_conflict: Backoff) -> Self {
        Self { on_conflict, ..self }
    }

    /// Sets how often an append or a load is sent while the store is unavailable.
    #[must_use]
    pub const fn with_on_unavailable(self, on_unavailable: Backoff) -> Self {
        Self { on_unavailable, ..self }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            on_conflict: Backoff::exponential(10, Duration::from_millis(2)).longest(Duration::from_millis(100)),
            on_unavailable: Backoff::exponential(5, Duration::from_millis(50)).longest(Duration::from_secs(1)),
        }
    }
}

/// Between half of `pause` and the whole of it, so that writers that met once do not meet again. The randomness comes from
/// the ids: with sequential ids, a test knows the pause.
pub(crate) fn jittered(pause: Duration, ids: &dyn IdGenerator) -> Duration {
    let random = u32::from(ids.uuid().as_u128().to_le_bytes()[0]);
    let half = pause / 2;
    half.saturating_add(half.saturating_mul(random) / 255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemIds;

    #[test]
    fn a_pause_is_between_half_and_the_whole_and_the_longest_one_does_not_overflow() {
        let pause = Duration::from_millis(100);
        for _ in 0..100 {
            let jittered = jittered(pause, &SystemIds);
            assert!(pause / 2 <= jittered && jittered <= pause);
        }
        assert!(jittered(Duration::MAX, &SystemIds) >= Duration::MAX / 2);
    }
}
