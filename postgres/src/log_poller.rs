//! The task that polls the end of the log, for all calls that wait.

use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use composable_rust_core::Position;
use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use tokio::sync::watch;

use crate::{
    deadline::Deadline,
    log_end::{self, LogEnd},
    log_waiters::LogWaiters,
    pooled_connection::PooledConnection,
};

/// How soon an unanswered question is asked again, at the latest: a commit may have been missed meanwhile.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Polls the end of the log until no call waits. While it sleeps, it holds the store only weakly.
pub(crate) struct LogPoller {
    waiters: Weak<LogWaiters>,
    commits: watch::Receiver<u64>,
    finished: bool,
}

#[derive(Clone, Copy)]
struct Pause {
    length: Duration,
    /// Not while events are held back: any number of commits would make none of them readable.
    ends_with_commit: bool,
}

impl LogPoller {
    pub(crate) fn new(waiters: &Arc<LogWaiters>) -> Self {
        Self {
            waiters: Arc::downgrade(waiters),
            commits: waiters.notifier.subscribe(),
            finished: false,
        }
    }

    pub(crate) async fn run(mut self) {
        while let Some(pause) = self.poll_once().await {
            self.sleep(pause).await;
        }
        self.finished = true;
    }

    /// Polls once. How long to sleep then; `None` when no call waits.
    async fn poll_once(&mut self) -> Option<Pause> {
        let waiters = self.waiters.upgrade()?;
        // Marked as seen before polling: a commit in between, or a new call, wakes it again.
        self.commits.mark_unchanged();
        waiters.changed.notified().now_or_never();
        let positions = waiters.positions_to_verify()?;
        let mut pause = Pause {
            length: waiters.idle_poll_interval,
            ends_with_commit: true,
        };
        match waiters.poll_log_end(positions).await {
            Ok(end) => {
                waiters.answer(&end);
                if end.more {
                    pause.length = waiters.poll_interval;
                    pause.ends_with_commit = false;
                }
            }
            Err(error) => {
                waiters.fail(error);
                pause.length = pause.length.min(RETRY_INTERVAL);
            }
        }
        Some(pause)
    }

    async fn sleep(&mut self, pause: Pause) {
        // Held weakly: a store that was dropped tells nobody, and its poller finds that out when the pause is over.
        let Some(changed) = self.waiters.upgrade().map(|waiters| waiters.changed.clone()) else {
            return;
        };
        let committed = async {
            if !pause.ends_with_commit {
                future::pending::<()>().await;
            }
            // An error is the end of the store, which is seen to next.
            let _ = self.commits.changed().await;
        };
        let (changed, committed) = (pin!(changed.notified()), pin!(committed));
        let _ = Deadline::after(pause.length)
            .run(future::select(changed, committed))
            .await;
    }
}

impl LogWaiters {
    /// Asks for the end of the log, and whether the events at `positions` are still there.
    async fn poll_log_end(&self, positions: Vec<Position>) -> Result<LogEnd, sqlx::Error> {
        self.polls.increment();
        let positions = Arc::new(positions);
        let polling = self.pool.run_until(self.pool.deadline(), move |connection| {
            query(connection, Arc::clone(&positions))
        });
        polling.await
    }
}

fn query(
    connection: &mut PooledConnection,
    positions: Arc<Vec<Position>>,
) -> BoxFuture<'_, Result<LogEnd, sqlx::Error>> {
    Box::pin(async move { log_end::read(connection, &positions).await })
}

impl Drop for LogPoller {
    /// When the runtime ends in the middle.
    fn drop(&mut self) {
        if !self.finished
            && let Some(waiters) = self.waiters.upgrade()
        {
            waiters.abandon();
        }
    }
}
