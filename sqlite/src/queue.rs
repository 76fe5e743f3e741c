//! Group commit: appends that arrive while a commit is in flight share the next one.
//!
//! The first append that finds nobody writing starts a task that writes until the queue is empty, and ends. So an idle
//! store has no task, one append at a time meets no timer and no batch, and a store outlives the runtime that wrote
//! last. The task is not the caller: a caller may be dropped in the middle, and the others depend on the writing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use composable_rust_core::{AppendError, StreamAppend};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
};

use crate::{
    append,
    connection::Connections,
    failure::Stopped,
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
    writing: bool,
    closed: bool,
    since_checkpoint: usize,
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
        let (job, answer) = Job::new(appends);
        self.push(job)?;
        answer.await.unwrap_or_else(|closed| Err(job::unanswered(closed)))
    }

    fn push(self: &Arc<Self>, job: Job) -> Result<(), AppendError> {
        let unavailable = |why: Stopped| AppendError::Unavailable(why.source());
        let runtime = Handle::try_current().map_err(|_| unavailable(Stopped::NoRuntime))?;
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(unavailable(Stopped::Closed));
        }
        waiting.jobs.push_back(job);
        if !std::mem::replace(&mut waiting.writing, true) {
            // Not under the lock: a runtime that is shutting down drops the task at once.
            drop(waiting);
            runtime.spawn(Writing::of(Arc::clone(self)).until_empty());
        }
        Ok(())
    }

    /// Refuses further appends and waits for those that are under way.
    pub(crate) async fn close(&self) {
        self.waiting().closed = true;
        loop {
            let drained = self.drained.notified();
            if !self.waiting().writing {
                return;
            }
            drained.await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_group(&self) -> Vec<Job> {
        let mut waiting = self.waiting();
        let (mut jobs, mut events, mut bytes) = (0, 0, 0);
        for job in &waiting.jobs {
            events += job.events;
            bytes += job.bytes;
            if jobs > 0 && (jobs == GROUP_JOBS || events > GROUP_EVENTS || bytes > GROUP_BYTES) {
                break;
            }
            jobs += 1;
        }
        waiting.jobs.drain(..jobs).collect()
    }

    /// Whether there was nothing left to write; if so, the next append starts a task of its own.
    fn finish(&self) -> bool {
        let mut waiting = self.waiting();
        if waiting.jobs.is_empty() {
            waiting.writing = false;
        }
        !waiting.writing
    }

    fn checkpoint_is_due(&self) -> bool {
        let mut waiting = self.waiting();
        let due = waiting.since_checkpoint > CHECKPOINT_BYTES;
        if due {
            waiting.since_checkpoint = 0;
        }
        due
    }
}

/// The right to write, held by one task at a time.
struct Writing {
    queue: Arc<Queue>,
    finished: bool,
}

impl Writing {
    const fn of(queue: Arc<Queue>) -> Self {
        Self { queue, finished: false }
    }

    async fn until_empty(mut self) {
        while !self.finished {
            let group = self.queue.next_group();
            if !group.is_empty() {
                self.write(group).await;
                self.let_others_speak().await;
            } else if self.queue.checkpoint_is_due() {
                append::checkpoint(&self.queue.writer).await;
            } else {
                self.finished = self.queue.finish();
            }
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

    async fn write(&self, group: Vec<Job>) {
        // What an event takes beside its data: a row's other columns and three index entries, roughly.
        let bytes: usize = group.iter().map(|job| job.bytes + 256 * job.events).sum();
        self.queue.waiting().since_checkpoint += bytes;
        append::group(&self.queue.writer, group, &self.queue.trust).await;
    }
}

impl Drop for Writing {
    /// When the runtime ends in the middle, those who wait are told: their replies are dropped with their jobs.
    fn drop(&mut self) {
        if !self.finished {
            let mut waiting = self.queue.waiting();
            waiting.writing = false;
            let abandoned = std::mem::take(&mut waiting.jobs);
            drop(waiting);
            drop(abandoned);
        }
        self.queue.drained.notify_waiters();
    }
}
