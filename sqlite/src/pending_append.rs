//! An append on its way through the queue.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use composable_rust_core::{AppendError, Appended, StreamAppend, backend::GroupSize};
use tokio::sync::oneshot;

use crate::{deadline::Deadline, errors::StoreStopped, runtime::StoreRuntime};

pub(crate) type Answer = Result<Vec<Appended>, AppendError>;

/// Entries that are written together or not at all, and the reply to their caller.
#[derive(Debug)]
pub(crate) struct PendingAppend {
    pub(crate) appends: Vec<StreamAppend>,
    pub(crate) size: GroupSize,
    /// The group-commit task must have taken it by then.
    pub(crate) acquire_by: Deadline,
    pub(crate) reply: AppendReply,
}

impl PendingAppend {
    pub(crate) fn new(appends: Vec<StreamAppend>, acquire_by: Deadline) -> (Self, AwaitedAppend) {
        let (sender, answer) = oneshot::channel();
        let state = Arc::new(AtomicU8::new(QUEUED));
        let awaited = AwaitedAppend {
            answer,
            state: Arc::clone(&state),
        };
        let pending = Self {
            size: GroupSize::of(&appends),
            appends,
            acquire_by,
            reply: AppendReply {
                sender: Some(sender),
                state,
                in_doubt: false,
            },
        };
        (pending, awaited)
    }
}

/// The group-commit task has not taken the append yet.
const QUEUED: u8 = 0;
/// The task has taken it, and will answer.
const TAKEN: u8 = 1;
/// Its caller has given up before it was taken: it is not written.
const WITHDRAWN: u8 = 2;

/// Completes an append exactly once; when it is dropped, with the reason that the runtime has ended.
#[derive(Debug)]
pub(crate) struct AppendReply {
    sender: Option<oneshot::Sender<Answer>>,
    state: Arc<AtomicU8>,
    in_doubt: bool,
}

impl AppendReply {
    /// Takes the append out of the queue. `false` if its caller is gone: then nothing was sent to the database, and nothing
    /// is going to be.
    pub(crate) fn take(&self) -> bool {
        let taken = self
            .state
            .compare_exchange(QUEUED, TAKEN, Ordering::AcqRel, Ordering::Acquire);
        taken.is_ok() && self.sender.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    /// Waits until the caller is gone.
    pub(crate) async fn caller_left(&mut self) {
        if let Some(sender) = &mut self.sender {
            sender.closed().await;
        }
    }

    /// Says whether a COMMIT may be under way from here on.
    pub(crate) const fn set_in_doubt(&mut self, in_doubt: bool) {
        self.in_doubt = in_doubt;
    }

    pub(crate) fn complete(&mut self, answer: Answer) {
        if let Some(sender) = self.sender.take() {
            // A caller that is gone needs no answer.
            let _ = sender.send(answer);
        }
    }

    /// Completes it, unless it is complete, with a failure of the store itself.
    pub(crate) fn fail(&mut self, stopped: StoreStopped) {
        self.complete(Err(self.failure(stopped)));
    }

    pub(crate) fn failure(&self, stopped: StoreStopped) -> AppendError {
        if self.in_doubt {
            AppendError::OutcomeUnknown(stopped.source())
        } else {
            stopped.not_written()
        }
    }
}

impl Drop for AppendReply {
    fn drop(&mut self) {
        self.fail(StoreStopped::RuntimeEnded);
    }
}

/// The caller's side of a pending append.
#[derive(Debug)]
pub(crate) struct AwaitedAppend {
    answer: oneshot::Receiver<Answer>,
    state: Arc<AtomicU8>,
}

impl AwaitedAppend {
    pub(crate) async fn answer(mut self, runtime: &StoreRuntime) -> Answer {
        match runtime.wait(&mut self.answer).await {
            Ok(Ok(answer)) => answer,
            // The reply is completed even when it is dropped.
            Ok(Err(closed)) => Err(AppendError::OutcomeUnknown(Arc::new(closed))),
            Err(stopped) => Err(self.give_up(stopped)),
        }
    }

    fn give_up(&self, stopped: StoreStopped) -> AppendError {
        let withdrawn = self
            .state
            .compare_exchange(QUEUED, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire);
        match withdrawn {
            Ok(_) => stopped.not_written(),
            Err(_) => AppendError::OutcomeUnknown(stopped.source()),
        }
    }
}
