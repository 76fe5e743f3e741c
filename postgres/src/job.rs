//! An append on its way through the queue, and the promise to answer it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use composable_rust_core::{AppendError, Appended, StreamAppend};
use tokio::sync::oneshot;

use crate::errors::StoreStopped;

pub(crate) type Answer = Result<Vec<Appended>, AppendError>;

/// Entries that are written together or not at all.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) appends: Vec<StreamAppend>,
    pub(crate) reply: Reply,
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl Job {
    pub(crate) fn new(appends: Vec<StreamAppend>) -> (Self, oneshot::Receiver<Answer>) {
        let (sender, answer) = oneshot::channel();
        let events = || appends.iter().flat_map(|append| &append.events);
        let job = Self {
            events: events().count(),
            bytes: events().map(|event| event.data.len()).sum(),
            reply: Reply {
                sender: Some(sender),
                in_doubt: AtomicBool::new(false),
            },
            appends,
        };
        (job, answer)
    }
}

/// Answers exactly once, also when the runtime that was writing ends in the middle.
#[derive(Debug)]
pub(crate) struct Reply {
    sender: Option<oneshot::Sender<Answer>>,
    in_doubt: AtomicBool,
}

impl Reply {
    /// Whether a statement that commits may be on its way.
    pub(crate) fn in_doubt(&self, in_doubt: bool) {
        self.in_doubt.store(in_doubt, Ordering::Relaxed);
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
        let why = StoreStopped::RuntimeEnded;
        let in_doubt = *self.in_doubt.get_mut();
        self.send(Err(if in_doubt {
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
