//! Whoever has the state's lock reduces what is there.

use std::{
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::{Duration, Instant},
};

use composable_rust_core::Reducer;

use super::{
    core::{Core, Engine},
    spawn::Task,
};

impl<R: Reducer> Core<R> {
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
            if self.moved.load(Ordering::SeqCst) {
                return;
            }
            let Some(mut core) = self.try_core() else { return };
            let more = self.run(&mut core);
            drop(core);
            if more {
                return self.move_drain();
            }
            fence(Ordering::SeqCst);
            if self.inbox.is_empty() {
                return self.rested();
            }
        }
    }

    /// What the one who has just let go of the lock owes to the others.
    pub(super) fn after_drain(self: &Arc<Self>, more: bool) {
        if more {
            return self.move_drain();
        }
        fence(Ordering::SeqCst);
        if !self.inbox.is_empty() {
            self.drain();
        } else if !self.lifecycle.is_open() {
            self.rested();
        }
    }

    /// Tells a shutdown that there may be nothing left to do.
    fn rested(&self) {
        if !self.lifecycle.is_open() {
            self.running.changed.notify_waiters();
        }
    }

    /// Reduces until nothing waits or the budget is spent, then shows the state; whether something still waits.
    pub(super) fn run(self: &Arc<Self>, core: &mut Core<R>) -> bool {
        let mut budget = Budget::new(self.timed);
        let more = loop {
            if core.queue.is_empty() {
                self.take(core);
            }
            let Some(item) = core.queue.pop_front() else {
                break false;
            };
            core.freed += u64::from(item.bounded);
            if core.freed > 0 && (core.queue.is_empty() || core.freed >= self.inbox.stride()) {
                self.inbox.release(std::mem::take(&mut core.freed));
            }
            self.reduce(core, item);
            if budget.is_spent() {
                break !core.queue.is_empty() || !self.inbox.is_empty();
            }
        };
        self.publish(core);
        more
    }

    /// Moves what came in behind what waits.
    pub(super) fn take(&self, core: &mut Core<R>) {
        let known = core.subscribers.len();
        self.inbox.take(&mut core.queue, &mut core.subscribers);
        // Newcomers are shown the state at the end of this drain, also if nothing changes in it.
        core.changed |= core.subscribers.len() > known;
    }

    fn publish(&self, core: &mut Core<R>) {
        let changed = std::mem::take(&mut core.changed);
        if core.subscribers.is_empty() {
            return;
        }
        if !self.lifecycle.is_live() {
            for mut subscriber in core.subscribers.drain(..) {
                subscriber.end(self.lifecycle.reason());
            }
        } else if changed {
            let state = &core.state;
            core.subscribers.retain_mut(|subscriber| subscriber.show(state));
        }
    }

    /// Lets a task go on, so that no caller reduces for others without end.
    fn move_drain(self: &Arc<Self>) {
        self.moved.store(true, Ordering::SeqCst);
        let drain = self.drain_task();
        self.spawner.spawn(Task::of_engine(drain));
    }

    fn drain_task(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<R> {
        let moved = Moved {
            engine: Arc::clone(self),
            finished: false,
        };
        async move {
            while moved.run() {
                yield_once().await;
            }
            moved.finish();
        }
    }
}

/// The drain as a task. Callers drain themselves again when it ends.
struct Moved<R: Reducer> {
    engine: Arc<Engine<R>>,
    finished: bool,
}

impl<R: Reducer> Moved<R> {
    fn run(&self) -> bool {
        self.engine.run(&mut self.engine.core())
    }

    fn finish(mut self) {
        self.finished = true;
    }
}

impl<R: Reducer> Drop for Moved<R> {
    fn drop(&mut self) {
        self.engine.moved.store(false, Ordering::SeqCst);
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
