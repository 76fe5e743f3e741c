//! Group commit: appends that arrive while a commit is in flight share the next one.
//!
//! Callers send their appends over a channel to one task, which runs on the store's runtime, and wait for the answer: they
//! need no runtime of their own. The task owns the queue, so there is no lock around it.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{AppendError, StreamAppend};
use tokio::{
    runtime::{Handle, Id},
    sync::{mpsc, watch},
};
use tracing::{Instrument, Span};

use crate::{
    append_stats::{AppendCounters, AppendStats},
    commit_task::{CommitTask, WriteGroup},
    deadline::Deadline,
    errors::StoreStopped,
    options::Settings,
    pending_append::{AppendReply, PendingAppend},
    run::BACKSTOP,
};

/// The callers' end of group commit.
#[derive(Debug)]
pub(crate) struct GroupCommit {
    requests: mpsc::UnboundedSender<Request>,
    /// Where the task runs.
    runtime: Id,
    acquire_timeout: Duration,
    statement_timeout: Duration,
    counters: Arc<AppendCounters>,
    /// Closed when the task has ended.
    ended: watch::Receiver<()>,
}

#[derive(Debug)]
pub(crate) enum Request {
    Append(PendingAppend),
    /// Refuse what comes now, finish what came before.
    Close,
}

impl GroupCommit {
    /// Starts the task on `handle`. It ends with this value, or with [`GroupCommit::close`].
    pub(crate) fn start(
        handle: &Handle,
        settings: &Settings,
        writer: impl WriteGroup,
        counters: Arc<AppendCounters>,
    ) -> Self {
        let (requests, receiver) = mpsc::unbounded_channel();
        let (alive, ended) = watch::channel(());
        let task = CommitTask::new(receiver, writer, settings.max_queued_appends, Arc::clone(&counters));
        handle.spawn(async move {
            task.run().await;
            drop(alive);
        });
        Self {
            requests,
            runtime: handle.id(),
            acquire_timeout: settings.acquire_timeout,
            statement_timeout: settings.statement_timeout,
            counters,
            ended,
        }
    }

    /// Appends, and waits for the answer. The entries have passed their checks.
    pub(crate) async fn append(&self, appends: Vec<StreamAppend>) -> AppendReply {
        let span = span(&appends);
        let (append, reply) = PendingAppend::new(appends, self.acquire_timeout);
        if self.requests.send(Request::Append(append)).is_err() {
            return Err(AppendError::from(StoreStopped::Closed.unavailable()));
        }
        if Handle::try_current().is_ok_and(|caller| caller.id() != self.runtime) {
            return reply.wait_within(self.backstop()).instrument(span).await;
        }
        reply.wait().instrument(span).await
    }

    /// Refuses further appends and waits for those that are under way, until the deadline.
    pub(crate) async fn close(&self, deadline: Deadline) {
        // An error says that the task has ended.
        let _ = self.requests.send(Request::Close);
        let mut ended = self.ended.clone();
        if deadline.run(ended.changed()).await.is_err() {
            tracing::warn!("closing the store, though appends are still under way");
        }
    }

    /// Counters and gauges.
    pub(crate) fn stats(&self) -> AppendStats {
        self.counters.stats()
    }

    fn backstop(&self) -> Duration {
        let limit = self.acquire_timeout.saturating_add(self.statement_timeout);
        limit.saturating_add(BACKSTOP)
    }
}

fn span(appends: &[StreamAppend]) -> Span {
    if let [append] = appends {
        return tracing::debug_span!(
            "append",
            stream_id = %append.stream_id,
            expected_version = %append.expected,
            events = append.events.len(),
        );
    }
    let events = appends.iter().map(|append| append.events.len()).sum::<usize>();
    tracing::debug_span!("append_batch", streams = appends.len(), events)
}
