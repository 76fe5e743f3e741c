//! The streams that are in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use composable_rust_core::{Aggregate, StreamIdError};

use super::line::Slot;

/// The streams that were used lately, by the aggregate's id.
pub(super) struct Hot<A: Aggregate> {
    keep: usize,
    idle_after: Duration,
    // A std Mutex: nothing awaits while it is held, and a look-up is short.
    slots: Mutex<Slots<A>>,
}

struct Slots<A: Aggregate> {
    by_id: HashMap<Box<str>, Arc<Slot<A>>>,
    swept_at: DateTime<Utc>,
}

impl<A: Aggregate> Hot<A> {
    pub(super) fn new(keep: usize, idle_after: Duration, now: DateTime<Utc>) -> Self {
        Self {
            keep,
            idle_after,
            slots: Mutex::new(Slots {
                by_id: HashMap::new(),
                swept_at: now,
            }),
        }
    }

    /// The slot of the aggregate with this id, made if need be.
    pub(super) fn slot(&self, id: &str, now: DateTime<Utc>) -> Result<Arc<Slot<A>>, StreamIdError> {
        // Dropped after the lock is let go of: a state is the user's, and may come back here, or take its time.
        let mut gone = Vec::new();
        let mut slots = self.lock();
        if slots.is_due(now, self.idle_after) {
            slots.sweep_idle(&mut gone);
            slots.swept_at = now;
        }
        if let Some(slot) = slots.by_id.get(id) {
            slot.touch();
            return Ok(Arc::clone(slot));
        }
        let slot = Arc::new(Slot::new(A::stream_id(id)?));
        if slots.by_id.len() >= self.keep {
            // An eighth at a time, so that the sweeps of a host that is always full cost little each.
            let keep = (self.keep - self.keep / 8).min(self.keep.saturating_sub(1));
            slots.shrink(keep, &mut gone);
        }
        slots.by_id.insert(id.into(), Arc::clone(&slot));
        Ok(slot)
    }

    /// All of them.
    pub(super) fn slots(&self) -> Vec<Arc<Slot<A>>> {
        self.lock().by_id.values().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    fn lock(&self) -> MutexGuard<'_, Slots<A>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Aggregate> Slots<A> {
    fn is_due(&self, now: DateTime<Utc>, idle_after: Duration) -> bool {
        (now - self.swept_at).to_std().is_ok_and(|since| since >= idle_after)
    }

    /// Lets go of slots that were not used since the last sweep.
    fn sweep_idle(&mut self, gone: &mut Vec<Arc<Slot<A>>>) {
        self.remove(0, gone, |slot| !slot.was_used());
    }

    /// Lets go of slots until `keep` are left: first of those that were not used since the last sweep, then of any that
    /// nobody is using now.
    fn shrink(&mut self, keep: usize, gone: &mut Vec<Arc<Slot<A>>>) {
        self.remove(keep, gone, |slot| !slot.was_used());
        self.remove(keep, gone, |_| true);
    }

    /// A slot that somebody holds stays: two slots of one stream would work against each other.
    fn remove(&mut self, keep: usize, gone: &mut Vec<Arc<Slot<A>>>, is_idle: impl Fn(&Slot<A>) -> bool) {
        let mut left = self.by_id.len();
        let removed = self.by_id.extract_if(|_, slot| {
            // Nobody can get hold of the slot in between: that needs the lock that is held here.
            let goes = left > keep && is_idle(slot) && Arc::strong_count(slot) == 1;
            left -= usize::from(goes);
            goes
        });
        gone.extend(removed.map(|(_, slot)| slot));
    }
}
