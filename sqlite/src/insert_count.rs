//! Counts the events that a transaction inserts, and refuses to commit if some are missing.
//!
//! A trigger of an application can drop rows silently (`RAISE(IGNORE)`), and an append would be acknowledged that is not
//! stored. SQLite calls the hooks of a connection for each row and before each commit. Rejected: a statement between INSERT
//! and COMMIT that compares `changes()`, which makes every group slower; and comparing after the commit, which can't be
//! undone.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sqlx::SqliteConnection;

/// The events that a transaction is to insert and has inserted. Shared with the thread of the connection.
#[derive(Debug, Default)]
pub(crate) struct InsertCount {
    expected: AtomicU64,
    inserted: AtomicU64,
}

impl InsertCount {
    /// Counts what is inserted on this connection from now on.
    pub(crate) async fn install(connection: &mut SqliteConnection) -> Result<Arc<Self>, sqlx::Error> {
        let count = Arc::new(Self::default());
        let (counting, comparing) = (Arc::clone(&count), Arc::clone(&count));
        let mut handle = connection.lock_handle().await?;
        handle.set_update_hook(move |change| {
            if change.table == "events" && change.database == "main" {
                counting.inserted.fetch_add(1, Ordering::Relaxed);
            }
        });
        // `false` makes the commit a rollback, with an error of its own.
        handle.set_commit_hook(move || {
            comparing.inserted.load(Ordering::Relaxed) == comparing.expected.load(Ordering::Relaxed)
        });
        Ok(count)
    }

    /// Starts a transaction that is to insert this many events.
    pub(crate) fn expect(&self, events: usize) {
        self.inserted.store(0, Ordering::Relaxed);
        self.expected.store(events as u64, Ordering::Relaxed);
    }
}
