//! An append on its way through the queue, and the promise to answer it.

use std::sync::Arc;

use composable_rust_core::{AppendError, Appended, StreamAppend};
use tokio::{runtime::Handle, sync::oneshot};

use crate::errors::Stopped;

pub(crate) type Answer = Result<Vec<Appended>, AppendError>;

/// Entries that are written together or not at all.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) appends: Vec<StreamAppend>,
    pub(crate) reply: Reply,
    /// Where its caller waits.
    pub(crate) runtime: Handle,
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl Job {
    pub(crate) fn new(appends: Vec<StreamAppend>, runtime: Handle) -> (Self, oneshot::Receiver<Answer>) {
        let (sender, answer) = oneshot::channel();
        let events = || appends.iter().flat_map(|append| &append.events);
        let job = Self {
            events: events().count(),
            bytes: events().map(|event| event.data.len()).sum(),
            reply: Reply {
                sender: Some(sender),
                in_doubt: false,
            },
            runtime,
            appends,
        };
        (job, answer)
    }
}

/// Answers exactly once, also when the runtime that was writing ends in the middle.
#[derive(Debug)]
pub(crate) struct Reply {
    sender: Option<oneshot::Sender<Answer>>,
    in_doubt: bool,
}

impl Reply {
    /// Whether a COMMIT may be on its way from here on.
    pub(crate) const fn in_doubt(&mut self, in_doubt: bool) {
        self.in_doubt = in_doubt;
    }

    /// Whether anybody is left to hear the answer.
    pub(crate) fn is_awaited(&self) -> bool {
        self.sender.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    pub(crate) fn send(&mut self, answer: Answer) {
        if let Some(sender) = self.sender.take() {
            // A caller that is gone does not want to know.
            let _ = sender.send(answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let why = Stopped::RuntimeEnded;
        self.send(Err(if self.in_doubt {
            AppendError::OutcomeUnknown(why.source())
        } else {
            why.unavailable().into()
        }));
    }
}

/// The channel can't close unanswered; if it ever did, nothing would be known.
pub(crate) fn unanswered(error: oneshot::error::RecvError) -> AppendError {
    AppendError::OutcomeUnknown(Arc::new(error))
}
