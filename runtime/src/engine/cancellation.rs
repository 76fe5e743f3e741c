//! A flag that ends tasks, parts of effects, and the scopes within a scope.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use futures::future::AbortHandle;

use super::scope::Scope;

/// What a cancel reaches.
pub(super) enum Watcher {
    /// A task, which ends.
    Task(AbortHandle),
    /// A part of an effect, which looks.
    Part(Waker),
    /// A scope within this one, which is cancelled as well.
    Scope(Weak<Scope>),
}

impl Watcher {
    /// Not under a lock: this wakes, and a waker may run anything.
    pub(super) fn notify(self) {
        match self {
            Self::Task(task) => task.abort(),
            Self::Part(waker) => waker.wake(),
            Self::Scope(_) => {}
        }
    }
}

/// Cancelled once; keeps the queued actions of what it ends from being reduced.
#[derive(Default)]
pub(super) struct Cancellation {
    cancelled: AtomicBool,
    /// A tree and not a hash map: most have none, and then it costs nothing to make.
    watchers: Mutex<BTreeMap<u64, Watcher>>,
}

impl Cancellation {
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Sets the flag; what has to be told of it afterwards.
    pub(super) fn set(&self) -> BTreeMap<u64, Watcher> {
        self.cancelled.store(true, Ordering::Release);
        std::mem::take(&mut *self.watchers())
    }

    /// For a flag without scopes.
    pub(super) fn cancel(&self) {
        self.set().into_values().for_each(Watcher::notify);
    }

    /// Tells `watcher` of a cancel, at once if it was before.
    pub(super) fn register(&self, serial: u64, watcher: Watcher) {
        let mut watchers = self.watchers();
        // Looked at under the lock: `set` sets the flag before it takes the watchers.
        if self.is_cancelled() {
            drop(watchers);
            watcher.notify();
        } else {
            watchers.insert(serial, watcher);
        }
    }

    /// Makes `scope` a part of this one; `false` when this one is cancelled already.
    pub(super) fn register_scope(&self, serial: u64, scope: &Arc<Scope>) -> bool {
        let mut watchers = self.watchers();
        let open = !self.is_cancelled();
        if open {
            watchers.insert(serial, Watcher::Scope(Arc::downgrade(scope)));
        }
        open
    }

    pub(super) fn unregister(&self, serial: u64) {
        let watcher = self.watchers().remove(&serial);
        drop(watcher);
    }

    fn watchers(&self) -> MutexGuard<'_, BTreeMap<u64, Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
