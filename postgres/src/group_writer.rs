//! Writes a group of appends: one statement, and what follows where it could not write everything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use composable_rust_core::{AppendError, Appended, StreamAppend};
use futures::future::BoxFuture;

use crate::{
    advisory_lock::{self, Transaction},
    append_stats::AppendCounters,
    attempts::Attempts,
    commit_task::WriteGroup,
    deadline::Deadline,
    errors,
    group_recovery::not_inserted,
    insert::{self, EntryResult},
    notify::Notifier,
    options::Settings,
    pending_append::PendingAppend,
    pool::Pool,
    pooled_connection::PooledConnection,
    statement_error::StatementError,
};

/// Writes groups to the database.
#[derive(Clone, Debug)]
pub(crate) struct GroupWriter(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pool: Arc<Pool>,
    notifier: Arc<Notifier>,
    pub(crate) counters: Arc<AppendCounters>,
    statement_timeout: Duration,
    begin: String,
    /// A pooler hands out sessions without limits of their own, so each append is a transaction that sets them.
    pub(crate) always_in_transaction: bool,
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
pub(crate) struct GroupWrite {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Option<PooledConnection>,
    /// When the statements give up, with their reruns and lookups.
    pub(crate) deadline: Deadline,
    /// What is left to be written after a refusal of the whole, the next one last.
    parts: Vec<Vec<PendingAppend>>,
    /// Whether the database has answered.
    reached: bool,
}

/// What becomes of appends after an attempt to write them.
pub(crate) enum Next {
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

    pub(crate) async fn acquire(&mut self, deadline: Deadline) -> Result<(), sqlx::Error> {
        self.connection = Some(self.shared.pool.acquire(deadline).await?);
        Ok(())
    }

    async fn write_part(&mut self, mut appends: Vec<PendingAppend>) {
        if self.connection.is_none()
            && let Err(error) = self.acquire(self.deadline).await
        {
            return refuse(appends, &errors::before_sending(error));
        }
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

    /// Tells the pool how the last statement ended, which decides whether the connection is reused.
    pub(crate) fn finish(&mut self, failed: Option<&sqlx::Error>) {
        self.reached |= failed.is_none_or(|error| error.as_database_error().is_some());
        if let Some(connection) = &mut self.connection {
            connection.finish(failed);
        }
    }

    /// Answers the appends that are committed; returns the others.
    pub(crate) fn answer_written(
        &mut self,
        appends: Vec<PendingAppend>,
        mut results: &[EntryResult],
    ) -> Vec<PendingAppend> {
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
}

pub(crate) fn connection(connection: &mut Option<PooledConnection>) -> Result<&mut sqlx::PgConnection, sqlx::Error> {
    connection.as_mut().ok_or(sqlx::Error::PoolClosed)?.connection()
}

pub(crate) fn entries(appends: &[PendingAppend]) -> Vec<&StreamAppend> {
    appends.iter().flat_map(|append| &append.appends).collect()
}

pub(crate) fn refuse(appends: Vec<PendingAppend>, error: &AppendError) {
    for append in appends {
        append.complete(Err(error.clone()));
    }
}
