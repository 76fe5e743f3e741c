//! What was sent, and what was answered.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use composable_rust::{Committed, ExecuteError};
use order_processing::order::{OrderEvent, OrderRejection};

pub(super) type Told = Result<Committed<OrderEvent>, ExecuteError<OrderRejection>>;

/// A command on its way.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) intent: usize,
    pub(super) process: usize,
    /// How many events the order had when the command was sent, and when it was answered.
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) answer: Option<Answer>,
}

#[derive(Clone)]
pub(super) enum Answer {
    Told(Told),
    /// The process came to its end before.
    Crashed,
}

impl Answer {
    /// Nothing is open: it is done, or it is not.
    pub(super) fn is_certain(&self) -> bool {
        !matches!(self, Self::Crashed | Self::Told(Err(ExecuteError::OutcomeUnknown(_))))
    }

    pub(super) fn committed(&self) -> Option<&Committed<OrderEvent>> {
        match self {
            Self::Told(Ok(committed)) => Some(committed),
            _ => None,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crashed => f.write_str("crashed"),
            Self::Told(Ok(committed)) => {
                let position = committed.position.unwrap_or_default();
                write!(f, "version {}, position {position}", committed.version)
            }
            Self::Told(Err(error)) => {
                let kind = match error {
                    ExecuteError::Rejected(_) => "rejected",
                    ExecuteError::Conflict(_) => "conflict",
                    ExecuteError::Unavailable(_) => "unavailable",
                    ExecuteError::OutcomeUnknown(_) => "unknown",
                    ExecuteError::NotStarted => "expired",
                    _ => "unforeseen",
                };
                write!(f, "{kind}: {error}")
            }
        }
    }
}

/// All calls, in the order in which they were sent.
#[derive(Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Vec<Call>>>);

impl Journal {
    pub(super) fn open(&self, intent: usize, process: usize, before: usize) -> usize {
        let mut calls = self.0.lock().unwrap();
        calls.push(Call {
            intent,
            process,
            before,
            after: before,
            answer: None,
        });
        calls.len() - 1
    }

    pub(super) fn answer(&self, call: usize, after: usize, answer: Answer) {
        let call = &mut self.0.lock().unwrap()[call];
        (call.after, call.answer) = (after, Some(answer));
    }

    pub(super) fn answer_of(&self, call: usize) -> Option<Answer> {
        self.0.lock().unwrap()[call].answer.clone()
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().clone()
    }
}
