//! The end of the log, and waiting for it to move: all waiters share their looks at the file.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use composable_rust_core::Position;
use sqlx::{Executor, Row};
use tokio::sync::{Mutex, watch};

use crate::{deadline::Deadline, errors::StatementError, readers::Readers, row, statements, stats::Counters};

/// Looks at the end of the log. A look that began late enough for several waiters serves them all: however many wait, the
/// file is looked at no more than about twice in each poll interval.
#[derive(Clone, Debug)]
pub(crate) struct LogEnd {
    readers: Readers,
    interval: Duration,
    counters: Arc<Counters>,
    /// When the last look began, and what it saw. Tokio's Mutex: it is held during a look, which the others then share.
    last: Arc<Mutex<Option<(Instant, Position)>>>,
}

impl LogEnd {
    pub(crate) fn new(readers: Readers, interval: Duration, counters: Arc<Counters>) -> Self {
        Self {
            readers,
            interval,
            counters,
            last: Arc::default(),
        }
    }

    /// Waits for an event behind `after`. `committed` is the position of this store's last commit, which needs no look.
    /// SQLite announces nothing to other processes, so their commits are found by polling.
    pub(crate) async fn wait(
        &self,
        mut committed: watch::Receiver<i64>,
        after: Position,
    ) -> Result<(), StatementError> {
        // What other processes have committed before the call ends the wait at once.
        let mut not_before = Instant::now();
        loop {
            // Marked as seen before looking: a commit in between wakes it again.
            committed.mark_unchanged();
            if self.look(not_before).await? > after {
                return Ok(());
            }
            let woken = Deadline::after(self.interval).run(committed.changed()).await;
            if let Ok(Err(_)) = woken {
                // The store is gone, or read-only: only polling is left.
                let _ = Deadline::after(self.interval).run(std::future::pending::<()>()).await;
            }
            if row::at(*committed.borrow()) > after {
                return Ok(());
            }
            not_before = Instant::now().checked_sub(self.interval / 2).unwrap_or(not_before);
        }
    }

    /// The end of the log, seen by a look that began at `not_before` or later.
    async fn look(&self, not_before: Instant) -> Result<Position, StatementError> {
        let mut last = self.last.lock().await;
        if let Some((begun, end)) = *last
            && begun >= not_before
        {
            return Ok(end);
        }
        let begun = Instant::now();
        self.counters.count_log_poll();
        let end = head(&self.readers).await?;
        *last = Some((begun, end));
        Ok(end)
    }
}

pub(crate) async fn head(readers: &Readers) -> Result<Position, StatementError> {
    let query = sqlx::query(statements::LOG_END);
    let row = readers.run(|connection| connection.fetch_one(query)).await?;
    Ok(row::at(row.try_get(3)?))
}
