//! Writes a group of appends: one statement, and what follows where it could not write everything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use composable_rust_core::{
    AppendError, Appended, StreamAppend, Version,
    backend::{RecordedFacts, Resolution, resolve},
};
use futures::future::BoxFuture;
use sqlx::Connection;

use crate::{
    advisory_lock::{self, Transaction},
    append_stats::AppendCounters,
    attempts::Attempts,
    commit_task::WriteGroup,
    deadline::Deadline,
    errors::{self, TimeLimit},
    insert::{self, EntryResult},
    notify::Notifier,
    options::Settings,
    pending_append::PendingAppend,
    pool::Pool,
    pooled_connection::PooledConnection,
    recorded_facts,
    statement_error::{Recovery, StatementError},
};

/// Writes groups to the database.
#[derive(Clone, Debug)]
pub(crate) struct GroupWriter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: Arc<Pool>,
    notifier: Arc<Notifier>,
    counters: Arc<AppendCounters>,
    statement_timeout: Duration,
    begin: String,
    /// A pooler hands out sessions without limits of their own, so each append is a transaction that sets them.
    always_in_transaction: bool,
}

impl GroupWriter {
    pub(crate) fn new(
        pool: Arc<Pool>,
        notifier: Arc<Notifier>,
        counters: Arc<AppendCounters>,
        settings: &Settings,
    ) -> Self {
        let limit = settings.transaction_pooler.then_some(settings.statement_timeout);
        Self(Arc::new(Shared {
            pool,
            notifier,
            counters,
            statement_timeout: settings.statement_timeout,
            begin: advisory_lock::begin(limit),
            always_in_transaction: settings.transaction_pooler,
        }))
    }
}

impl WriteGroup for GroupWriter {
    fn write(&self, appends: Vec<PendingAppend>) -> BoxFuture<'static, bool> {
        let write = GroupWrite {
            shared: Arc::clone(&self.0),
            connection: None,
            deadline: Deadline::after(Duration::ZERO),
            parts: Vec::new(),
            reached: false,
        };
        Box::pin(write.run(appends))
    }
}

/// A group that is being written.
struct GroupWrite {
    shared: Arc<Shared>,
    connection: Option<PooledConnection>,
    /// When the statements give up, with their reruns and lookups.
    deadline: Deadline,
    /// What is left to be written after a refusal of the whole, the next one last.
    parts: Vec<Vec<PendingAppend>>,
    /// Whether the database has answered.
    reached: bool,
}

/// What becomes of appends after an attempt to write them.
enum Next {
    Done,
    /// Worth another attempt.
    Again(Vec<PendingAppend>),
    /// Refused as a whole, with the answer if there is only one.
    Split(Vec<PendingAppend>, AppendError),
}

impl GroupWrite {
    async fn run(mut self, appends: Vec<PendingAppend>) -> bool {
        let Some(appends) = self.connect(appends).await else {
            return false;
        };
        self.deadline = Deadline::after(self.shared.statement_timeout);
        self.parts.push(appends);
        while let Some(part) = self.parts.pop() {
            self.write_part(part).await;
        }
        self.reached
    }

    /// Gets a connection, and answers the appends that it comes too late for.
    async fn connect(&mut self, mut appends: Vec<PendingAppend>) -> Option<Vec<PendingAppend>> {
        loop {
            let deadline = appends.iter().map(|append| append.take_by).min()?;
            let Err(error) = self.acquire(deadline).await else {
                return Some(appends);
            };
            let is_over = |append: &PendingAppend| !deadline.has_passed() || append.take_by.has_passed();
            let (late, rest) = appends.into_iter().partition(is_over);
            appends = rest;
            refuse(late, &errors::before_sending(error));
        }
    }

    async fn acquire(&mut self, deadline: Deadline) -> Result<(), sqlx::Error> {
        self.connection = Some(self.shared.pool.acquire(deadline).await?);
        Ok(())
    }

    async fn write_part(&mut self, mut appends: Vec<PendingAppend>) {
        let mut attempts = Attempts::default();
        loop {
            match self.attempt(appends, &mut attempts).await {
                Next::Done => return,
                Next::Again(rest) => appends = rest,
                Next::Split(appends, error) => return self.split(appends, &error),
            }
            self.shared.counters.retry();
        }
    }

    /// Halves what was refused as a whole: the cause is often one append, and the others are found in few statements.
    fn split(&mut self, mut appends: Vec<PendingAppend>, error: &AppendError) {
        if appends.len() < 2 {
            return refuse(appends, error);
        }
        self.shared.counters.split();
        let second = appends.split_off(appends.len() / 2);
        self.parts.extend([second, appends]);
    }

