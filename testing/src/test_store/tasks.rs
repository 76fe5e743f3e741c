//! The tasks of a test store: run on the test's own thread, in the order they became ready.

use std::{
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use composable_rust_runtime::{
    __testing::{AbsentChild, Spawn, Task},
    EffectPanic,
};
use futures::{future::BoxFuture, task::AtomicWaker};

use crate::clock::polled::Polled;

/// So many polls in a row are no progress any more.
const TOO_MANY: u32 = 1_000_000;

/// The tasks of a test store.
///
/// An executor of its own instead of the test's runtime: nothing runs but when the test says so, what is ready runs in
/// the order in which it became so, and "nothing is ready" is a fact and not a guess after some yields.
#[derive(Default)]
pub(super) struct Tasks {
    waiting: Mutex<HashMap<u64, Running>>,
    ready: Mutex<VecDeque<u64>>,
    numbers: AtomicU64,
    /// Who waits for a task to become ready.
    test: AtomicWaker,
    panics: Mutex<Vec<EffectPanic>>,
    absent: Mutex<Vec<AbsentChild>>,
}

struct Running {
    effect: Option<u64>,
    future: BoxFuture<'static, ()>,
    waker: Arc<TaskWaker>,
}

struct TaskWaker {
    number: u64,
    state: AtomicU8,
    tasks: Weak<Tasks>,
}

const WAITING: u8 = 0;
const READY: u8 = 1;
const POLLED: u8 = 2;
/// Woken while it was polled: it becomes ready when it lets go, behind what it has spawned and woken itself, as on
/// tokio.
const WOKEN: u8 = 3;

impl TaskWaker {
    fn became_ready(&self) {
        if let Some(tasks) = self.tasks.upgrade() {
            lock(&tasks.ready).push_back(self.number);
            tasks.test.wake();
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = |state| match state {
            WAITING => Some(READY),
            POLLED => Some(WOKEN),
            _ => None,
        };
        let before = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, woken);
        if before == Ok(WAITING) {
            self.became_ready();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tasks know their tasks, so that they can spawn from anywhere.
pub(super) struct Spawner(pub(super) Weak<Tasks>);

impl Spawn for Spawner {
    fn spawn(&self, task: Task) {
        if let Some(tasks) = self.0.upgrade() {
            tasks.add(task);
        }
    }

    fn panicked(&self, panic: EffectPanic) {
        if let Some(tasks) = self.0.upgrade() {
            lock(&tasks.panics).push(panic);
        }
    }

    fn absent_child(&self, child: AbsentChild) {
        if let Some(tasks) = self.0.upgrade() {
            lock(&tasks.absent).push(child);
        }
    }

    fn is_timed(&self) -> bool {
        false
    }
}

impl Tasks {
    fn add(self: &Arc<Self>, task: Task) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let waker = Arc::new(TaskWaker {
            number,
            state: AtomicU8::new(READY),
            tasks: Arc::downgrade(self),
        });
        let running = Running {
            effect: task.effect,
            // In a test on tokio everything here is polled by one task of its: its budget is not meant for so many.
            future: Box::pin(tokio::task::unconstrained(task.future)),
            waker,
        };
        lock(&self.waiting).insert(number, running);
        lock(&self.ready).push_back(number);
        self.test.wake();
    }

    /// Runs what is ready until nothing is; `false` when there is no end to it.
    pub(super) fn run(&self) -> bool {
        for _ in 0..TOO_MANY {
            let Some(number) = lock(&self.ready).pop_front() else {
                return true;
            };
            let running = lock(&self.waiting).remove(&number);
            if let Some(running) = running {
                self.poll(running);
            }
        }
        false
    }

    /// Outside of every lock: the task may spawn and wake.
    fn poll(&self, mut running: Running) {
        running.waker.state.store(POLLED, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&running.waker));
        let entered = Polled {
            effect: running.effect,
            wait: None,
        }
        .enter();
        let future = running.future.as_mut();
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(&waker))));
        drop(entered);
        if !matches!(polled, Ok(Poll::Pending)) {
            return;
        }
        let task = Arc::clone(&running.waker);
        lock(&self.waiting).insert(task.number, running);
        let rests = task
            .state
            .compare_exchange(POLLED, WAITING, Ordering::SeqCst, Ordering::SeqCst);
        if rests.is_err() {
            task.state.store(READY, Ordering::SeqCst);
            task.became_ready();
        }
    }

    /// Whether nothing is ready.
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.ready).is_empty()
    }

    /// Wakes `test` when something becomes ready.
    pub(super) fn tell(&self, test: &Waker) {
        self.test.register(test);
    }

    pub(super) fn take_panics(&self) -> Vec<EffectPanic> {
        std::mem::take(&mut *lock(&self.panics))
    }

    pub(super) fn take_absent(&self) -> Vec<AbsentChild> {
        std::mem::take(&mut *lock(&self.absent))
    }

    /// Drops everything: tasks know the store, which knows the tasks.
    pub(super) fn clear(&self) {
        let tasks = std::mem::take(&mut *lock(&self.waiting));
        drop(tasks);
    }
}
