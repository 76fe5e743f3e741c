//! A stream in memory, and the line of those who want to work on it.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use composable_rust_core::{Aggregate, Session, StreamId};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::runtime::Handle;

use super::{
    Host,
    execution::Execution,
    look::Look,
    request::{Ticket, Unanswered},
    serve::Server,
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
    /// What somebody who found the line empty works at.
    alone: Option<WeakShared<BoxFuture<'static, ()>>>,
    waiting: Queue<A>,
}

/// Who waits, and on which runtime.
pub(super) type Queue<A> = VecDeque<(Handle, Waiting<A>)>;

/// Somebody who wants to work on a stream.
pub(super) enum Waiting<A: Aggregate> {
    Command(Box<Ticket<A>>),
    Look(Look<A>),
}

/// Work that whoever wants its result polls. It can be polled by others as well: so it goes on if its first owner, though
/// still there, does not poll it any more.
pub(super) type Alone = Shared<BoxFuture<'static, ()>>;

impl<A: Aggregate> Slot<A> {
    pub(super) fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            used: AtomicBool::new(true),
            line: Mutex::new(Line {
                session: None,
                busy: false,
                alone: None,
                waiting: VecDeque::new(),
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
    ) -> Result<Option<Alone>, Unanswered> {
        let mut line = self.line();
        if !line.busy {
            line.busy = true;
            let turn = Turn {
                host: Arc::clone(host),
                slot: Arc::clone(self),
                session: line.session.take(),
            };
            let alone = turn.carry_out(waiting).boxed().shared();
            line.alone = alone.downgrade();
            return Ok(Some(alone));
        }
        // Whoever waits is carried out by a task, which needs a runtime.
        let runtime = Handle::try_current().map_err(|_| Unanswered::NoRuntime)?;
        line.waiting.push_back((runtime.clone(), waiting));
        let alone = line.alone.take();
        // Not under the lock: a task that a runtime drops at once gives its turn back.
        drop(line);
        if let Some(alone) = alone.and_then(|alone| alone.upgrade()) {
            runtime.spawn(alone);
        }
        Ok(None)
    }

    /// Those who have come meanwhile, behind those of whom is known already.
    pub(super) fn add_waiting(&self, known: &mut Queue<A>) {
        known.append(&mut self.line().waiting);
    }

    /// Puts some back who came before all others.
    pub(super) fn put_back(&self, mut first: Queue<A>) {
        let mut line = self.line();
        first.append(&mut line.waiting);
        line.waiting = first;
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
        let (runtime, waiting) = (runtime.clone(), mem::take(&mut line.waiting));
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
