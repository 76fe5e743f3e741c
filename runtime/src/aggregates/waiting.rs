//! A FIFO queue that drops entries whose callers have gone.

use std::{collections::VecDeque, mem};

/// A FIFO queue. Entries that no caller waits for any more are dropped when there are as many entries again as were left the
/// last time: their number is bounded, and an entry costs a constant number of checks.
pub(super) struct WaitingQueue<T> {
    entries: VecDeque<T>,
    /// The length at which entries are checked next.
    check_at: usize,
}

/// An entry whose caller may have gone.
pub(super) trait Waiting {
    fn is_wanted(&self) -> bool;
}

/// Fewer entries are not worth a check.
const FEW: usize = 64;

impl<T: Waiting> WaitingQueue<T> {
    pub(super) const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            check_at: FEW,
        }
    }

    /// Adds an entry. Those that nobody waits for come back, to be dropped where no lock is held.
    #[must_use]
    pub(super) fn push(&mut self, last: T) -> VecDeque<T> {
        self.entries.push_back(last);
        if self.entries.len() < self.check_at {
            return VecDeque::new();
        }
        let (wanted, gone) = mem::take(&mut self.entries).into_iter().partition(T::is_wanted);
        self.entries = wanted;
        self.check_at = FEW.max(2 * self.entries.len());
        gone
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.entries.pop_front()
    }

    /// Moves all entries behind those of `taken`.
    pub(super) fn take_into(&mut self, taken: &mut VecDeque<T>) {
        if taken.is_empty() {
            // The two lists change places, so that neither is allocated again and again.
            mem::swap(taken, &mut self.entries);
        } else {
            taken.append(&mut self.entries);
        }
    }

    /// All entries.
    pub(super) fn take(&mut self) -> VecDeque<T> {
        mem::take(&mut self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Waiting for (usize, bool) {
        fn is_wanted(&self) -> bool {
            self.1
        }
    }

    #[test]
    fn entries_whose_callers_have_gone_are_dropped_and_the_others_keep_their_order() {
        let mut queue = WaitingQueue::new();
        for n in 0..100_000 {
            drop(queue.push((n, n % 1000 == 0)));
            let wanted = n / 1000 + 1;
            assert!(queue.entries.len() <= 2 * FEW.max(2 * wanted));
        }
        let left: Vec<_> = queue.take().into_iter().filter(Waiting::is_wanted).collect();
        let expected: Vec<_> = (0..100).map(|n| (n * 1000, true)).collect();
        assert_eq!(left, expected);
    }
}
