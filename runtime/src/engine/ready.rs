//! Which parts of a running effect were woken.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use futures::task::AtomicWaker;

/// The parts that were woken and the scopes that were cancelled since the task last took them. Wakes that task.
#[derive(Default)]
pub(super) struct ReadyParts {
    woken: Mutex<Vec<usize>>,
    cancelled: Mutex<Vec<usize>>,
    /// Whether a scope was cancelled: asked before every poll of a part.
    any_cancelled: AtomicBool,
    task: AtomicWaker,
}

impl ReadyParts {
    pub(super) fn register(&self, task: &Waker) {
        self.task.register(task);
    }

    /// The parts that were woken, in the order of their numbers.
    pub(super) fn take_woken(&self) -> Vec<usize> {
        take_sorted(&self.woken)
    }

    /// The scopes that were cancelled, in the order of their numbers.
    pub(super) fn take_cancelled(&self) -> Vec<usize> {
        if self.any_cancelled.swap(false, Ordering::SeqCst) {
            take_sorted(&self.cancelled)
        } else {
            Vec::new()
        }
    }
}

fn take_sorted(parts: &Mutex<Vec<usize>>) -> Vec<usize> {
    let mut parts = std::mem::take(&mut *lock(parts));
    parts.sort_unstable();
    parts
}

fn lock(parts: &Mutex<Vec<usize>>) -> MutexGuard<'_, Vec<usize>> {
    parts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes one part, once until it is polled.
pub(super) struct PartWaker {
    part: usize,
    woken: AtomicBool,
    ready: Arc<ReadyParts>,
}

impl PartWaker {
    pub(super) fn new(part: usize, ready: &Arc<ReadyParts>) -> Arc<Self> {
        Arc::new(Self {
            part,
            woken: AtomicBool::new(false),
            ready: Arc::clone(ready),
        })
    }

    /// The part is about to be polled: a wake from here on is another one.
    pub(super) fn start_poll(&self) {
        self.woken.store(false, Ordering::SeqCst);
    }
}

impl Wake for PartWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            lock(&self.ready.woken).push(self.part);
            self.ready.task.wake();
        }
    }
}

/// Says that a scope was cancelled.
pub(super) struct ScopeWaker {
    pub(super) part: usize,
    pub(super) ready: Arc<ReadyParts>,
}

impl Wake for ScopeWaker {
    fn wake(self: Arc<Self>) {
        lock(&self.ready.cancelled).push(self.part);
        self.ready.any_cancelled.store(true, Ordering::SeqCst);
        self.ready.task.wake();
    }
}
