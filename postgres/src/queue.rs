//! Group commit: appends that arrive while commits are in flight share the next one.
//!
//! An append that finds no group in flight goes at once, so one append at a time meets no timer and no batch; what comes
//! then shares the next group, unless the one in flight is held up. A group is written by a task: a caller may be dropped in the middle, and the others depend on the writing.
//! Each runtime has a lane of its own, since a task runs only while somebody drives its runtime, and whoever waits for it
//! does. Callers of several runtimes meet in the database, as those of several processes do.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use composable_rust_core::{AppendError, StreamAppend};
use tokio::{
    runtime::{Handle, Id},
    sync::Notify,
    time::timeout,
};
use tracing::{Instrument, Span};

use crate::{
    append,
    errors::StoreStopped,
    job::{self, Answer, Job},
    lane::{Group, Lane},
    notify::Notifier,
    pool::Pool,
};

/// A group that takes longer waits for a lock that somebody else holds, or for a slow disk: others go past it.
const HELD_UP: Duration = Duration::from_millis(20);

/// How often others are let speak between two groups, at most.
const YIELDS: usize = 8;

#[derive(Debug)]
pub(crate) struct Queue {
    connections: Arc<Pool>,
    lanes: Mutex<Lanes>,
    announcer: Arc<Notifier>,
    drained: Notify,
}

#[derive(Debug, Default)]
struct Lanes {
    by_runtime: HashMap<Id, Lane>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(connections: Arc<Pool>, announcer: Arc<Notifier>) -> Arc<Self> {
        Arc::new(Self {
            connections,
            lanes: Mutex::default(),
            announcer,
            drained: Notify::new(),
        })
    }

    pub(crate) async fn append(self: &Arc<Self>, appends: Vec<StreamAppend>) -> Answer {
        let unavailable = |why: StoreStopped| AppendError::from(why.unavailable());
        let runtime = self.connections.handle().clone();
        let span = span(&appends);
        let (job, answer) = Job::new(appends);
        self.push(job, runtime.id()).map_err(unavailable)?;
        self.write_on(&runtime);
        let answer = answer.instrument(span).await;
        answer.unwrap_or_else(|closed| Err(job::unanswered(closed)))
    }

    fn push(&self, job: Job, runtime: Id) -> Result<(), StoreStopped> {
        let mut lanes = self.lanes();
        if lanes.closed {
            return Err(StoreStopped::Closed);
        }
        lanes.by_runtime.entry(runtime).or_default().push(job);
        Ok(())
    }

    /// Starts whatever may be written beside what is in flight.
    fn write_on(self: &Arc<Self>, runtime: &Handle) {
        while let Some(group) = self.next(runtime.id()) {
            let writing = Writing {
                queue: Arc::clone(self),
                runtime: runtime.clone(),
                alone: group.is_alone(),
                finished: false,
            };
            // Not under the lock: a runtime that is shutting down drops the task at once.
            runtime.spawn(writing.from(group));
        }
    }

    fn next(&self, runtime: Id) -> Option<Group> {
        self.lanes().by_runtime.get_mut(&runtime)?.next()
    }

    /// Refuses further appends and waits for those that are under way: no longer than for a connection, since on a runtime
    /// that nobody drives any more they are for ever.
    pub(crate) async fn close(&self) {
        self.lanes().closed = true;
        if timeout(self.connections.limits().acquire, self.drain()).await.is_err() {
            tracing::warn!("closing, though appends are still under way");
        }
    }

    async fn drain(&self) {
        loop {
            let drained = self.drained.notified();
            if self.lanes().by_runtime.is_empty() {
                return;
            }
            drained.await;
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self, runtime: Id) -> usize {
        self.lanes().by_runtime.get(&runtime).map_or(0, Lane::waiting)
    }
}

fn span(appends: &[StreamAppend]) -> Span {
    if let [append] = appends {
        return tracing::debug_span!(
            "append",
            stream_id = %append.stream_id,
            expected_version = %append.expected,
            events = append.events.len(),
        );
    }
    let events = appends.iter().map(|append| append.events.len()).sum::<usize>();
    tracing::debug_span!("append_batch", streams = appends.len(), events)
}

/// A task that writes, on its runtime.
struct Writing {
    queue: Arc<Queue>,
    runtime: Handle,
    alone: bool,
    finished: bool,
}

impl Writing {
    async fn from(mut self, first: Group) {
        let mut next = Some(first);
        while let Some(Group { jobs, streams, .. }) = next {
            let callers = jobs.len();
            self.write(jobs).await;
            self.in_lane(|lane| lane.written(&streams));
            // One caller alone meets nobody: his next append starts a task of its own, which costs less than to wait for it.
            if callers > 1 || self.queue.waiting(self.runtime.id()) > 0 {
                self.let_others_speak().await;
            }
            next = self.go_on();
        }
        self.finished = true;
    }

    /// Writes a group, and lets others go past it when it takes long. No append ever waits for this clock.
    async fn write(&self, jobs: Vec<Job>) {
        let mut writing = pin!(append::group(&self.queue.connections, jobs, &self.queue.announcer));
        if self.alone {
            return writing.await;
        }
        if timeout(HELD_UP, &mut writing).await.is_ok() {
            return;
        }
        self.in_lane(|lane| lane.held_up(true));
        self.queue.write_on(&self.runtime);
        writing.await;
        self.in_lane(|lane| lane.held_up(false));
    }

    /// Those who were answered may have more to say, and share the next commit if they are let speak: until nobody new
    /// does. No timer: where nobody else has anything to do, this takes no time.
    async fn let_others_speak(&self) {
        let mut known = self.queue.waiting(self.runtime.id());
        for _ in 0..YIELDS {
            tokio::task::yield_now().await;
            let waiting = self.queue.waiting(self.runtime.id());
            if waiting == known {
                return;
            }
            known = waiting;
        }
    }

    /// Gives up the place, and takes whichever is free again if there is more to do.
    fn go_on(&mut self) -> Option<Group> {
        let alone = self.alone;
        let next = self.in_lane(|lane| {
            lane.leave(alone);
            lane.next()
        });
        let next = next.flatten();
        if let Some(group) = &next {
            self.alone = group.is_alone();
            // What was written may have held back more than one group.
            self.queue.write_on(&self.runtime);
        } else {
            self.queue.tidy(self.runtime.id());
        }
        next
    }

    fn in_lane<T>(&self, change: impl FnOnce(&mut Lane) -> T) -> Option<T> {
        self.queue.lanes().by_runtime.get_mut(&self.runtime.id()).map(change)
    }
}

impl Queue {
    /// Forgets a lane without work.
    fn tidy(&self, runtime: Id) {
        let mut lanes = self.lanes();
        if lanes.by_runtime.get(&runtime).is_some_and(Lane::is_done) {
            lanes.by_runtime.remove(&runtime);
            self.drained.notify_waiters();
        }
    }
}

impl Drop for Writing {
    /// When the runtime ends in the middle, those who wait are told: their replies are dropped with their jobs.
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let abandoned = self.queue.lanes().by_runtime.remove(&self.runtime.id());
        drop(abandoned);
        self.queue.drained.notify_waiters();
    }
}
