//! Group commit: appends that arrive while a commit is in flight share the next one.
//!
//! The first append that finds nobody writing starts a task that writes until the queue is empty, and ends. So an idle
//! store has no task, one append at a time meets no timer and no batch, and a store outlives the runtime that wrote
//! last. The task is not the caller: a caller may be dropped in the middle, and the others depend on the writing.
//!
//! Who was answered may never drive its runtime again, and with it the task that answered. So the right to write is
//! held only during a commit. Before the answers it is but promised to the task, and whoever comes from another runtime
//! takes it over; the answered ones of the same runtime drive the task by waiting, and go on sharing its commits.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use composable_rust_core::{AppendError, StreamAppend};
use tokio::{
    runtime::{Handle, Id},
    sync::{Notify, watch},
};

use crate::{
    append,
    connection::Connections,
    errors::Stopped,
    job::{self, Answer, Job},
    trust::Trust,
};

/// What one transaction takes at most, unless a single append is larger: others should not wait for ever behind it.
const GROUP_JOBS: usize = 1024;
const GROUP_EVENTS: usize = 8192;
const GROUP_BYTES: usize = 16 << 20;

/// The write-ahead log is moved into the file in a quiet moment once so many bytes of events have been written.
const CHECKPOINT_BYTES: usize = 8 << 20;

/// How often others are let speak between two groups, at most.
const YIELDS: usize = 8;

#[derive(Debug)]
pub(crate) struct Queue {
    writer: Arc<Connections>,
    waiting: Mutex<Waiting>,
    trust: Trust,
    drained: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    right: Right,
    turns: u64,
    closed: bool,
    since_checkpoint: usize,
}

/// The right to write. Each task has a turn of its own, and knows by it whether the right is still its own.
#[derive(Debug, Default)]
enum Right {
    #[default]
    Free,
    /// A task of this runtime will write when it runs next, if nobody from another runtime takes over before.
    Promised { turn: u64, runtime: Id },
    /// A commit is under way.
    Taken { turn: u64 },
}

impl Waiting {
    /// A turn for a new task on this runtime; `None` while another one writes, or will as soon as this runtime runs.
    fn promise_to(&mut self, runtime: Id) -> Option<u64> {
        match self.right {
            Right::Taken { .. } => return None,
            Right::Promised { runtime: other, .. } if other == runtime => return None,
            Right::Promised { .. } | Right::Free => {}
        }
        self.turns += 1;
        let turn = self.turns;
        self.right = Right::Promised { turn, runtime };
        Some(turn)
    }

    fn is_done(&self) -> bool {
        self.jobs.is_empty() && !matches!(self.right, Right::Taken { .. })
    }

    const fn is_turn_of(&self, own: u64) -> bool {
        matches!(self.right, Right::Promised { turn, .. } | Right::Taken { turn } if turn == own)
    }

    /// Where somebody waits who may not be helped by the runtime `own`.
    fn other_runtime(&self, own: Id) -> Option<Handle> {
        let mut others = self.jobs.iter().filter(|job| job.runtime.id() != own);
        let waiting = others.find(|job| job.reply.is_awaited())?;
        Some(waiting.runtime.clone())
    }
}

impl Queue {
    pub(crate) fn new(writer: Arc<Connections>) -> Arc<Self> {
        Arc::new(Self {
            writer,
            waiting: Mutex::default(),
            trust: Trust::new(),
            drained: Notify::new(),
        })
    }

    pub(crate) fn committed(&self) -> watch::Receiver<i64> {
        self.trust.subscribe()
    }

    pub(crate) async fn append(self: &Arc<Self>, appends: Vec<StreamAppend>) -> Answer {
        let unavailable = |why: Stopped| AppendError::from(why.unavailable());
        let runtime = Handle::try_current().map_err(|_| unavailable(Stopped::NoRuntime))?;
        let (job, answer) = Job::new(appends, runtime.clone());
        self.push(job).map_err(unavailable)?;
        self.write_on(&runtime);
        answer.await.unwrap_or_else(|closed| Err(job::unanswered(closed)))
    }

