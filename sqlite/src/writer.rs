//! What the group-commit task writes with: the connection, the checks of the files, and the limits.

use std::{mem, path::Path, sync::Arc};

use composable_rust_core::AppendError;
use futures::future::BoxFuture;
use sqlx::{Executor, Row, SqliteConnection};

use crate::{
    FileMismatch,
    append::{self, Written},
    deadline::Deadline,
    errors::{self, StatementError, StoreStopped},
    files::Files,
    insert::WriteError,
    limits::Limits,
    pending_append::{Answer, PendingAppend},
    pool::{Pool, PooledConnection},
    speculative::SpeculativeWriter,
    statements,
    stats::Counters,
};

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) pool: Arc<Pool>,
    pub(crate) limits: Limits,
    /// `None` for a store in memory.
    pub(crate) files: Option<Arc<Files>>,
    pub(crate) speculative: Arc<SpeculativeWriter>,
    pub(crate) counters: Arc<Counters>,
}

impl Writer {
    /// Writes a group and answers everyone in it. A group that the database refuses is halved: one append may be the
    /// reason, such as one that does not fit on the disk, and the others are written without it.
    pub(crate) async fn write(&self, group: &mut [PendingAppend]) {
        let Some(oldest) = group.iter().map(|pending| pending.acquire_by).min() else {
            return;
        };
        let deadline = oldest.plus(self.limits.statement);
        let mut parts = vec![group];
        while let Some(part) = parts.pop() {
            match self.try_write(part, deadline).await {
                Ok(answers) => self.complete(part, answers),
                Err(AppendError::Backend(source)) if part.len() > 1 && !source.is::<FileMismatch>() => {
                    let (first, second) = part.split_at_mut(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(error) => {
                    tracing::warn!(%error, appends = part.len(), "a group of appends failed");
                    self.complete(part, vec![Err(error); part.len()]);
                }
            }
        }
    }

    fn complete(&self, group: &mut [PendingAppend], answers: Vec<Answer>) {
        self.counters.count_group(&answers);
        for (pending, answer) in group.iter_mut().zip(answers) {
            pending.reply.complete(answer);
        }
    }

    async fn try_write(&self, group: &mut [PendingAppend], deadline: Deadline) -> Result<Vec<Answer>, AppendError> {
        let not_written = |error: StatementError| errors::before_commit(error, self.path());
        let mut connection = self.connection(deadline).await.map_err(not_written)?;
        // Apart from the connection, which the work borrows.
        let mut timer = mem::take(&mut connection.timer);
        let write = append::group(&mut connection, group, &self.speculative);
        let written = timer.run(deadline.within(self.limits.statement), write).await;
        connection.timer = timer;
        match written {
            Ok(written) => self.acknowledge(written.map_err(|failed| self.failure(failed))?),
            // Everyone's append is in doubt, or none.
            Err(_) => Err(group.first().map_or_else(
                || StoreStopped::TimedOut.not_written(),
                |pending| pending.reply.failure(StoreStopped::TimedOut),
            )),
        }
    }

    fn failure(&self, failed: WriteError) -> AppendError {
        if failed.at_commit {
            errors::at_commit(failed.error, self.path())
        } else {
            errors::before_commit(failed.error, self.path())
        }
    }

    /// Checks, after the commit, that it went to the files at the path. If not, the outcome is unknown and not a failure:
    /// the events are in a file that may have been moved, and come back with it.
    fn acknowledge(&self, (answers, log_end): Written) -> Result<Vec<Answer>, AppendError> {
        let checked = self.files.as_ref().map_or(Ok(()), |files| files.check_after_commit());
        checked.map_err(|mismatch| AppendError::OutcomeUnknown(Arc::new(mismatch)))?;
        self.speculative.committed(log_end);
        Ok(answers)
    }

    pub(crate) fn path(&self) -> &Path {
        self.files.as_ref().map_or(Path::new(":memory:"), |files| files.path())
    }

    /// The connection, once it is sure that its files are those at the path.
    async fn connection(&self, deadline: Deadline) -> Result<PooledConnection, StatementError> {
        let mut lent = deadline.within(self.limits.acquire).run(self.pool.acquire()).await??;
        if let Some(files) = self.files.as_ref().filter(|files| files.is_check_due()) {
            let wal_bytes = files.check()?;
            if files.has_shrunk(wal_bytes) {
                let frames = deadline.run(wal_frames(lent.connection()?)).await??;
                files.check_frames(wal_bytes, frames)?;
            }
        }
        Ok(lent)
    }

    /// Runs some other work on the connection: a part of a snapshot, or a checkpoint.
    pub(crate) async fn run<T: Send>(
        &self,
        deadline: Deadline,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    ) -> Result<T, StatementError> {
        let mut lent = self.connection(deadline).await?;
        lent.transaction()?;
        let done = lent.run_by(deadline.within(self.limits.statement), work).await?;
        match &done {
            Ok(_) => lent.committed(),
            Err(error) => {
                lent.discard_if_lost(error);
                lent.roll_back().await;
            }
        }
        Ok(done?)
    }

    /// Uses a pause between two groups.
    pub(crate) fn note_pause(&self) {
        if let Some(files) = &self.files {
            files.note_pause();
        }
    }

    /// Moves the write-ahead log into the file, so that the next commit can start it over. Waits for no reader.
    pub(crate) async fn checkpoint(&self) {
        let deadline = Deadline::after(self.limits.sum());
        let done = self
            .run(deadline, |connection| {
                Box::pin(connection.execute(statements::CHECKPOINT))
            })
            .await;
        if let Err(error) = done {
            tracing::debug!(%error, "the write-ahead log could not be moved into the file");
        }
    }
}

/// The number of pages that SQLite counts in the write-ahead log.
async fn wal_frames(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let row = connection.fetch_one(statements::WAL_FRAMES).await?;
    Ok(u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default())
}
