//! A command or a read on its way from its caller to a stream's worker.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use composable_rust_core::{
    Aggregate, BatchCommand, CommandId, EventMetadata, Unavailable, UnavailableReason, Version,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Span;

use super::{CommandContext, Committed, ExecuteError, LoadError, Versioned, waiting::Waiting};
use crate::wait_group::WaitToken;

pub(super) type Outcome<A> = Result<Committed<<A as Aggregate>::Event>, ExecuteError<<A as Aggregate>::Rejection>>;
pub(super) type ReadReply<A> = Result<Versioned<<A as Aggregate>::State>, LoadError>;

/// What a stream's queue holds.
pub(super) enum Request<A: Aggregate> {
    Command(Box<PendingCommand<A>>),
    Read(ReadRequest<A>),
}

impl<A: Aggregate> Waiting for Request<A> {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Command(command) => command.is_wanted(),
            Self::Read(read) => !read.is_closed(),
        }
    }
}

/// A queued request to read a stream's state.
pub(super) type ReadRequest<A> = oneshot::Sender<ReadReply<A>>;

/// What a caller receives.
pub(super) struct CommandReply<A: Aggregate> {
    pub(super) outcome: Outcome<A>,
    /// The metadata of the events, if they were stored when the command was sent before.
    pub(super) first_metadata: Option<EventMetadata>,
}

/// A command and the channel of its reply. Dropped without a reply, it tells its caller that no worker carries it out.
pub(super) struct PendingCommand<A: Aggregate> {
    pub(super) command: A::Command,
    pub(super) context: CommandContext,
    /// The caller's, so that what the worker does for it is found under it.
    pub(super) span: Span,
    pub(super) status: CommandStatus,
    reply: oneshot::Sender<CommandReply<A>>,
}

impl<A: Aggregate> PendingCommand<A> {
    pub(super) fn new(
        command: A::Command,
        context: CommandContext,
        status: CommandStatus,
    ) -> (Box<Self>, oneshot::Receiver<CommandReply<A>>) {
        let (reply, replied) = oneshot::channel();
        let span = Span::current();
        let pending = Box::new(Self {
            command,
            context,
            span,
            status,
            reply,
        });
        (pending, replied)
    }

    /// Whether the caller still waits. A command that nobody waits for is not started.
    pub(super) fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    pub(super) fn reply(self, outcome: Outcome<A>) {
        self.reply_as_stored(outcome, None);
    }

    pub(super) fn reply_as_stored(self, outcome: Outcome<A>, first_metadata: Option<EventMetadata>) {
        let reply = CommandReply {
            outcome,
            first_metadata,
        };
        let Self {
            status, reply: channel, ..
        } = self;
        // The place first: the caller may look at the host next. The command last: its own drop may panic.
        drop(status);
        // A caller that has gone needs no reply.
        let _ = channel.send(reply);
    }
}

impl<A: Aggregate> BatchCommand<A> for Box<PendingCommand<A>> {
    fn command(&self) -> &A::Command {
        &self.command
    }

    fn command_id(&self) -> Option<CommandId> {
        self.context.command_id
    }

    fn expected_version(&self) -> Option<Version> {
        self.context.expected_version
    }

    fn metadata(&self) -> &EventMetadata {
        &self.context.metadata
    }
}

/// Whether a command may be stored, shared by its caller and the worker; the worker's side. Dropped with the command.
pub(super) struct CommandStatus(Arc<Shared>);

/// The caller's side. When it is dropped, a command that was not started is withdrawn.
pub(super) struct WithdrawOnDrop(Arc<Shared>);

struct Shared {
    phase: AtomicU8,
    place: Mutex<Option<Place>>,
}

/// What a command occupies while it waits or runs: held, not read.
type Place = (Option<OwnedSemaphorePermit>, WaitToken);

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const WITHDRAWN: u8 = 2;

impl CommandStatus {
    pub(super) fn new(pending: WaitToken) -> (Self, WithdrawOnDrop) {
        let shared = Arc::new(Shared {
            phase: AtomicU8::new(WAITING),
            place: Mutex::new(Some((None, pending))),
        });
        (Self(Arc::clone(&shared)), WithdrawOnDrop(shared))
    }

    /// Counts against the bound from here on; not for long if the caller has gone.
    pub(super) fn admit(&self, permit: Option<OwnedSemaphorePermit>) {
        if let Some(place) = &mut *self.0.place() {
            place.0 = permit;
        }
    }

    /// From here on the command may be stored; `false` if its caller has withdrawn it.
    pub(super) fn start(&self) -> bool {
        self.0.transition(WAITING, STARTED) || self.0.is(STARTED)
    }

    /// Certainly nothing was stored: the caller may withdraw it again.
    pub(super) fn undo(&self) {
        self.0.transition(STARTED, WAITING);
    }
}

impl Drop for CommandStatus {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl WithdrawOnDrop {
    /// The caller waits no longer; `false` if the command may be stored.
    pub(super) fn withdraw(&self) -> bool {
        let is_withdrawn = self.0.transition(WAITING, WITHDRAWN) || self.0.is(WITHDRAWN);
        if is_withdrawn {
            self.0.leave();
        }
        is_withdrawn
    }

    /// The answer to a caller whose command got no reply.
    pub(super) fn unanswered<R>(&self, why: NoReply) -> ExecuteError<R> {
        if self.0.is(STARTED) {
            ExecuteError::OutcomeUnknown(Arc::new(why))
        } else {
            ExecuteError::Unavailable(why.unavailable())
        }
    }
}

impl Drop for WithdrawOnDrop {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Shared {
    fn is(&self, phase: u8) -> bool {
        self.phase.load(Ordering::SeqCst) == phase
    }

    fn transition(&self, from: u8, to: u8) -> bool {
        let changed = self
            .phase
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        changed.is_ok()
    }

    /// Gives the place back: a command that nobody waits for keeps no other out.
    fn leave(&self) {
        // Not dropped under the lock: its drop wakes another caller.
        let place = self.place().take();
        drop(place);
    }

    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a caller got no reply.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum NoReply {
    #[error("the stream's worker has ended with its runtime, or panicked")]
    WorkerGone,
    #[error("the time limit of the command has passed")]
    Timeout,
}

impl NoReply {
    pub(super) fn unavailable(self) -> Unavailable {
        let reason = match self {
            Self::WorkerGone => UnavailableReason::Closed,
            Self::Timeout => UnavailableReason::TimedOut,
        };
        Unavailable::new(reason, Arc::new(self))
    }
}
