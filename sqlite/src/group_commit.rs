//! Group commit: appends that arrive while a commit is under way share the next one.
//!
//! One task owns the queue and the connection that writes. It runs on the store's runtime from opening to closing; callers
//! send it their appends and wait for the answer, so nothing depends on how callers are polled. An idle store's task waits
//! for the channel: no timer, no lock.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use composable_rust_core::{AppendError, SnapshotError, StreamAppend};
use futures::{
    FutureExt,
    future::{Either, select},
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    commit_task::CommitTask,
    deadline::{Deadline, Elapsed},
    errors::{self, StoreStopped},
    limits::Limits,
    pending_append::{Answer, PendingAppend},
    pending_snapshot::{self, PendingSnapshot},
    runtime::StoreRuntime,
    writer::Writer,
};

/// What the group-commit task is asked to do.
#[derive(Debug)]
pub(crate) enum Request {
    Append(PendingAppend),
    Snapshot(PendingSnapshot),
}

impl Request {
    fn fail(mut self, stopped: StoreStopped) {
        match &mut self {
            Self::Append(pending) => pending.reply.fail(stopped),
            Self::Snapshot(pending) => pending.fail(stopped),
        }
    }

    async fn caller_left(&mut self) {
        match self {
            Self::Append(pending) => pending.reply.caller_left().await,
            Self::Snapshot(pending) => pending.caller_left().await,
        }
    }
}

/// The callers' side of the group-commit task.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    requests: mpsc::Sender<Request>,
    runtime: StoreRuntime,
    limits: Limits,
    is_closed: AtomicBool,
    stop: watch::Sender<bool>,
    /// Its sender is dropped when the task has ended.
    running: watch::Receiver<()>,
}

impl GroupCommit {
    /// Starts the task. Its queue holds `max_queued` requests.
    pub(crate) fn start(writer: Writer, runtime: StoreRuntime, max_queued: usize) -> Arc<Self> {
        let (requests, queue) = mpsc::channel(max_queued);
        let (stop, stopped) = watch::channel(false);
        let (alive, running) = watch::channel(());
        let limits = writer.limits;
        let task = CommitTask::new(queue, stopped, writer);
        runtime.spawn(async move {
            task.run().await;
            drop(alive);
        });
        Arc::new(Self {
            requests,
            runtime,
            limits,
            is_closed: AtomicBool::new(false),
            stop,
            running,
        })
    }

    /// How many requests wait in the queue.
    pub(crate) fn queued(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Whether the task still takes requests.
    pub(crate) fn check_running(&self) -> Result<(), StoreStopped> {
        if self.is_closed.load(Ordering::Acquire) || self.requests.is_closed() {
            return Err(self.why_closed());
        }
        Ok(())
    }

    pub(crate) async fn append(&self, appends: Vec<StreamAppend>) -> Answer {
        let (pending, awaited) = PendingAppend::new(appends, Deadline::after(self.limits.acquire));
        self.send(Request::Append(pending));
        awaited.answer(&self.runtime).await
    }

    pub(crate) async fn snapshot(
        &self,
        pending: PendingSnapshot,
        answer: oneshot::Receiver<pending_snapshot::Answer>,
    ) -> pending_snapshot::Answer {
        self.send(Request::Snapshot(pending));
        let failed = |stopped: StoreStopped| -> SnapshotError { errors::of_snapshot(stopped, "".as_ref()) };
        match self.runtime.wait(answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(failed(StoreStopped::RuntimeEnded)),
            Err(stopped) => Err(failed(stopped)),
        }
    }

    fn send(&self, request: Request) {
        if self.is_closed.load(Ordering::Acquire) {
            return request.fail(StoreStopped::Closed);
        }
        match self.requests.try_reserve() {
            Ok(permit) => permit.send(request),
            Err(mpsc::error::TrySendError::Closed(())) => request.fail(self.why_closed()),
            Err(mpsc::error::TrySendError::Full(())) => self.send_when_there_is_room(request),
        }
    }

    /// Waits for room in the queue, in the order of calls: the first poll takes the place in the line. The rest of the
    /// waiting needs a timer, so it happens on the store's runtime.
    fn send_when_there_is_room(&self, request: Request) {
        let mut room = Box::pin(self.requests.clone().reserve_owned());
        match room.as_mut().now_or_never() {
            Some(Ok(permit)) => drop(permit.send(request)),
            Some(Err(_)) => request.fail(self.why_closed()),
            None => {
                let deadline = Deadline::after(self.limits.acquire);
                self.runtime.spawn(send_by(deadline, room, request));
            }
        }
    }

    fn why_closed(&self) -> StoreStopped {
        if self.is_closed.load(Ordering::Acquire) {
            StoreStopped::Closed
        } else {
            StoreStopped::RuntimeEnded
        }
    }

    /// Takes no further requests, and waits until those that were taken are answered.
    pub(crate) async fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.stop.send_replace(true);
        let mut running = self.running.clone();
        while running.changed().await.is_ok() {}
    }
}

type Permit = mpsc::OwnedPermit<Request>;

async fn send_by(
    deadline: Deadline,
    room: impl Future<Output = Result<Permit, mpsc::error::SendError<()>>> + Unpin,
    mut request: Request,
) {
    let room = {
        let waited = Box::pin(deadline.run(room));
        match select(waited, Box::pin(request.caller_left())).await {
            Either::Left((room, _)) => room,
            Either::Right(_) => return,
        }
    };
    match room {
        Ok(Ok(permit)) => drop(permit.send(request)),
        Ok(Err(_)) => request.fail(StoreStopped::Closed),
        Err(Elapsed) => request.fail(StoreStopped::Overloaded),
    }
}

/// The first answer of an append of one entry.
pub(crate) fn first(answer: Answer) -> Result<composable_rust_core::Appended, AppendError> {
    answer?.first().copied().ok_or(AppendError::NoEvents)
}
