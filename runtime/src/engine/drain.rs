//! Whoever has the state's lock reduces what is there.

use std::{
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::{Duration, Instant},
};

use composable_rust_core::Reducer;

use super::{Engine, locked_state::LockedState, spawn::Task};

impl<R: Reducer> LockedState<R> {
    /// Whether there is nothing to do but to let go.
    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty() && self.subscribers.is_empty()
    }
}

impl<R: Reducer> Engine<R> {
    /// Reduces what waits, unless someone else does: they look into the inbox again after they let go.
    ///
    /// Fences on both sides: either the one who lets go sees what was entered, or the one who entered it gets the lock.
    pub(super) fn drain(self: &Arc<Self>) {
        loop {
            fence(Ordering::SeqCst);
            if self.offloaded.load(Ordering::SeqCst) {
                return;
            }
            let Some(mut locked) = self.state.try_lock() else {
                return;
            };
            let more = self.run(&mut locked);
            drop(locked);
            if more {
                return self.offload();
            }
            fence(Ordering::SeqCst);
            if self.inbox.is_empty() {
                return self.notify_idle();
            }
        }
    }

    /// What the one who has just let go of the lock owes to the others.
    pub(super) fn after_drain(self: &Arc<Self>, more: bool) {
        if more {
            return self.offload();
        }
        fence(Ordering::SeqCst);
        if !self.inbox.is_empty() {
            self.drain();
        } else if !self.lifecycle.is_open() {
            self.notify_idle();
        }
    }

    /// Tells a shutdown that there may be nothing left to do.
    fn notify_idle(&self) {
        if !self.lifecycle.is_open() {
            self.running.changed.notify_waiters();
        }
    }

    /// Reduces until nothing waits or the budget is spent, then shows the state; whether something still waits.
    pub(super) fn run(self: &Arc<Self>, locked: &mut LockedState<R>) -> bool {
        let mut budget = Budget::new(self.timed);
        let more = loop {
            if locked.queue.is_empty() {
                self.take(locked);
            }
            let Some(item) = locked.queue.pop_front() else {
                break false;
            };
            locked.freed += u64::from(item.bounded);
            if locked.freed > 0 && (locked.queue.is_empty() || locked.freed >= self.inbox.stride()) {
                self.inbox.release(std::mem::take(&mut locked.freed));
            }
            self.reduce(locked, item);
            if budget.is_spent() {
                break !locked.queue.is_empty() || !self.inbox.is_empty();
            }
        };
        self.publish(locked);
        more
    }

    /// Moves what came in behind what waits.
    pub(super) fn take(&self, locked: &mut LockedState<R>) {
        let known = locked.subscribers.len();
        self.inbox.take(&mut locked.queue, &mut locked.subscribers);
        // Newcomers are shown the state at the end of this drain, also if nothing changes in it.
        locked.changed |= locked.subscribers.len() > known;
    }

    fn publish(&self, locked: &mut LockedState<R>) {
        let changed = std::mem::take(&mut locked.changed);
        if locked.subscribers.is_empty() {
            return;
        }
        if !self.lifecycle.is_live() {
            for mut subscriber in locked.subscribers.drain(..) {
                subscriber.end(self.lifecycle.reason());
            }
        } else if changed {
            let state = &locked.state;
            locked.subscribers.retain_mut(|subscriber| subscriber.show(state));
        }
    }

    /// Lets a task go on, so that no caller reduces for others without end.
    fn offload(self: &Arc<Self>) {
        self.offloaded.store(true, Ordering::SeqCst);
        let drain = self.drain_task();
        self.spawner.spawn(Task::of_engine(drain));
    }

    fn drain_task(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<R> {
        let offloaded = DrainTask {
            engine: Arc::clone(self),
            finished: false,
        };
        async move {
            while offloaded.run() {
                yield_once().await;
            }
            offloaded.finish();
        }
    }
}

/// The drain as a task. Callers drain themselves again when it ends.
struct DrainTask<R: Reducer> {
    engine: Arc<Engine<R>>,
    finished: bool,
}

impl<R: Reducer> DrainTask<R> {
    fn run(&self) -> bool {
        self.engine.run(&mut self.engine.state.lock())
    }

    fn finish(mut self) {
        self.finished = true;
    }
}

impl<R: Reducer> Drop for DrainTask<R> {
    fn drop(&mut self) {
        self.engine.offloaded.store(false, Ordering::SeqCst);
        // A runtime that is gone drops the task: the next caller goes on, moving again would only repeat this.
        if self.finished {
            self.engine.drain();
        }
    }
}

/// How long one caller reduces for others.
struct Budget {
    timed: bool,
    reduced: u32,
    started: Option<Instant>,
}

impl Budget {
    const ACTIONS: u32 = 1_024;
    const TIME: Duration = Duration::from_micros(500);
    /// Reading the clock costs as much as a reduce: it is read after 1, 2, 4, … actions, then once in so many.
    const STRIDE: u32 = 32;

    const fn new(timed: bool) -> Self {
        Self {
            timed,
            reduced: 0,
            started: None,
        }
    }

    fn is_spent(&mut self) -> bool {
        self.reduced += 1;
        if !self.timed {
            return self.reduced >= Self::ACTIONS;
        }
        if !self.reduced.is_power_of_two() && !self.reduced.is_multiple_of(Self::STRIDE) {
            return false;
        }
        let started = *self.started.get_or_insert_with(Instant::now);
        self.reduced >= Self::ACTIONS || started.elapsed() >= Self::TIME
    }
}

/// Lets other tasks run.
pub(super) async fn yield_once() {
    let mut yielded = false;
    futures::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
