//! What the attempts to write a group have met so far.

use std::{collections::hash_map::RandomState, hash::BuildHasher, time::Duration};

use composable_rust_core::Version;

/// After so many lost races the streams are locked: a writer that loses often then queues instead of racing.
const UNLOCKED_RACES: u32 = 3;

/// So often a statement is run again that met a deadlock, could not be serialized, or has to be prepared anew.
const MAX_RERUNS: u32 = 32;

/// The longest pause is 2 to this power, in milliseconds.
const MAX_PAUSE_EXPONENT: u32 = 6;

#[derive(Debug, Default)]
pub(crate) struct Attempts {
    pub(crate) lost_races: u32,
    reruns: u32,
    reconnects: u32,
    /// Where the streams ended when they were last looked up.
    ends: Option<Vec<Version>>,
}

impl Attempts {
    pub(crate) const fn locks(&self) -> bool {
        self.lost_races > UNLOCKED_RACES
    }

    pub(crate) const fn may_rerun(&mut self) -> bool {
        self.reruns += 1;
        self.reruns <= MAX_RERUNS
    }

    /// Once: a statement that ends its session may do so again.
    pub(crate) const fn may_reconnect(&mut self) -> bool {
        self.reconnects += 1;
        self.reconnects == 1
    }

    /// Whether no append was answered and no stream has moved since the last lookup: another attempt would end alike.
    pub(crate) fn is_stuck(&mut self, ends: Vec<Version>, all_are_left: bool) -> bool {
        let has_moved = self.ends.as_ref() != Some(&ends);
        self.ends = Some(ends);
        all_are_left && !has_moved
    }

    /// How long to wait before the next rerun: between 1 ms and a limit that doubles up to 64 ms. Random, so that writers
    /// that met do not meet again.
    pub(crate) fn pause(&self) -> Duration {
        let limit = 1_u64 << self.reruns.min(MAX_PAUSE_EXPONENT);
        // Hashing nothing under a random key is all the randomness that this needs.
        let random = RandomState::new().hash_one(());
        Duration::from_millis(1 + random % limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let mut attempts = Attempts::default();
        for _ in 0..MAX_RERUNS {
            assert!(attempts.may_rerun());
            assert!((1..=64).contains(&attempts.pause().as_millis()));
        }
        assert!(!attempts.may_rerun());
    }

    #[test]
    fn an_attempt_after_which_nothing_has_moved_is_the_last_one() {
        let mut attempts = Attempts::default();
        let ends = |version: u32| vec![Version::from(version)];
        assert!(!attempts.is_stuck(ends(1), true), "nothing to compare with");
        assert!(!attempts.is_stuck(ends(2), true), "the stream has moved");
        assert!(!attempts.is_stuck(ends(2), false), "another append was answered");
        assert!(attempts.is_stuck(ends(2), true));
    }
}
