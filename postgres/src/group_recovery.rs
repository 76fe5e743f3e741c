//! What follows on a statement of a group that did not write everything: lookups, reruns, and other connections.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Version,
    backend::{RecordedFacts, Resolution, resolve},
};
use sqlx::Connection;

use crate::{
    attempts::Attempts,
    errors::{self, TimeLimit},
    group_writer::{GroupWrite, Next, connection, entries, refuse},
    insert::EntryResult,
    pending_append::PendingAppend,
    recorded_facts,
    statement_error::{Recovery, StatementError},
};

impl GroupWrite {
    pub(crate) async fn recover(
        &mut self,
        appends: Vec<PendingAppend>,
        attempts: &mut Attempts,
        failed: StatementError,
    ) -> Next {
        if failed.is_refusal() {
            appends.iter().for_each(PendingAppend::mark_settled);
        }
        match failed.recovery() {
            Recovery::LookUp => {
                attempts.lost_races += 1;
                let error = AppendError::Backend(errors::source(failed.error));
                self.look_up(appends, attempts, error).await
            }
            Recovery::RunAgain if attempts.may_rerun() => {
                self.pause(attempts).await;
                Next::Again(appends)
            }
            Recovery::Prepare if attempts.may_rerun() => {
                self.forget_statements().await;
                Next::Again(appends)
            }
            Recovery::Reconnect if attempts.may_reconnect() => self.reconnect(appends, failed).await,
            Recovery::Settle if !self.shared.always_in_transaction && attempts.may_reconnect() => {
                self.settle(appends, failed).await
            }
            Recovery::Split | Recovery::Prepare => Next::Split(appends, failed.into_append_error()),
            _ => {
                tracing::warn!(error = %failed.error, appends = appends.len(), "a group of appends failed");
                // It may be dead: the other parts of the group take another one.
                self.connection = None;
                refuse(appends, &failed.into_append_error());
                Next::Done
            }
        }
    }

    /// Looks up why appends were refused, and answers them; the rest is worth another attempt, unless nothing has changed
    /// since the last one. Then the cause is none that the log knows, and `error` is the answer.
    pub(crate) async fn look_up(
        &mut self,
        appends: Vec<PendingAppend>,
        attempts: &mut Attempts,
        error: AppendError,
    ) -> Next {
        if appends.is_empty() {
            return Next::Done;
        }
        let count = appends.len();
        let facts = match self.facts(&appends).await {
            Ok(facts) => facts,
            Err(error) => {
                refuse(appends, &errors::before_sending(error));
                return Next::Done;
            }
        };
        let (rest, ends) = self.answer_resolved(appends, &facts);
        let is_stuck = attempts.is_stuck(ends, rest.len() == count);
        match rest.len() {
            0 => Next::Done,
            _ if is_stuck => Next::Split(rest, error),
            _ => Next::Again(rest),
        }
    }

    async fn facts(&mut self, appends: &[PendingAppend]) -> Result<Vec<RecordedFacts>, sqlx::Error> {
        let connection = connection(&mut self.connection)?;
        let facts = self
            .deadline
            .run(recorded_facts::read(connection, &entries(appends)))
            .await;
        let facts = facts.unwrap_or_else(|_| Err(TimeLimit::Statement.into()));
        self.finish(facts.as_ref().err());
        facts
    }

    /// Answers the appends that the log has an answer for; returns the others, and where their streams end.
    fn answer_resolved(
        &self,
        appends: Vec<PendingAppend>,
        mut facts: &[RecordedFacts],
    ) -> (Vec<PendingAppend>, Vec<Version>) {
        let (mut rest, mut ends) = (Vec::new(), Vec::new());
        for append in appends {
            let own = facts.split_off(..append.appends.len()).unwrap_or_default();
            match resolve(&append.appends, own) {
                Resolution::Write => {
                    ends.extend(own.iter().map(|facts| facts.end.version));
                    rest.push(append);
                }
                Resolution::Answer(answer) => {
                    if matches!(answer, Err(AppendError::Conflict(_))) {
                        self.shared.counters.conflict();
                    }
                    append.complete(answer);
                }
            }
        }
        (rest, ends)
    }

    /// Waits for a moment: writers that met in a deadlock would meet again.
    async fn pause(&mut self, attempts: &Attempts) {
        // The next attempt says that the time is over.
        let _ = self.deadline.run(tokio::time::sleep(attempts.pause())).await;
    }

    /// A table was changed or replaced: its prepared statements can't run any more.
    async fn forget_statements(&mut self) {
        let Ok(connection) = connection(&mut self.connection) else {
            return;
        };
        let cleared = self.deadline.run(connection.clear_cached_statements()).await;
        let cleared = cleared.unwrap_or_else(|_| Err(TimeLimit::Statement.into()));
        self.finish(cleared.as_ref().err());
    }

    async fn reconnect(&mut self, appends: Vec<PendingAppend>, failed: StatementError) -> Next {
        self.connection = None;
        if self.acquire(self.deadline).await.is_ok() {
            return Next::Again(appends);
        }
        refuse(appends, &failed.into_append_error());
        Next::Done
    }

    /// The server has ended the session over a statement that may have committed. By now it has, or it never will: looks
    /// the events up on another connection. Those that are not stored are worth another attempt. Not behind a pooler, which
    /// may end a session by itself while the server still commits.
    async fn settle(&mut self, appends: Vec<PendingAppend>, failed: StatementError) -> Next {
        self.connection = None;
        let stored = match self.find_stored(&appends).await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::warn!(%error, "the outcome of a group of appends could not be looked up");
                refuse(appends, &failed.into_append_error());
                return Next::Done;
            }
        };
        let rest = self.answer_written(appends, &stored);
        rest.iter().for_each(PendingAppend::mark_settled);
        Next::Again(rest)
    }

    async fn find_stored(&mut self, appends: &[PendingAppend]) -> Result<Vec<EntryResult>, sqlx::Error> {
        self.acquire(self.deadline).await?;
        let connection = connection(&mut self.connection)?;
        let entries = entries(appends);
        let stored = self
            .deadline
            .run(recorded_facts::find_stored(connection, &entries))
            .await;
        let stored = stored.unwrap_or_else(|_| Err(TimeLimit::Statement.into()));
        self.finish(stored.as_ref().err());
        stored
    }
}

/// Nothing speaks against an append, and yet it leaves no row.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the database accepted the events and stored none: a trigger on the table drops rows")]
pub(crate) struct NotInserted;

pub(crate) fn not_inserted() -> AppendError {
    AppendError::Backend(Arc::new(NotInserted))
}
