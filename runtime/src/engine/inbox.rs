//! Where actions wait for the drainer.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::{
    context::Queued,
    phase::{Lifecycle, Phase},
    publish::BoxedSubscriber,
};

/// What became of an action that was to enter.
pub(super) enum Entry<A> {
    Entered,
    /// All places are taken.
    Full(Queued<A>),
    /// The store takes no more actions from outside.
    Ended(Queued<A>),
}

/// What came in and was not taken yet.
struct Waiting<S, A> {
    actions: VecDeque<Queued<A>>,
    subscribers: Vec<BoxedSubscriber<S>>,
}

/// Where actions wait for the drainer, in the order they entered.
///
/// A `VecDeque` under a std Mutex, taken whole by a swap: nothing awaits while it is held, and a lock-free queue would
/// allocate or bound what effects deliver.
pub(super) struct Inbox<S, A> {
    waiting: Mutex<Waiting<S, A>>,
    /// How many things wait, readable without the lock.
    len: AtomicUsize,
    /// How many places are taken, by actions from outside, until each is reduced.
    taken: AtomicUsize,
    capacity: usize,
    /// Callers that wait for a place.
    callers: AtomicUsize,
    places: Notify,
}

impl<S, A> Inbox<S, A> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                actions: VecDeque::new(),
                subscribers: Vec::new(),
            }),
            len: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            capacity: capacity.max(1),
            callers: AtomicUsize::new(0),
            places: Notify::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::SeqCst) == 0
    }

    /// Enters an action. Those from outside need a place, and an open store.
    pub(super) fn push(&self, item: Queued<A>, lifecycle: &Lifecycle) -> Entry<A> {
        let mut waiting = self.lock();
        if item.bounded {
            // Looked at under the lock: what enters before the closing is drained by it.
            if !lifecycle.is_open() {
                return Entry::Ended(item);
            }
            if self.taken.load(Ordering::SeqCst) >= self.capacity {
                return Entry::Full(item);
            }
            self.taken.fetch_add(1, Ordering::SeqCst);
        }
        waiting.actions.push_back(item);
        self.len.fetch_add(1, Ordering::SeqCst);
        Entry::Entered
    }

    /// Takes no more actions from outside, and tells those who wait for a place.
    pub(super) fn close(&self, lifecycle: &Lifecycle, phase: Phase) {
        let waiting = self.lock();
        lifecycle.advance(phase);
        drop(waiting);
        self.release_callers();
    }

    /// Lets the drainer look again though nothing came in.
    pub(super) fn poke(&self) {
        let _waiting = self.lock();
        self.len.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn push_subscriber(&self, subscriber: BoxedSubscriber<S>) {
        let mut waiting = self.lock();
        waiting.subscribers.push(subscriber);
        self.len.fetch_add(1, Ordering::SeqCst);
    }

    /// Moves everything behind what the drainer has already. An empty queue is swapped: both keep their memory.
    pub(super) fn take(&self, actions: &mut VecDeque<Queued<A>>, subscribers: &mut Vec<BoxedSubscriber<S>>) {
        if self.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        if actions.is_empty() {
            std::mem::swap(actions, &mut waiting.actions);
        } else {
            actions.append(&mut waiting.actions);
        }
        subscribers.append(&mut waiting.subscribers);
        self.len.store(0, Ordering::SeqCst);
    }

    /// Gives a place free, after an action from outside has left the queue.
    pub(super) fn release(&self) {
        self.taken.fetch_sub(1, Ordering::SeqCst);
        if self.callers.load(Ordering::SeqCst) > 0 {
            self.places.notify_one();
        }
    }

    /// Lets every waiting caller look again: the store takes no more.
    pub(super) fn release_callers(&self) {
        self.places.notify_waiters();
    }

    /// Calls `enter` until it has its way, whenever a place may have become free.
    pub(super) async fn place<T>(&self, mut enter: impl FnMut() -> Option<T>) -> T {
        let _caller = Caller::enter(&self.callers);
        loop {
            let mut place = std::pin::pin!(self.places.notified());
            // Counted before the look: a place given free from here on is heard of.
            place.as_mut().enable();
            if let Some(entered) = enter() {
                // The place may still be free, where the action was reduced at once: the next caller looks.
                self.places.notify_one();
                return entered;
            }
            place.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<S, A>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a waiting caller, also one that is dropped while it waits.
struct Caller<'a>(&'a AtomicUsize);

impl<'a> Caller<'a> {
    fn enter(callers: &'a AtomicUsize) -> Self {
        callers.fetch_add(1, Ordering::SeqCst);
        Self(callers)
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
