//! Group commit: appends that arrive while commits are in flight share the next one.
//!
//! An append that finds a free place among the groups in flight goes at once, so one append at a time meets no timer and
//! no batch. A group is written by a task: a caller may be dropped in the middle, and the others depend on the writing.
//! Each runtime has a lane of its own, since a task runs only while somebody drives its runtime, and whoever waits for it
//! does. Callers of several runtimes meet in the database, as those of several processes do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use composable_rust_core::{AppendError, StreamAppend};
use tokio::{
    runtime::{Handle, Id},
    sync::Notify,
};

use crate::{
    append,
    connection::Connections,
    failure::Stopped,
    job::{self, Answer, Job},
    lane::{Group, Lane},
    notify::Announcer,
};

/// How often others are let speak between two groups, at most.
const YIELDS: usize = 8;

#[derive(Debug)]
pub(crate) struct Queue {
    connections: Arc<Connections>,
    lanes: Mutex<Lanes>,
    announcer: Arc<Announcer>,
    drained: Notify,
}

#[derive(Debug, Default)]
struct Lanes {
    by_runtime: HashMap<Id, Lane>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(connections: Arc<Connections>, announcer: Arc<Announcer>) -> Arc<Self> {
        Arc::new(Self {
            connections,
            lanes: Mutex::default(),
            announcer,
            drained: Notify::new(),
        })
    }

    pub(crate) async fn append(self: &Arc<Self>, appends: Vec<StreamAppend>) -> Answer {
        let unavailable = |why: Stopped| AppendError::Unavailable(why.source());
        let runtime = Handle::try_current().map_err(|_| unavailable(Stopped::NoRuntime))?;
        let (job, answer) = Job::new(appends);
        self.push(job, runtime.id()).map_err(unavailable)?;
        self.write_on(&runtime);
        answer.await.unwrap_or_else(|closed| Err(job::unanswered(closed)))
    }

    fn push(&self, job: Job, runtime: Id) -> Result<(), Stopped> {
        let mut lanes = self.lanes();
        if lanes.closed {
            return Err(Stopped::Closed);
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

    /// Refuses further appends and waits for those that are under way.
    pub(crate) async fn close(&self) {
        self.lanes().closed = true;
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
            append::group(&self.queue.connections, jobs, &self.queue.announcer).await;
            self.in_lane(|lane| lane.written(&streams));
            self.let_others_speak().await;
            next = self.go_on();
        }
        self.finished = true;
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