    async fn attempt(&mut self, mut appends: Vec<PendingAppend>, attempts: &mut Attempts) -> Next {
        appends.retain(PendingAppend::mark_sent);
        if appends.is_empty() {
            return Next::Done;
        }
        match self.execute(&appends, attempts).await {
            Ok(results) => {
                let refused = self.answer_written(appends, &results);
                refused.iter().for_each(PendingAppend::mark_settled);
                self.look_up(refused, attempts, not_inserted()).await
            }
            Err(failed) => self.recover(appends, attempts, failed).await,
        }
    }

    async fn execute(
        &mut self,
        appends: &[PendingAppend],
        attempts: &Attempts,
    ) -> Result<Vec<EntryResult>, StatementError> {
        if self.deadline.has_passed() {
            return Err(StatementError::timed_out(false));
        }
        let entries = entries(appends);
        let locks = attempts.locks() || advisory_lock::is_needed(&entries);
        let transaction = Transaction {
            begin: &self.shared.begin,
            // A batch is always alone.
            all_or_nothing: appends.iter().any(|append| append.appends.len() > 1),
            locks,
        };
        let is_in_doubt = AtomicBool::new(false);
        let in_doubt = || is_in_doubt.store(true, Ordering::Relaxed);
        let connection = connection(&mut self.connection).map_err(StatementError::before_commit)?;
        let write = async {
            if locks || self.shared.always_in_transaction {
                return advisory_lock::write(connection, &entries, transaction, in_doubt).await;
            }
            in_doubt();
            let written = insert::write(connection, &entries, transaction.all_or_nothing).await;
            written.map_err(StatementError::in_doubt)
        };
        let outcome = self.deadline.run(write).await;
        let outcome = outcome.unwrap_or_else(|_| Err(StatementError::timed_out(is_in_doubt.into_inner())));
        self.finish(outcome.as_ref().err().map(|failed| &failed.error));
        outcome
    }

    /// Gives the connection back its good name, or not.
    fn finish(&mut self, failed: Option<&sqlx::Error>) {
        self.reached |= failed.is_none_or(|error| error.as_database_error().is_some());
        if let Some(connection) = &mut self.connection {
            connection.finish(failed);
        }
    }

    /// Answers the appends that are committed; returns the others.
    fn answer_written(&mut self, appends: Vec<PendingAppend>, mut results: &[EntryResult]) -> Vec<PendingAppend> {
        let (mut written, mut refused) = (Vec::with_capacity(appends.len()), Vec::new());
        for append in appends {
            let own = results.split_off(..append.appends.len()).unwrap_or_default();
            match own.iter().copied().collect::<Option<Vec<Appended>>>() {
                Some(places) => written.push((append, places)),
                None => refused.push(append),
            }
        }
        if written.iter().any(|(append, _)| append.size.events > 0) {
            self.shared.notifier.on_commit();
        }
        if refused.is_empty() && self.parts.is_empty() {
            // The callers may need it for what they do next.
            self.connection = None;
        }
        for (append, places) in written {
            append.complete(Ok(places));
        }
        refused
    }

    async fn recover(&mut self, appends: Vec<PendingAppend>, attempts: &mut Attempts, failed: StatementError) -> Next {
        if failed.is_refusal() {
            appends.iter().for_each(PendingAppend::mark_settled);
        }
        match failed.recovery() {
            Recovery::LookUp => {
                attempts.lost_races += 1;
                let error = AppendError::Backend(Arc::new(failed.error));
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
            Recovery::Settle if attempts.may_reconnect() => self.settle(appends, failed).await,
            Recovery::Split | Recovery::Prepare => Next::Split(appends, failed.into_append_error()),
            _ => {
                tracing::warn!(error = %failed.error, appends = appends.len(), "a group of appends failed");
                refuse(appends, &failed.into_append_error());
                Next::Done
            }
        }
    }

    /// Looks up why appends were refused, and answers them; the rest is worth another attempt, unless nothing has changed
    /// since the last one. Then the cause is none that the log knows, and `error` is the answer.
    async fn look_up(&mut self, appends: Vec<PendingAppend>, attempts: &mut Attempts, error: AppendError) -> Next {
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
    /// the events up on another connection. Those that are not stored are worth another attempt.
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

fn connection(connection: &mut Option<PooledConnection>) -> Result<&mut sqlx::PgConnection, sqlx::Error> {
    connection.as_mut().ok_or(sqlx::Error::PoolClosed)?.connection()
}

fn entries(appends: &[PendingAppend]) -> Vec<&StreamAppend> {
    appends.iter().flat_map(|append| &append.appends).collect()
}

fn refuse(appends: Vec<PendingAppend>, error: &AppendError) {
    for append in appends {
        append.complete(Err(error.clone()));
    }
}

/// Nothing speaks against an append, and yet it leaves no row.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the database accepted the events and stored none: a trigger on the table drops rows")]
pub(crate) struct NotInserted;

pub(crate) fn not_inserted() -> AppendError {
    AppendError::Backend(Arc::new(NotInserted))
}
