//! A snapshot on its way through the queue: work for the group-commit task, in short steps.

use std::{
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use composable_rust_core::{Snapshot, SnapshotError, SnapshotOutcome, StreamId};
use sqlx::{Executor, Sqlite, query::Query, sqlite::SqliteArguments};
use tokio::sync::oneshot;

use crate::{
    deadline::Deadline,
    errors::{self, StatementError, StoreStopped},
    row,
    snapshot::outcome,
    statements,
    writer::Writer,
};

/// A larger snapshot is saved in parts of this size. Appends wait for one part at most.
const PART_BYTES: usize = 1 << 20;

/// Saves or deletes a snapshot, one short transaction a step.
#[derive(Debug)]
pub(crate) struct PendingSnapshot {
    stream_id: String,
    /// `None` to delete.
    snapshot: Option<Snapshot>,
    save_id: Vec<u8>,
    step: Step,
    deadline: Deadline,
    reply: SnapshotReply,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Start,
    /// The parts from this one on are still to be written.
    Parts(usize),
    /// The caller has the answer; what the snapshot has replaced is removed, part by part.
    RemoveRubbish,
}

/// Whether the stream's snapshot was changed.
pub(crate) type Answer = Result<SnapshotOutcome, SnapshotError>;

impl PendingSnapshot {
    pub(crate) fn save(
        stream_id: StreamId,
        snapshot: Snapshot,
        deadline: Deadline,
    ) -> (Self, oneshot::Receiver<Answer>) {
        Self::new(stream_id, Some(snapshot), deadline)
    }

    pub(crate) fn delete(stream_id: StreamId, deadline: Deadline) -> (Self, oneshot::Receiver<Answer>) {
        Self::new(stream_id, None, deadline)
    }

    fn new(stream_id: StreamId, snapshot: Option<Snapshot>, deadline: Deadline) -> (Self, oneshot::Receiver<Answer>) {
        let (sender, answer) = oneshot::channel();
        let pending = Self {
            stream_id: stream_id.into(),
            snapshot,
            save_id: save_id(),
            step: Step::Start,
            deadline,
            reply: SnapshotReply(Some(sender)),
        };
        (pending, answer)
    }

    /// Does the next step. `false` when nothing is left to do.
    pub(crate) async fn step(&mut self, writer: &Writer) -> bool {
        if matches!(self.step, Step::Start) && self.reply.is_abandoned() {
            return false;
        }
        let is_answered = matches!(self.step, Step::RemoveRubbish);
        match self.try_step(writer).await {
            Ok(more) => more,
            // The next save removes the rubbish.
            Err(_) if is_answered => false,
            Err(error) => {
                self.reply.complete(Err(errors::of_snapshot(error, writer.path())));
                self.step = Step::RemoveRubbish;
                true
            }
        }
    }

    async fn try_step(&mut self, writer: &Writer) -> Result<bool, StatementError> {
        match self.step {
            Step::Start => self.start(writer).await?,
            Step::Parts(part) => self.save_part(part, writer).await?,
            Step::RemoveRubbish => return self.remove_rubbish(writer).await,
        }
        Ok(true)
    }

    async fn start(&mut self, writer: &Writer) -> Result<(), StatementError> {
        let query = match &self.snapshot {
            Some(snapshot) if snapshot.data.len() > PART_BYTES => {
                self.step = Step::Parts(0);
                return Ok(());
            }
            Some(snapshot) => self.bind(statements::SAVE_SNAPSHOT, snapshot, snapshot.data.clone()),
            None => sqlx::query(statements::DELETE_SNAPSHOT).bind(self.stream_id.clone()),
        };
        let changed = self.execute(writer, query).await?;
        self.answer(changed);
        Ok(())
    }

    /// Saves a part, or makes the snapshot visible after the last one.
    async fn save_part(&mut self, part: usize, writer: &Writer) -> Result<(), StatementError> {
        let Some(snapshot) = &self.snapshot else {
            return Ok(());
        };
        let number = i64::try_from(part).unwrap_or(i64::MAX);
        if let Some(data) = snapshot.data.chunks(PART_BYTES).nth(part) {
            let query = sqlx::query(statements::SAVE_SNAPSHOT_PART)
                .bind(self.stream_id.clone())
                .bind(self.save_id.clone())
                .bind(number)
                .bind(data.to_vec());
            self.execute(writer, query).await?;
            self.step = Step::Parts(part + 1);
        } else {
            let query = self.bind(statements::FINISH_SNAPSHOT, snapshot, Vec::new());
            let query = query.bind(number).bind(self.save_id.clone());
            let changed = self.execute(writer, query).await?;
            self.answer(changed);
        }
        Ok(())
    }

    fn answer(&mut self, changed: bool) {
        self.reply.complete(Ok(outcome(changed)));
        self.step = Step::RemoveRubbish;
        // The removal is nobody's call.
        self.snapshot = None;
    }

    async fn remove_rubbish(&self, writer: &Writer) -> Result<bool, StatementError> {
        let query = sqlx::query(statements::DELETE_SNAPSHOT_PART).bind(self.stream_id.clone());
        let deadline = Deadline::after(writer.limits.sum());
        let done = writer.run(deadline, |connection| connection.execute(query)).await?;
        Ok(done.rows_affected() > 0)
    }

    async fn execute(
        &self,
        writer: &Writer,
        query: Query<'static, Sqlite, SqliteArguments>,
    ) -> Result<bool, StatementError> {
        if self.deadline.has_passed() {
            return Err(StoreStopped::TimedOut.into());
        }
        let done = writer
            .run(self.deadline, |connection| connection.execute(query))
            .await?;
        Ok(done.rows_affected() > 0)
    }

    fn bind(&self, sql: &'static str, snapshot: &Snapshot, data: Vec<u8>) -> Query<'static, Sqlite, SqliteArguments> {
        sqlx::query(sql)
            .bind(self.stream_id.clone())
            .bind(snapshot.version.as_i64())
            .bind(data)
            .bind(snapshot.schema)
            .bind(row::micros(SystemTime::now()))
    }

    /// Waits until the caller is gone.
    pub(crate) async fn caller_left(&mut self) {
        if let Some(sender) = &mut self.reply.0 {
            sender.closed().await;
        }
    }

    /// Completes it, unless it is complete, with a failure of the store itself.
    pub(crate) fn fail(&mut self, stopped: StoreStopped) {
        self.reply.fail(stopped);
    }
}

/// Unique among the saves of all processes on this machine, so that parts of two saves do not mix.
fn save_id() -> Vec<u8> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = row::micros(SystemTime::now());
    [
        &process::id().to_be_bytes()[..],
        &now.to_be_bytes(),
        &number.to_be_bytes(),
    ]
    .concat()
}

/// Completes a snapshot exactly once; when it is dropped, with the reason that the runtime has ended.
#[derive(Debug)]
struct SnapshotReply(Option<oneshot::Sender<Answer>>);

impl SnapshotReply {
    fn is_abandoned(&self) -> bool {
        self.0.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn complete(&mut self, answer: Answer) {
        if let Some(sender) = self.0.take() {
            // A caller that is gone needs no answer.
            let _ = sender.send(answer);
        }
    }

    fn fail(&mut self, stopped: StoreStopped) {
        self.complete(Err(errors::of_snapshot(stopped, Path::new(""))));
    }
}

impl Drop for SnapshotReply {
    fn drop(&mut self) {
        self.fail(StoreStopped::RuntimeEnded);
    }
}
