//! The bound on commands that are in progress or wait for their stream, and the end of letting them in.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{runtime, sync::Notify};

use super::queue::{Queue, Waits};

/// Bounds the commands inside. Those who wait outside are let in by those who leave: a place that was given to a caller
/// to be taken up, as by a semaphore, would be lost as long as nobody polls that caller.
pub(super) struct Gate<T> {
    // A std Mutex: nothing awaits, and nothing of the user's is dropped, while it is held.
    door: Mutex<Door<T>>,
    capacity: u32,
    /// Whether somebody waits for those inside: they are not left to their callers alone.
    is_waited_for: AtomicBool,
    /// Rung when a command has left and the gate is closed.
    left: Notify,
}

struct Door<T> {
    inside: u32,
    outside: Queue<T>,
    /// The runtimes of those who wait outside.
    runtimes: Vec<runtime::Id>,
    /// Somebody is letting those in who wait; nobody overtakes them meanwhile.
    is_kept: bool,
    is_closed: bool,
}

/// What became of somebody who wants to get in.
pub(super) enum Entry {
    Inside,
    Full,
    Closed,
}

/// A command in progress, until it is dropped.
pub(super) struct Place(pub(super) Arc<dyn Leave>);

/// What a place belongs to.
pub(super) trait Leave: Send + Sync {
    fn leave(self: Arc<Self>);
}

impl Drop for Place {
    fn drop(&mut self) {
        Arc::clone(&self.0).leave();
    }
}

impl<T: Waits> Gate<T> {
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            door: Mutex::new(Door {
                inside: 0,
                outside: Queue::new(),
                runtimes: Vec::new(),
                is_kept: false,
                is_closed: false,
            }),
            capacity: capacity.max(1),
            is_waited_for: AtomicBool::new(false),
            left: Notify::new(),
        }
    }

    pub(super) fn enter(&self) -> Entry {
        let mut door = self.door();
        if door.is_closed {
            Entry::Closed
        } else if door.is_kept || door.inside == self.capacity || !door.outside.is_empty() {
            Entry::Full
        } else {
            door.inside += 1;
            Entry::Inside
        }
    }

    /// Waits outside. Whether nobody of this runtime does so yet is the answer; `Err` if the gate was closed meanwhile.
    pub(super) fn wait(&self, last: T, runtime: runtime::Id) -> Result<bool, T> {
        let mut door = self.door();
        if door.is_closed {
            return Err(last);
        }
        let gone = door.outside.push(last);
        let is_first = !door.runtimes.contains(&runtime);
        if is_first {
            door.runtimes.push(runtime);
        }
        self.is_waited_for.store(true, Ordering::SeqCst);
        drop(door);
        drop(gone);
        Ok(is_first)
    }

    /// Lets those in who wait, as long as there are places; nothing to do if somebody else is doing so.
    pub(super) fn let_in(&self, mut welcome: impl FnMut(T)) {
        let mut door = self.door();
        if door.is_kept {
            return;
        }
        // One at a time, and not by those who are let in and leave at once: so they keep their order, and a long queue
        // needs no deep stack.
        while door.inside < self.capacity
            && let Some(next) = door.outside.pop()
        {
            (door.inside, door.is_kept) = (door.inside + 1, true);
            drop(door);
            let kept = Kept(self);
            welcome(next);
            drop(kept);
            door = self.door();
            if door.is_kept {
                return;
            }
        }
        if door.outside.is_empty() {
            door.runtimes.clear();
            self.is_waited_for.store(door.is_closed, Ordering::SeqCst);
        }
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.is_waited_for.load(Ordering::SeqCst)
    }

    pub(super) fn leave(&self) {
        let mut door = self.door();
        door.inside -= 1;
        let is_closed = door.is_closed;
        drop(door);
        if is_closed {
            self.left.notify_waiters();
        }
    }

    /// Nobody is let in any more but those who wait already.
    pub(super) fn close(&self) {
        self.door().is_closed = true;
        self.is_waited_for.store(true, Ordering::SeqCst);
    }

    /// Waits until nobody is inside, and nobody waits outside.
    pub(super) async fn all_have_left(&self) {
        loop {
            let left = self.left.notified();
            if self.is_deserted() {
                return;
            }
            left.await;
        }
    }

    /// Those who wait outside: they are not let in any more.
    pub(super) fn turned_away(&self) -> VecDeque<T> {
        self.door().outside.take()
    }

    fn is_deserted(&self) -> bool {
        let door = self.door();
        door.inside == 0 && door.outside.is_empty()
    }

    fn door(&self) -> MutexGuard<'_, Door<T>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The door is let go of also if what belongs to the user panics.
struct Kept<'a, T: Waits>(&'a Gate<T>);

impl<T: Waits> Drop for Kept<'_, T> {
    fn drop(&mut self) {
        self.0.door().is_kept = false;
    }
}
