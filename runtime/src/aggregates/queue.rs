//! Who waits, in the order in which they came.

use std::{collections::VecDeque, mem};

/// Who waits, in the order in which they came. Those who have gone are let go of when there are as many again as were
/// left the last time: so what they cost is bounded, and a place in the queue costs no more than a look or two.
pub(super) struct Queue<T> {
    waiting: VecDeque<T>,
    /// How many there are when it is looked next.
    look_at: usize,
}

/// Somebody who may have gone.
pub(super) trait Waits {
    fn is_wanted(&self) -> bool;
}

/// Fewer are not worth a look.
const FEW: usize = 64;

impl<T: Waits> Queue<T> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            look_at: FEW,
        }
    }

    /// Gets in line. Those who have gone come back, to be dropped where no lock is held.
    #[must_use]
    pub(super) fn push(&mut self, last: T) -> VecDeque<T> {
        self.waiting.push_back(last);
        if self.waiting.len() < self.look_at {
            return VecDeque::new();
        }
        let (waiting, gone) = mem::take(&mut self.waiting).into_iter().partition(T::is_wanted);
        self.waiting = waiting;
        self.look_at = FEW.max(2 * self.waiting.len());
        gone
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.waiting.front()
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.waiting.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// All of them.
    pub(super) fn take(&mut self) -> VecDeque<T> {
        mem::take(&mut self.waiting)
    }

    /// Puts some back who came before all others.
    pub(super) fn put_back(&mut self, mut first: VecDeque<T>) {
        first.append(&mut self.waiting);
        self.waiting = first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Waits for (usize, bool) {
        fn is_wanted(&self) -> bool {
            self.1
        }
    }

    #[test]
    fn those_who_have_gone_are_let_go_of_and_the_others_keep_their_order() {
        let mut queue = Queue::new();
        for n in 0..100_000 {
            drop(queue.push((n, n % 1000 == 0)));
            let wanted = n / 1000 + 1;
            assert!(queue.waiting.len() <= 2 * FEW.max(2 * wanted));
        }
        let left: Vec<_> = queue.take().into_iter().filter(Waits::is_wanted).collect();
        let expected: Vec<_> = (0..100).map(|n| (n * 1000, true)).collect();
        assert_eq!(left, expected);
    }
}
