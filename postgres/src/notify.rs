//! Telling readers of commits: those of this process at once, those elsewhere by NOTIFY.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::Executor;
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{connection::Connections, statements};

/// Notifications of one process are at least so far apart: those between share one.
const SPACING: Duration = Duration::from_millis(10);

/// Tells of commits. A NOTIFY is a transaction of its own, after the append's: within it, every append of the database would
/// wait in line for the one lock that keeps notifications in order.
#[derive(Debug)]
pub(crate) struct Announcer {
    connections: Arc<Connections>,
    /// Whether others are told.
    notifies: bool,
    /// Sent along, so that this store does not wake itself twice.
    name: String,
    here: watch::Sender<u64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Something was committed that nobody elsewhere knows of.
    due: bool,
    /// A task is at it.
    busy: bool,
    last: Option<Instant>,
}

impl Announcer {
    pub(crate) fn new(connections: Arc<Connections>, notifies: bool) -> Arc<Self> {
        Arc::new(Self {
            connections,
            notifies,
            // Unlike any other's; hashing nothing under a random key is all the randomness that this needs.
            name: format!("{:016x}", RandomState::new().hash_one(())),
            here: watch::Sender::new(0),
            state: Mutex::default(),
        })
    }

    /// Changes with every commit of this store, and with those it hears of.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.here.subscribe()
    }

    /// Wakes the readers of this process.
    pub(crate) fn heard(&self) {
        self.here.send_modify(|heard| *heard = heard.wrapping_add(1));
    }

    /// Whether a notification is this store's own.
    pub(crate) fn is_mine(&self, payload: &str) -> bool {
        payload == self.name
    }

    /// Wakes all readers: those elsewhere soon, by a task that no append waits for.
    pub(crate) fn committed(self: &Arc<Self>) {
        self.heard();
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut state = self.state();
        state.due = self.notifies;
        if !state.due || state.busy {
            return;
        }
        state.busy = true;
        drop(state);
        // Not under the lock: a runtime that is shutting down drops the task at once.
        let announcing = Announcing {
            announcer: Arc::clone(self),
            finished: false,
        };
        runtime.spawn(announcing.all());
    }

    async fn notify(&self) -> Result<(), sqlx::Error> {
        let mut lease = self.connections.lease().await?;
        let query = sqlx::query(statements::NOTIFY).bind(self.name.clone());
        let outcome = lease.connection()?.execute(query).await;
        lease.finish(outcome.as_ref().err());
        outcome.map(drop)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that notifies until nothing is due.
struct Announcing {
    announcer: Arc<Announcer>,
    finished: bool,
}

impl Announcing {
    async fn all(mut self) {
        while let Some(earliest) = self.next() {
            sleep_until(earliest).await;
            self.announcer.state().due = false;
            if let Err(error) = self.announcer.notify().await {
                // They find it by polling.
                tracing::debug!(%error, "readers elsewhere could not be notified");
            }
            self.announcer.state().last = Some(Instant::now());
        }
    }

    /// When the next one may go; `None` when there is none, and then the next commit starts another task.
    fn next(&mut self) -> Option<Instant> {
        let mut state = self.announcer.state();
        state.busy = state.due;
        self.finished = !state.due;
        state
            .due
            .then(|| state.last.map_or_else(Instant::now, |last| last + SPACING))
    }
}

impl Drop for Announcing {
    /// When the runtime ends in the middle, another one takes over.
    fn drop(&mut self) {
        if !self.finished {
            self.announcer.state().busy = false;
        }
    }
}
