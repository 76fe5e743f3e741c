//! Users, who send what they want until they know what came of it.

use std::collections::VecDeque;

use composable_rust::ExecuteError;

use super::{
    journal::{Answer, Journal},
    plan::Intent,
};

/// How often a user tries.
const PATIENCE: usize = 6;

/// A user, with one wish after the other.
pub(super) struct User {
    intents: VecDeque<usize>,
    /// The calls of this attempt.
    waiting_for: Vec<usize>,
    attempts: usize,
}

impl User {
    pub(super) fn new(intents: impl IntoIterator<Item = usize>) -> Self {
        Self {
            intents: intents.into_iter().collect(),
            waiting_for: Vec::new(),
            attempts: 0,
        }
    }

    pub(super) fn is_content(&self) -> bool {
        self.intents.is_empty()
    }

    /// What is to be sent now, if nothing is waited for.
    pub(super) fn next(&mut self, journal: &Journal, intents: &[Intent]) -> Option<usize> {
        let answers = self.waiting_for.iter().map(|call| journal.answer_of(*call));
        let answers: Vec<Answer> = answers.collect::<Option<_>>()?;
        let is_repeatable = |intent: &usize| intents[*intent].id.is_some();
        let in_doubt = answers.iter().any(|answer| !answer.is_certain());
        let may_send_again = !in_doubt || self.intents.front().is_some_and(is_repeatable);
        let is_over = answers.iter().any(is_final) || !may_send_again || self.attempts == PATIENCE;
        if !answers.is_empty() && is_over {
            self.intents.pop_front();
            self.attempts = 0;
        }
        self.waiting_for.clear();
        self.attempts += 1;
        self.intents.front().copied()
    }

    pub(super) fn sent(&mut self, call: usize) {
        self.waiting_for.push(call);
    }
}

/// Nothing is to be gained by sending it again.
pub(super) fn is_final(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::Told(Ok(_) | Err(ExecuteError::Rejected(_) | ExecuteError::Conflict(_)))
    )
}
