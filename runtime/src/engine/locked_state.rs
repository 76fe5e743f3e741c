//! What only the drainer touches, and the lock around it.

use std::{
    collections::VecDeque,
    ops::{Deref, DerefMut},
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
};

use composable_rust_core::Reducer;

use super::{context::Queued, spawn::Task, subscribers::BoxedSubscriber};

/// What only the drainer touches.
pub(super) struct LockedState<R: Reducer> {
    pub(super) state: R::State,
    /// What was taken from the inbox or emitted since, in the order it entered.
    pub(super) queue: VecDeque<Queued<R::Action>>,
    pub(super) subscribers: Vec<BoxedSubscriber<R::State>>,
    /// Whether subscribers have not been shown the latest state.
    pub(super) changed: bool,
    /// How many actions from outside have left whose places were not given free yet.
    pub(super) freed: u64,
    /// How often the reducer was called.
    pub(super) reduced: u64,
    /// Tasks of the reduce at hand, started when it has committed.
    pub(super) tasks: Vec<Task>,
}

impl<R: Reducer> LockedState<R> {
    pub(super) const fn new(state: R::State) -> Self {
        Self {
            state,
            queue: VecDeque::new(),
            subscribers: Vec::new(),
            changed: false,
            freed: 0,
            reduced: 0,
            tasks: Vec::new(),
        }
    }
}

/// The lock of the state, which knows the thread that holds it.
///
/// A std Mutex: nothing awaits while it is held. It does not say who holds it, and without that a look at the state from
/// inside of a reducer would wait for itself.
pub(super) struct StateLock<T> {
    state: Mutex<T>,
    /// The mark of the thread that holds the lock; 0 for none.
    holder: AtomicUsize,
}

impl<T> StateLock<T> {
    pub(super) const fn new(state: T) -> Self {
        Self {
            state: Mutex::new(state),
            holder: AtomicUsize::new(0),
        }
    }

    pub(super) fn try_lock(&self) -> Option<StateGuard<'_, T>> {
        match self.state.try_lock() {
            Ok(state) => Some(self.held(state)),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.held(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn lock(&self) -> StateGuard<'_, T> {
        self.held(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the calling thread holds the lock. Relaxed: a thread sees what it has written itself.
    pub(super) fn is_held_here(&self) -> bool {
        self.holder.load(Ordering::Relaxed) == thread_mark()
    }

    fn held<'a>(&'a self, state: MutexGuard<'a, T>) -> StateGuard<'a, T> {
        self.holder.store(thread_mark(), Ordering::Relaxed);
        StateGuard {
            state,
            holder: &self.holder,
        }
    }
}

/// A number that no other living thread has: the address of a variable of its own. Cheaper than the thread's id.
fn thread_mark() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

pub(super) struct StateGuard<'a, T> {
    state: MutexGuard<'a, T>,
    holder: &'a AtomicUsize,
}

impl<T> Deref for StateGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state
    }
}

impl<T> DerefMut for StateGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.state
    }
}

impl<T> Drop for StateGuard<'_, T> {
    fn drop(&mut self) {
        self.holder.store(0, Ordering::Relaxed);
    }
}
