//! A command, and who waits for its answer.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use composable_rust_core::{Aggregate, Conflict, ExpectedVersion, Source, StreamId, Version};
use tokio::{runtime::Handle, sync::oneshot};
use tracing::Span;

use super::{CommandContext, Committed, ExecuteError, gate::Place};

pub(super) type Outcome<A> = Result<Committed<<A as Aggregate>::Event>, ExecuteError<<A as Aggregate>::Rejection>>;

/// A command that was let in.
pub(super) struct Request<A: Aggregate> {
    pub(super) command: A::Command,
    pub(super) context: CommandContext,
    pub(super) begun: Arc<Begun>,
    /// The caller's, so that what is done for it in another task is found under it.
    pub(super) span: Span,
    _place: Place,
}

impl<A: Aggregate> Request<A> {
    pub(super) fn new(command: A::Command, context: CommandContext, begun: Arc<Begun>, place: Place) -> Self {
        Self {
            command,
            context,
            begun,
            span: Span::current(),
            _place: place,
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

/// Whether an append with the command's events may be under way: what a caller whose patience ends must be told.
#[derive(Debug, Default)]
pub(super) struct Begun(AtomicU8);

impl Begun {
    const WAITING: u8 = 0;
    const BEGUN: u8 = 1;
    const WITHDRAWN: u8 = 2;

    /// From here on it may be stored; `false` if the caller has withdrawn it before.
    pub(super) fn begin(&self) -> bool {
        self.turn(Self::WAITING, Self::BEGUN) || self.0.load(Ordering::Acquire) == Self::BEGUN
    }

    /// Certainly nothing was stored.
    pub(super) fn undo(&self) {
        self.turn(Self::BEGUN, Self::WAITING);
    }

    /// The caller waits no longer; `false` if it may be stored.
    pub(super) fn withdraw(&self) -> bool {
        self.turn(Self::WAITING, Self::WITHDRAWN)
    }

    fn is_begun(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::BEGUN
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        let turned = self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        turned.is_ok()
    }
}

/// Why a command that waited was not answered by whoever carried it out.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("the runtime that carried the command out has ended")]
    RuntimeEnded,
    #[error("the command was given outside of a tokio runtime while another one was under way")]
    NoRuntime,
    #[error("the caller's deadline has passed")]
    Deadline,
}

impl Unanswered {
    pub(super) fn source(self) -> Source {
        Arc::new(self)
    }
}

/// A command that waits for its turn.
pub(super) struct Ticket<A: Aggregate> {
    pub(super) request: Request<A>,
    /// Where its caller waits.
    pub(super) runtime: Handle,
    reply: Option<oneshot::Sender<Outcome<A>>>,
}

impl<A: Aggregate> Ticket<A> {
    pub(super) fn new(request: Request<A>, runtime: Handle) -> (Self, oneshot::Receiver<Outcome<A>>) {
        let (reply, answer) = oneshot::channel();
        let ticket = Self {
            request,
            runtime,
            reply: Some(reply),
        };
        (ticket, answer)
    }

    /// Whether its caller still waits. What nobody waits for is not begun.
    pub(super) fn is_wanted(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| !reply.is_closed())
    }

    pub(super) fn answer(mut self, outcome: Outcome<A>) {
        self.send(outcome);
    }

    fn send(&mut self, outcome: Outcome<A>) {
        if let Some(reply) = self.reply.take() {
            // A caller that is gone does not want to know.
            let _ = reply.send(outcome);
        }
    }
}

impl<A: Aggregate> Drop for Ticket<A> {
    /// Answers exactly once, also when the runtime ends in the middle.
    fn drop(&mut self) {
        let why = Unanswered::RuntimeEnded.source();
        self.send(Err(if self.request.begun.is_begun() {
            ExecuteError::OutcomeUnknown(why)
        } else {
            ExecuteError::Unavailable(why)
        }));
    }
}
