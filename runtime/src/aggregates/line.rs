//! A stream in memory, and the line of those who want to work on it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use composable_rust_core::{Aggregate, Session, StreamId};
use tokio::{runtime::Handle, sync::oneshot};

use super::ExecuteError;
use super::{
    Host,
    request::{Outcome, Request, Ticket, Unanswered},
    share,
};

/// How many commands leave the line together.
const TOGETHER: usize = 1000;

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
    waiting: VecDeque<Waiting<A>>,
}

enum Waiting<A: Aggregate> {
    Command(Box<Ticket<A>>),
    /// Somebody who wants to look for himself.
    Look(oneshot::Sender<Turn<A>>),
}

/// What comes of a command that gets in line.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and a box would cost each command an allocation"
)]
pub(super) enum Joined<A: Aggregate> {
    /// Nobody is there: its caller carries it out.
    Turn(Turn<A>, Request<A>),
    /// It is carried out when its turn comes, perhaps with others.
    Waiting(oneshot::Receiver<Outcome<A>>),
}

impl<A: Aggregate> Slot<A> {
    pub(super) fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            used: AtomicBool::new(true),
            line: Mutex::new(Line {
                session: None,
                busy: false,
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

    /// Carries out at once, or gets in line.
    pub(super) fn join(
        self: &Arc<Self>,
        host: &Arc<Host<A>>,
        request: Request<A>,
    ) -> Result<Joined<A>, ExecuteError<A::Rejection>> {
        let mut line = self.line();
        if !line.busy {
            return Ok(Joined::Turn(self.turn(host, &mut line), request));
        }
        // Whoever waits is carried out by a task, which needs a runtime.
        let runtime = Handle::try_current();
        let runtime = runtime.map_err(|_| ExecuteError::Unavailable(Unanswered::NoRuntime.source()))?;
        let (ticket, answer) = Ticket::new(request, runtime);
        line.waiting.push_back(Waiting::Command(Box::new(ticket)));
        Ok(Joined::Waiting(answer))
    }

    /// The turn of somebody who wants to look, after those who came before.
    pub(super) async fn look(self: &Arc<Self>, host: &Arc<Host<A>>) -> Turn<A> {
        loop {
            let next = {
                let mut line = self.line();
                if !line.busy {
                    return self.turn(host, &mut line);
                }
                let (sender, turn) = oneshot::channel();
                line.waiting.push_back(Waiting::Look(sender));
                turn
            };
            // Nobody lets go of a sender without a turn; if it ever happened, the line would be joined again.
            if let Ok(turn) = next.await {
                return turn;
            }
        }
    }

    fn turn(self: &Arc<Self>, host: &Arc<Host<A>>, line: &mut Line<A>) -> Turn<A> {
        line.busy = true;
        Turn {
            host: Arc::clone(host),
            slot: Arc::clone(self),
            session: line.session.take(),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line<A>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Aggregate> Line<A> {
    /// The commands at the head of the line, up to somebody who wants to look.
    fn commands(&mut self) -> VecDeque<Ticket<A>> {
        let is_command = |waiting: &&Waiting<A>| matches!(waiting, Waiting::Command(_));
        let count = self.waiting.iter().take(TOGETHER).take_while(is_command).count();
        let commands = self.waiting.drain(..count).filter_map(|waiting| match waiting {
            Waiting::Command(ticket) => Some(*ticket),
            Waiting::Look(_) => None,
        });
        commands.collect()
    }
}

/// The right to work on a stream; the next in line has it when this is dropped.
pub(super) struct Turn<A: Aggregate> {
    pub(super) host: Arc<Host<A>>,
    pub(super) slot: Arc<Slot<A>>,
    /// Taken out while it is worked with: if that is dropped in the middle, or panics, the next one loads.
    pub(super) session: Option<Session<A>>,
}

impl<A: Aggregate> Turn<A> {
    /// Commands that have come meanwhile.
    pub(super) fn commands(&self) -> VecDeque<Ticket<A>> {
        self.slot.line().commands()
    }

    fn passed_on(&mut self) -> Self {
        Self {
            host: Arc::clone(&self.host),
            slot: Arc::clone(&self.slot),
            session: self.session.take(),
        }
    }
}

impl<A: Aggregate> Drop for Turn<A> {
    fn drop(&mut self) {
        let slot = Arc::clone(&self.slot);
        let mut line = slot.line();
        let commands = line.commands();
        let look = if commands.is_empty() {
            line.waiting.pop_front()
        } else {
            None
        };
        if commands.is_empty() && look.is_none() {
            line.session = self.session.take();
            line.busy = false;
            return;
        }
        // What follows may drop the turn again, which takes the lock.
        drop(line);
        let turn = self.passed_on();
        if let Some(Waiting::Look(sender)) = look {
            // Who does not look any more passes it on.
            drop(sender.send(turn));
        } else if let Some(runtime) = commands.front().map(|ticket| ticket.runtime.clone()) {
            runtime.spawn(share::until_empty(turn, commands));
        }
    }
}
