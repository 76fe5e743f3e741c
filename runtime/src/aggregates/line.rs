//! A stream in memory, and the line of those who want to work on it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use composable_rust_core::{Aggregate, Session, StreamId};
use futures::FutureExt;
use tokio::runtime::{self, Handle};

use super::{
    Host,
    execution::Execution,
    look::Look,
    queue::{Queue, Waits},
    request::{Ticket, Unanswered},
    serve::Server,
    work::{Alone, Remote},
};

/// A stream, what is known of it, and who waits for it.
pub(super) struct Slot<A: Aggregate> {
    pub(super) stream_id: StreamId,
    used: AtomicBool,
    // A std Mutex: nothing awaits while it is held.
    line: Mutex<Line<A>>,
}

struct Line<A: Aggregate> {
    /// `None` is to be loaded, or is being worked with.
    session: Option<Session<A>>,
    busy: bool,
    alone: Option<Unattended>,
    waiting: Queue<Waiter<A>>,
}

/// What somebody who found the line empty works at, and the runtimes that have been told to take it over.
struct Unattended {
    work: Remote,
    told: Vec<runtime::Id>,
}

/// Who waits, and on which runtime.
pub(super) type Waiter<A> = (Handle, Waiting<A>);

/// Somebody who wants to work on a stream.
pub(super) enum Waiting<A: Aggregate> {
    Command(Box<Ticket<A>>),
    Look(Look<A>),
}

impl<A: Aggregate> Waits for Waiter<A> {
    fn is_wanted(&self) -> bool {
        match &self.1 {
            Waiting::Command(ticket) => ticket.is_wanted(),
            Waiting::Look(look) => look.is_wanted(),
        }
    }
}

impl<A: Aggregate> Slot<A> {
    pub(super) fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            used: AtomicBool::new(true),
            line: Mutex::new(Line {
                session: None,
                busy: false,
                alone: None,
                waiting: Queue::new(),
            }),
        }
    }

    /// Says that it is used.
    pub(super) fn touch(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Whether it was used since this was asked last.
    pub(super) fn was_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Gets in line. Who finds nobody there has to poll what comes back.
    pub(super) fn join(
        self: &Arc<Self>,
        host: &Arc<Host<A>>,
        waiting: Waiting<A>,
        runtime: impl FnOnce() -> Result<Handle, Unanswered>,
    ) -> Result<Option<Alone>, Unanswered> {
        let mut line = self.line();
        if !line.busy {
            line.busy = true;
            let turn = Turn {
                host: Arc::clone(host),
                slot: Arc::clone(self),
                session: line.session.take(),
            };
            let alone = Alone::new(turn.carry_out(waiting).boxed());
            line.alone = Some(Unattended {
                work: alone.remote(),
                told: Vec::new(),
            });
            return Ok(Some(alone));
        }
        // Whoever waits is carried out by a task, which needs a runtime.
        let runtime = runtime()?;
        let gone = line.waiting.push((runtime.clone(), waiting));
        drop(line);
        drop(gone);
        self.attend(&runtime);
        Ok(None)
    }

    /// Has a task take over what somebody works at alone: others wait for it, and its caller may not poll it any more.
    /// Each runtime of those who wait is told once, since one may end before it has.
    pub(super) fn attend(&self, runtime: &Handle) {
        let mut line = self.line();
        let Some(unattended) = &mut line.alone else { return };
        if unattended.told.contains(&runtime.id()) {
            return;
        }
        unattended.told.push(runtime.id());
        let alone = unattended.work.upgrade();
        // Not under the lock: a task that a runtime drops at once gives its turn back.
        drop(line);
        if let Some(alone) = alone {
            runtime.spawn(alone.taken_over());
        }
    }

    /// Those who have come meanwhile, behind those of whom is known already.
    pub(super) fn add_waiting(&self, known: &mut VecDeque<Waiter<A>>) {
        known.append(&mut self.line().waiting.take());
    }

    /// Puts some back who came before all others.
    pub(super) fn put_back(&self, first: VecDeque<Waiter<A>>) {
        self.line().waiting.put_back(first);
    }

    fn line(&self) -> MutexGuard<'_, Line<A>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to work on a stream; when it is dropped, those who wait have it.
pub(super) struct Turn<A: Aggregate> {
    pub(super) host: Arc<Host<A>>,
    pub(super) slot: Arc<Slot<A>>,
    /// Taken out while it is worked with: if that is dropped in the middle, or panics, the next one loads.
    pub(super) session: Option<Session<A>>,
}

impl<A: Aggregate> Turn<A> {
    async fn carry_out(mut self, waiting: Waiting<A>) {
        match waiting {
            Waiting::Command(ticket) => self.execute(*ticket).await,
            Waiting::Look(look) => look.answer(self.look().await),
        }
    }

    /// Carries one command out, alone.
    pub(super) async fn execute(&mut self, ticket: Ticket<A>) {
        let execution = Execution::new(&self.host, &self.slot.stream_id, &ticket.request);
        let outcome = execution.run(&mut self.session).await;
        ticket.answer(outcome);
    }
}

impl<A: Aggregate> Drop for Turn<A> {
    fn drop(&mut self) {
        let mut line = self.slot.line();
        line.alone = None;
        let Some((runtime, _)) = line.waiting.front() else {
            line.session = self.session.take();
            line.busy = false;
            return;
        };
        let (runtime, waiting) = (runtime.clone(), line.waiting.take());
        // A runtime that is shutting down drops the task at once, and the turn with it, which takes the lock.
        drop(line);
        let turn = Self {
            host: Arc::clone(&self.host),
            slot: Arc::clone(&self.slot),
            session: self.session.take(),
        };
        let server = Server::new(turn, runtime.id(), waiting);
        runtime.spawn(server.until_nobody_waits());
    }
}
