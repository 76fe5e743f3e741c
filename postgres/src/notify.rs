//! Telling readers of commits: those of this process at once, those elsewhere by NOTIFY.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use sqlx::Executor;
use tokio::{sync::watch, time::sleep};

use crate::{pool::Pool, pooled_connection::PooledConnection, statements};

/// Notifications of one process are at least so far apart: those between share one.
const SPACING: Duration = Duration::from_millis(10);

/// Tells of commits. A NOTIFY is a transaction of its own, after the append's: within it, every append of the database would
/// wait in line for the one lock that keeps notifications in order.
#[derive(Debug)]
pub(crate) struct Notifier {
    pool: Arc<Pool>,
    /// Whether others are told.
    notifies: bool,
    /// Sent along, so that this store does not wake itself twice.
    name: String,
    local: watch::Sender<u64>,
    // A std Mutex: nothing awaits while it is held.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Something was committed of which the others have not been told.
    is_due: bool,
    /// A task is telling them.
    is_running: bool,
    last: Option<Instant>,
}

impl Notifier {
    pub(crate) fn new(pool: Arc<Pool>, notifies: bool) -> Arc<Self> {
        Arc::new(Self {
            pool,
            notifies,
            // Unlike any other's; hashing nothing under a random key is all the randomness that this needs.
            name: format!("{:016x}", RandomState::new().hash_one(())),
            local: watch::Sender::new(0),
            state: Mutex::default(),
        })
    }

    /// Changes with every commit of this store, and with those it hears of.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.local.subscribe()
    }

    /// Wakes the readers of this process.
    pub(crate) fn on_notification(&self) {
        self.local.send_modify(|commits| *commits = commits.wrapping_add(1));
    }

    /// Whether a notification is this store's own.
    pub(crate) fn is_own(&self, payload: &str) -> bool {
        payload == self.name
    }

    /// Wakes all readers: those elsewhere soon, by a task that no append waits for.
    pub(crate) fn on_commit(self: &Arc<Self>) {
        self.on_notification();
        let mut state = self.state();
        state.is_due = self.notifies;
        if !state.is_due || state.is_running {
            return;
        }
        state.is_running = true;
        drop(state);
        // Not under the lock: a runtime that has ended drops the task at once.
        self.pool.handle().spawn(Arc::clone(self).run());
    }

    /// Notifies until nothing is due.
    async fn run(self: Arc<Self>) {
        while let Some(pause) = self.next_pause() {
            sleep(pause).await;
            self.state().is_due = false;
            let name = self.name.clone();
            let notifying = self
                .pool
                .run_until(self.pool.deadline(), move |connection| notify(connection, name.clone()));
            if let Err(error) = notifying.await {
                // They find it by polling.
                tracing::debug!(%error, "readers elsewhere could not be notified");
            }
            self.state().last = Some(Instant::now());
        }
    }

    /// How long to wait before the next notification; `None` when none is due, and then the next commit starts another task.
    fn next_pause(&self) -> Option<Duration> {
        let mut state = self.state();
        state.is_running = state.is_due;
        let since = state.last.map_or(SPACING, |last| last.elapsed());
        state.is_due.then(|| SPACING.saturating_sub(since))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn notify(connection: &mut PooledConnection, name: String) -> BoxFuture<'_, Result<(), sqlx::Error>> {
    Box::pin(async move {
        let query = sqlx::query(statements::NOTIFY).bind(name);
        connection.connection()?.execute(query).await.map(drop)
    })
}
