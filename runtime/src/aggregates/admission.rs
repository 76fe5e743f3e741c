//! Limits how many commands run or wait at once, and rejects new ones after shutdown.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use composable_rust_core::Aggregate;
use futures::future::BoxFuture;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    ExecuteError, Host,
    request::{PendingCommand, Request},
    waiting::{Waiting, WaitingQueue},
};
use crate::wait_group::{WaitGroup, WaitToken};

/// The bound on commands of a host. Commands beyond it wait in order; a task admits them, so that a caller that is not polled
/// takes no place that it does not use.
pub(super) struct Admission<A: Aggregate> {
    permits: Arc<Semaphore>,
    /// All commands, also those that wait for admission.
    pending: Arc<WaitGroup>,
    is_closed: AtomicBool,
    /// Whether commands wait for admission: no later one overtakes them.
    is_crowded: AtomicBool,
    // A std Mutex: nothing awaits while it is held, and nothing of the user's is dropped.
    applicants: Mutex<WaitingQueue<Applicant<A>>>,
}

/// A command that waits for admission.
struct Applicant<A: Aggregate> {
    id: Box<str>,
    command: Box<PendingCommand<A>>,
}

impl<A: Aggregate> Waiting for Applicant<A> {
    fn is_wanted(&self) -> bool {
        self.command.is_wanted()
    }
}

impl<A: Aggregate> Admission<A> {
    pub(super) fn new(max_pending_commands: u32) -> Self {
        let permits = usize::try_from(max_pending_commands.max(1)).unwrap_or(usize::MAX);
        Self {
            permits: Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))),
            pending: Arc::default(),
            is_closed: AtomicBool::new(false),
            is_crowded: AtomicBool::new(false),
            applicants: Mutex::new(WaitingQueue::new()),
        }
    }

    /// Counts a command as pending; `None` after [`Self::close`].
    pub(super) fn enter(&self) -> Option<WaitToken> {
        // Counted before the flag is read: a shutdown either waits for it or has refused it.
        let pending = self.pending.token();
        (!self.is_closed.load(Ordering::SeqCst)).then_some(pending)
    }

    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// Completes when no command is pending.
    pub(super) async fn idle(&self) {
        self.pending.wait().await;
    }

    /// Rejects the commands that still wait for admission.
    pub(super) fn reject_waiting(&self) {
        let rejected = self.lock().take();
        for Applicant { command, .. } in rejected {
            command.reply(Err(ExecuteError::Closed));
        }
    }

    /// A place, if there is a free one and nobody waits for it.
    fn try_admit(&self) -> Option<OwnedSemaphorePermit> {
        if self.is_crowded.load(Ordering::SeqCst) {
            return None;
        }
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// The next command whose caller still waits; if there is none, the task has ended.
    fn next(&self) -> Option<Applicant<A>> {
        let mut gone = Vec::new();
        let mut applicants = self.lock();
        let next = loop {
            match applicants.pop() {
                Some(applicant) if !applicant.is_wanted() => gone.push(applicant),
                next => break next,
            }
        };
        self.is_crowded.store(next.is_some(), Ordering::SeqCst);
        drop(applicants);
        drop(gone);
        next
    }

    /// Adds a command, and says whether a task has to be started for it.
    fn wait(&self, applicant: Applicant<A>) -> bool {
        let mut applicants = self.lock();
        let gone = applicants.push(applicant);
        let has_task = self.is_crowded.swap(true, Ordering::SeqCst);
        drop(applicants);
        drop(gone);
        !has_task
    }

    /// The task was dropped with its runtime: those who wait get no reply.
    fn abandon(&self) {
        let mut applicants = self.lock();
        let unanswered: VecDeque<_> = applicants.take();
        self.is_crowded.store(false, Ordering::SeqCst);
        drop(applicants);
        drop(unanswered);
    }

    fn lock(&self) -> MutexGuard<'_, WaitingQueue<Applicant<A>>> {
        self.applicants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Aggregate> Host<A> {
    /// Passes a command to its stream, once there is a place for it. The work that comes back is polled by the caller.
    pub(super) async fn submit(
        self: &Arc<Self>,
        id: &str,
        command: Box<PendingCommand<A>>,
    ) -> Result<Option<BoxFuture<'static, ()>>, ExecuteError<A::Rejection>> {
        let permit = match self.admission.try_admit() {
            Some(permit) => Some(permit),
            None => match Handle::try_current() {
                Ok(runtime) => {
                    let id = id.into();
                    if self.admission.wait(Applicant { id, command }) {
                        let host = Arc::clone(self);
                        runtime.spawn(AdmissionTask { host, is_done: false }.run());
                    }
                    return Ok(None);
                }
                // Nothing can be spawned: the caller waits for its place itself.
                Err(_) => self.admission.permit().await,
            },
        };
        command.status.admit(permit);
        Ok(self.stream(id)?.enqueue(self, Request::Command(command)))
    }
}

/// Admits commands in order, until none waits.
struct AdmissionTask<A: Aggregate> {
    host: Arc<Host<A>>,
    is_done: bool,
}

impl<A: Aggregate> AdmissionTask<A> {
    /// The place first, then the command: so a command that is withdrawn or rejected meanwhile is not held here.
    async fn run(mut self) {
        loop {
            let permit = self.host.admission.permit().await;
            let Some(Applicant { id, command }) = self.host.admission.next() else {
                break;
            };
            command.status.admit(permit);
            match self.host.stream(&id) {
                // In a runtime, no work comes back.
                Ok(stream) => drop(stream.enqueue(&self.host, Request::Command(command))),
                Err(error) => command.reply(Err(error.into())),
            }
        }
        self.is_done = true;
    }
}

impl<A: Aggregate> Drop for AdmissionTask<A> {
    fn drop(&mut self) {
        if !self.is_done {
            self.host.admission.abandon();
        }
    }
}
