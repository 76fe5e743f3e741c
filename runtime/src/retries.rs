//! How often to try again, and how long to pause.

use std::time::Duration;

use composable_rust_core::{Backoff, IdGenerator};

/// How the hosts of aggregates try again: after conflicts they decide again, after outages they repeat the append.
///
/// Pauses are jittered: each is between half and the whole of what the backoff says.
///
/// ```
/// use composable_rust_core::Backoff;
/// use composable_rust_runtime::Retries;
/// use std::time::Duration;
///
/// let patient = Retries::default().with_conflicts(Backoff::exponential(50, Duration::from_millis(1)));
/// assert_eq!(patient.conflicts.attempts(), 50);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Retries {
    /// How often a command is decided and appended in all, while other writers keep winning. Default: 10 times, with
    /// pauses from 2 ms up to 100 ms.
    pub conflicts: Backoff,
    /// How often an append (or a load) is sent in all, while the store is unavailable or its answer is lost. Default:
    /// 5 times, with pauses from 50 ms up to 1 s.
    pub outages: Backoff,
}

impl Retries {
    /// Sets how often a command is decided.
    #[must_use]
    pub const fn with_conflicts(self, conflicts: Backoff) -> Self {
        Self { conflicts, ..self }
    }

    /// Sets how often an append is sent.
    #[must_use]
    pub const fn with_outages(self, outages: Backoff) -> Self {
        Self { outages, ..self }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            conflicts: Backoff::exponential(10, Duration::from_millis(2)).longest(Duration::from_millis(100)),
            outages: Backoff::exponential(5, Duration::from_millis(50)).longest(Duration::from_secs(1)),
        }
    }
}

/// Half of `pause`, and a random part of the other half: writers that met once should not meet again. The randomness
/// comes from the ids, so that with sequential ids a test knows the pause.
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
