//! Where actions wait for the drainer.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::{
    context::Queued,
    lifecycle::{Lifecycle, Phase},
    subscribers::BoxedSubscriber,
};

/// What became of an action that was to enter.
pub(super) enum Push<A> {
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
    /// How many actions from outside have entered so far.
    entered: u64,
}

/// Where actions wait for the drainer, in the order they entered.
///
/// A `VecDeque` under a std Mutex, taken whole by a swap: nothing awaits while it is held, and a lock-free queue would
/// allocate or bound what effects deliver. Aligned, so that what callers write and what the drainer writes share no
/// cache line with each other or with the state.
#[repr(align(128))]
pub(super) struct Inbox<S, A> {
    waiting: Mutex<Waiting<S, A>>,
    /// How many things wait, readable without the lock, written under it.
    len: AtomicUsize,
    capacity: u64,
    places: Places,
}

/// What the drainer writes.
#[repr(align(128))]
struct Places {
    /// How many actions from outside have left so far, each when it is reduced: those between have the places.
    left: AtomicU64,
    /// How many places are taken by what waits inside of the state: see `Reducer::pending_count`.
    inside: AtomicU64,
    /// Callers that wait for a place.
    callers: AtomicUsize,
    free: Notify,
}

impl<S, A> Inbox<S, A> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                actions: VecDeque::new(),
                subscribers: Vec::new(),
                entered: 0,
            }),
            len: AtomicUsize::new(0),
            capacity: capacity.max(1) as u64,
            places: Places {
                left: AtomicU64::new(0),
                inside: AtomicU64::new(0),
                callers: AtomicUsize::new(0),
                free: Notify::new(),
            },
        }
    }

    /// Whether nothing waits. Those who let go of the state's lock ask after a fence.
    pub(super) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Acquire) == 0
    }

    /// Enters an action. Those from outside need a place, and an open store. The caller drains afterwards.
    pub(super) fn push(&self, item: Queued<A>, lifecycle: &Lifecycle) -> Push<A> {
        let mut waiting = self.lock();
        if item.bounded {
            // Looked at under the lock: what enters before the closing is drained by it.
            if !lifecycle.is_open() {
                return Push::Ended(item);
            }
            let queued = waiting.entered - self.places.left.load(Ordering::SeqCst);
            if queued.saturating_add(self.inside()) >= self.capacity {
                return Push::Full(item);
            }
            waiting.entered += 1;
        }
        waiting.actions.push_back(item);
        self.add_one();
        Push::Entered
    }

    /// Takes no more actions from outside, and tells those who wait for a place.
    pub(super) fn close(&self, lifecycle: &Lifecycle, phase: Phase) {
        let waiting = self.lock();
        lifecycle.advance(phase);
        drop(waiting);
        self.release_callers();
    }

    /// Lets the drainer look again though nothing came in.
    pub(super) fn wake_drainer(&self) {
        let _waiting = self.lock();
        self.add_one();
    }

    pub(super) fn push_subscriber(&self, subscriber: BoxedSubscriber<S>) {
        let mut waiting = self.lock();
        waiting.subscribers.push(subscriber);
        self.add_one();
    }

    /// Only under the lock, so that adding needs no atomic.
    fn add_one(&self) {
        self.len.store(self.len.load(Ordering::Relaxed) + 1, Ordering::Release);
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
        self.len.store(0, Ordering::Release);
    }

    fn inside(&self) -> u64 {
        self.places.inside.load(Ordering::SeqCst)
    }

    /// Whether what waits inside of the state takes all places.
    pub(super) fn is_occupied(&self) -> bool {
        self.places.inside.load(Ordering::Relaxed) >= self.capacity
    }

    /// Says how many places are taken by what waits inside of the state. Only the drainer calls this.
    pub(super) fn set_reserved(&self, places: u64) {
        let before = self.places.inside.load(Ordering::Relaxed);
        if places == before {
            return;
        }
        self.places.inside.store(places, Ordering::SeqCst);
        if places < before {
            self.wake_caller();
        }
    }

    /// How many places are given free together: one atomic for each is what eight callers would fight over. A small
    /// inbox gives each free at once.
    pub(super) fn stride(&self) -> u64 {
        (self.capacity / 16).clamp(1, 64)
    }

    /// Gives places free whose actions have left the queue. Only the drainer calls this.
    pub(super) fn release(&self, places: u64) {
        let left = self.places.left.load(Ordering::Relaxed) + places;
        self.places.left.store(left, Ordering::SeqCst);
        self.wake_caller();
    }

    /// One is enough: who finds a place wakes the next.
    fn wake_caller(&self) {
        if self.places.callers.load(Ordering::SeqCst) > 0 {
            self.places.free.notify_one();
        }
    }

    /// Lets every waiting caller look again: the store takes no more.
    pub(super) fn release_callers(&self) {
        self.places.free.notify_waiters();
    }

    /// Calls `enter` until it has its way, whenever a place may have become free.
    pub(super) async fn wait_for_space<T>(&self, mut enter: impl FnMut() -> Option<T>) -> T {
        let _caller = Caller::enter(&self.places.callers);
        loop {
            let mut place = std::pin::pin!(self.places.free.notified());
            // Counted before the look: a place given free from here on is heard of.
            place.as_mut().enable();
            if let Some(entered) = enter() {
                // There may be another place: the next caller looks, and wakes the one after it.
                self.places.free.notify_one();
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
