//! The time of a clock in tests, and who waits for which moment.

use std::{collections::BTreeMap, fmt, task::Waker, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::polled::Asleep;

/// Who waits: by deadline, and in the order of falling asleep where deadlines are equal.
pub(super) type Sleeper = (DateTime<Utc>, u64);

/// The time of a clock in tests, and who waits for which moment.
pub(super) struct Timeline {
    pub(super) now: DateTime<Utc>,
    /// `None` until the sleeper's future was polled.
    sleepers: BTreeMap<Sleeper, Option<Asleep>>,
    fallen_asleep: u64,
}

impl Timeline {
    pub(super) fn starting_at(now: DateTime<Utc>) -> Self {
        Self {
            now,
            sleepers: BTreeMap::new(),
            fallen_asleep: 0,
        }
    }

    /// The moment `duration` from now.
    pub(super) fn after(&self, duration: Duration) -> DateTime<Utc> {
        after(self.now, duration)
    }

    pub(super) fn fall_asleep(&mut self, duration: Duration) -> Sleeper {
        let sleeper = (self.after(duration), self.fallen_asleep);
        self.fallen_asleep += 1;
        if sleeper.0 > self.now {
            self.sleepers.insert(sleeper, None);
        }
        sleeper
    }

    /// Notes whom to wake; `false` when the sleeper's moment has come.
    pub(super) fn sleep_on(&mut self, sleeper: Sleeper, waker: &Waker) -> bool {
        let Some(slot) = self.sleepers.get_mut(&sleeper) else {
            return false;
        };
        *slot = Some(Asleep::new(waker));
        true
    }

    pub(super) fn forget(&mut self, sleeper: Sleeper) {
        self.sleepers.remove(&sleeper);
    }

    pub(super) fn pending(&self) -> usize {
        self.sleepers.len()
    }

    pub(super) fn next_deadline(&self) -> Option<DateTime<Utc>> {
        self.sleepers.first_key_value().map(|((deadline, _), _)| *deadline)
    }

    /// The moment until which the running effect sleeps, at the earliest.
    pub(super) fn deadline_of(&self, effect: u64) -> Option<DateTime<Utc>> {
        let mut sleepers = self.sleepers.iter();
        let sleeps = |asleep: &Option<Asleep>| asleep.as_ref().is_some_and(|asleep| asleep.effect == Some(effect));
        sleepers.find_map(|((deadline, _), asleep)| sleeps(asleep).then_some(*deadline))
    }

    /// Moves to `now`, back or forth, and hands out whom to wake there.
    pub(super) fn set(&mut self, now: DateTime<Utc>) -> Vec<Asleep> {
        self.now = now;
        let later = self.sleepers.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.sleepers, later);
        due.into_values().flatten().collect()
    }

    /// Moves to the first deadline, if it is not after `end`, and hands out whom to wake there.
    pub(super) fn step(&mut self, end: DateTime<Utc>) -> Option<Vec<Asleep>> {
        let deadline = self.next_deadline().filter(|deadline| *deadline <= end)?;
        Some(self.set(deadline))
    }
}

/// The moment `duration` after `moment`; the last one that a clock can show where there is none.
pub(crate) fn after(moment: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let delta = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
    moment.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline")
            .field("now", &self.now)
            .field("sleepers", &self.sleepers.len())
            .finish_non_exhaustive()
    }
}
