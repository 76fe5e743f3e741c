//! A command, and who waits for its answer.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use composable_rust_core::{
    Aggregate, Conflict, EventMetadata, ExpectedVersion, StreamId, Unavailable, UnavailableReason, Version,
};
use tokio::sync::oneshot;
use tracing::Span;

use super::{CommandContext, Committed, ExecuteError, gate::Place};

pub(super) type Outcome<A> = Result<Committed<<A as Aggregate>::Event>, ExecuteError<<A as Aggregate>::Rejection>>;

/// A command on its way.
pub(super) struct Request<A: Aggregate> {
    pub(super) command: A::Command,
    pub(super) context: CommandContext,
    pub(super) progress: Arc<Progress>,
    /// The caller's, so that what is done for it in another task is found under it.
    pub(super) span: Span,
}

impl<A: Aggregate> Request<A> {
    pub(super) fn new(command: A::Command, context: CommandContext, progress: Arc<Progress>) -> Self {
        Self {
            command,
            context,
            progress,
            span: Span::current(),
        }
    }

    /// What the caller is told if the stream is not at the version that it saw.
    pub(super) fn contradicted(&self, stream_id: &StreamId, actual: Version) -> Option<ExecuteError<A::Rejection>> {
        let expected = self.context.expected.filter(|expected| *expected != actual)?;
        Some(ExecuteError::Conflict(Conflict {
            stream_id: stream_id.clone(),
            expected: ExpectedVersion::Exact(expected),
            actual,
        }))
    }
}

impl<A: Aggregate> Drop for Request<A> {
    fn drop(&mut self) {
        self.progress.leave();
    }
}

/// What a caller and whoever carries its command out know together.
#[derive(Default)]
pub(super) struct Progress {
    phase: AtomicU8,
    /// Given back by whoever lets go of the command first: what is carried out, or its caller if that has not begun. A
    /// caller that is gone keeps nobody out.
    place: Mutex<Option<Place>>,
    first: OnceLock<EventMetadata>,
}

impl Progress {
    const WAITING: u8 = 0;
    const BEGUN: u8 = 1;
    const WITHDRAWN: u8 = 2;

    /// From here on it may be stored; `false` if the caller has withdrawn it before.
    pub(super) fn begin(&self) -> bool {
        self.turn(Self::WAITING, Self::BEGUN) || self.is(Self::BEGUN)
    }

    /// Certainly nothing was stored.
    pub(super) fn undo(&self) {
        self.turn(Self::BEGUN, Self::WAITING);
    }

    /// The caller waits no longer; `false` if it may be stored.
    pub(super) fn withdraw(&self) -> bool {
        let is_withdrawn = self.turn(Self::WAITING, Self::WITHDRAWN) || self.is(Self::WITHDRAWN);
        if is_withdrawn {
            self.leave();
        }
        is_withdrawn
    }

    /// It has a place among the commands in progress; not for long if the caller has gone.
    pub(super) fn take(&self, place: Place) {
        let none = self.place().replace(place);
        debug_assert!(none.is_none(), "a command has one place");
        if self.is(Self::WITHDRAWN) {
            self.leave();
        }
    }

    /// Gives the place back.
    fn leave(&self) {
        // Not under the lock: somebody else is let in.
        let place = self.place().take();
        drop(place);
    }

    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a caller is told whose command nobody carries out any more.
    pub(super) fn unanswered<R>(&self, why: Unanswered) -> ExecuteError<R> {
        if self.is(Self::BEGUN) {
            ExecuteError::OutcomeUnknown(Arc::new(why))
        } else {
            ExecuteError::Unavailable(why.unavailable())
        }
    }

    /// The events were stored when the command was sent before, with this metadata.
    pub(super) fn repeats(&self, first: EventMetadata) {
        // A command is found stored once: then it is answered.
        let _ = self.first.set(first);
    }

    /// With which metadata the events were stored when the command was sent before, if they were.
    pub(super) fn first(&self) -> Option<&EventMetadata> {
        self.first.get()
    }

    fn is(&self, phase: u8) -> bool {
        self.phase.load(Ordering::SeqCst) == phase
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        let turned = self
            .phase
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        turned.is_ok()
    }
}

/// A caller; when it goes, what has not begun is withdrawn.
pub(super) struct Caller<'a>(pub(super) &'a Progress);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

/// Why somebody who waited was not answered.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("whoever was to carry it out has panicked, or its runtime has ended")]
    LetDown,
    #[error("asked outside of a tokio runtime while others were under way")]
    NoRuntime,
    #[error("the caller's deadline has passed")]
    Deadline,
}

impl Unanswered {
    pub(super) fn unavailable(self) -> Unavailable {
        let reason = match self {
            Self::LetDown => UnavailableReason::Closed,
            Self::NoRuntime => UnavailableReason::NoRuntime,
            Self::Deadline => UnavailableReason::TimedOut,
        };
        Unavailable::new(reason, Arc::new(self))
    }
}

/// A command and the way back to its caller. Dropped without an answer, it says that nobody carries it out any more.
pub(super) struct Ticket<A: Aggregate> {
    pub(super) request: Request<A>,
    reply: oneshot::Sender<Outcome<A>>,
}

impl<A: Aggregate> Ticket<A> {
    pub(super) fn new(request: Request<A>) -> (Self, oneshot::Receiver<Outcome<A>>) {
        let (reply, answer) = oneshot::channel();
        (Self { request, reply }, answer)
    }

    /// Whether its caller still waits. What nobody waits for is not begun.
    pub(super) fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    pub(super) fn answer(self, outcome: Outcome<A>) {
        // A caller that is gone does not want to know.
        let _ = self.reply.send(outcome);
    }
}