    fn push(&self, job: Job) -> Result<(), Stopped> {
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(Stopped::Closed);
        }
        waiting.jobs.push_back(job);
        Ok(())
    }

    /// Sees to it that what waits is written, by this runtime unless another one is at it.
    fn write_on(self: &Arc<Self>, runtime: &Handle) {
        let turn = self.waiting().promise_to(runtime.id());
        // Not under the lock: a runtime that is shutting down drops the task at once.
        if let Some(turn) = turn {
            runtime.spawn(Writing::of(Arc::clone(self), turn, runtime.clone()).until_empty());
        }
    }

    /// Refuses further appends and waits for those that are under way.
    pub(crate) async fn close(self: &Arc<Self>) {
        self.waiting().closed = true;
        let runtime = Handle::try_current();
        loop {
            let drained = self.drained.notified();
            if self.waiting().is_done() {
                return;
            }
            // What another runtime was to write is written by this one, unless it is at it.
            if let Ok(runtime) = &runtime {
                self.write_on(runtime);
            }
            drained.await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the task with this turn writes next; `None` when it is done, or another task has its place.
    fn next_group(&self, turn: u64) -> Option<Vec<Job>> {
        let mut waiting = self.waiting();
        if !waiting.is_turn_of(turn) {
            return None;
        }
        if waiting.jobs.is_empty() {
            waiting.right = Right::Free;
            return None;
        }
        waiting.right = Right::Taken { turn };
        let (mut jobs, mut events, mut bytes) = (0, 0, 0);
        for job in &waiting.jobs {
            events += job.events;
            bytes += job.bytes;
            if jobs > 0 && (jobs == GROUP_JOBS || events > GROUP_EVENTS || bytes > GROUP_BYTES) {
                break;
            }
            jobs += 1;
        }
        Some(waiting.jobs.drain(..jobs).collect())
    }

    /// Gives the right up after a commit: to the runtime of somebody who still waits and is on another one, or else to
    /// the task that had it, for when its runtime runs again.
    fn pass_on(self: &Arc<Self>, turn: u64, runtime: Id) {
        let mut waiting = self.waiting();
        let other = waiting.other_runtime(runtime);
        waiting.right = Right::Promised { turn, runtime };
        drop(waiting);
        if let Some(other) = other {
            self.write_on(&other);
        }
        self.drained.notify_waiters();
    }

    /// Takes the right from a task that ends in the middle, with the appends that only its runtime could have written.
    fn abandon(self: &Arc<Self>, turn: u64, runtime: Id) {
        let mut waiting = self.waiting();
        if !waiting.is_turn_of(turn) {
            return;
        }
        waiting.right = Right::Free;
        let (abandoned, others) = std::mem::take(&mut waiting.jobs)
            .into_iter()
            .partition(|job| job.runtime.id() == runtime);
        waiting.jobs = others;
        let other = waiting.other_runtime(runtime);
        drop(waiting);
        drop::<VecDeque<Job>>(abandoned);
        if let Some(other) = other {
            self.write_on(&other);
        }
        self.drained.notify_waiters();
    }

    fn checkpoint_is_due(&self) -> bool {
        let waiting = self.waiting();
        matches!(waiting.right, Right::Free) && waiting.since_checkpoint > CHECKPOINT_BYTES
    }

    /// Moves the write-ahead log into the file, unless somebody has the connection again: then it is no quiet moment.
    /// In a thread for what blocks, since the connection must come back whether the runtime is driven or not.
    fn checkpoint_on(&self, runtime: &Handle) {
        if let Some(lease) = self.writer.try_lease() {
            self.waiting().since_checkpoint = 0;
            let driver = runtime.clone();
            runtime.spawn_blocking(move || driver.block_on(append::checkpoint(lease)));
        }
    }
}

/// A task that writes, on its runtime.
struct Writing {
    queue: Arc<Queue>,
    turn: u64,
    runtime: Handle,
}

impl Writing {
    const fn of(queue: Arc<Queue>, turn: u64, runtime: Handle) -> Self {
        Self { queue, turn, runtime }
    }

    async fn until_empty(self) {
        while let Some(group) = self.queue.next_group(self.turn) {
            self.write(group).await;
            self.let_others_speak().await;
        }
        if self.queue.checkpoint_is_due() {
            self.queue.checkpoint_on(&self.runtime);
        }
    }

    /// Those who were answered may have more to say, and share the next commit if they are let speak: until nobody new
    /// does. No timer: where nobody else has anything to do, this takes no time.
    async fn let_others_speak(&self) {
        let mut known = self.queue.waiting().jobs.len();
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
            let waiting = self.queue.waiting().jobs.len();
            if waiting == known {
                return;
            }
            known = waiting;
        }
    }

    async fn write(&self, mut group: Vec<Job>) {
        // What an event takes beside its data: a row's other columns and three index entries, roughly.
        let bytes: usize = group.iter().map(|job| job.bytes + 256 * job.events).sum();
        self.queue.waiting().since_checkpoint += bytes;
        let answers = append::group(&self.queue.writer, &mut group, &self.queue.trust).await;
        // Before anybody is answered, and with no await in between.
        self.queue.pass_on(self.turn, self.runtime.id());
        for (job, answer) in group.iter_mut().zip(answers) {
            job.reply.send(answer);
        }
    }
}

impl Drop for Writing {
    /// When the runtime ends in the middle, those who wait are told: their replies are dropped with their jobs.
    fn drop(&mut self) {
        self.queue.abandon(self.turn, self.runtime.id());
    }
}
