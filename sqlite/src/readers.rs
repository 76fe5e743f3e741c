//! Reads: each runs in a task of its own, within the limits of a call.

use std::{path::Path, sync::Arc};

use futures::future::BoxFuture;
use sqlx::SqliteConnection;

use crate::{
    deadline::Deadline, errors::StatementError, files::Files, limits::Limits, pool::Pool, runtime::StoreRuntime,
};

/// What a read needs. Clones share the connections.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    pub(crate) pool: Arc<Pool>,
    pub(crate) runtime: StoreRuntime,
    pub(crate) limits: Limits,
    /// `None` for a store in memory.
    pub(crate) files: Option<Arc<Files>>,
}

impl Readers {
    /// The path of the database, for messages.
    pub(crate) fn path(&self) -> &Path {
        self.files.as_ref().map_or(Path::new(":memory:"), |files| files.path())
    }

    /// Does some work with a connection, in a task of its own: a caller may stop polling in the middle and wait for
    /// something else that needs the same connection.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, StatementError>
    where
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
        T: Send + 'static,
    {
        let readers = self.clone();
        self.runtime.run(async move { readers.run_here(work).await }).await?
    }

    async fn run_here<T, W>(&self, work: W) -> Result<T, StatementError>
    where
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send,
    {
        self.files.as_ref().map_or(Ok(()), |files| files.check_database())?;
        let mut lent = Deadline::after(self.limits.acquire).run(self.pool.acquire()).await??;
        // It was opened by the path, just now.
        if let Some(files) = self.files.as_ref().filter(|_| lent.is_new()) {
            files.check()?;
        }
        let done = lent.run_by(Deadline::after(self.limits.statement), work).await?;
        if let Err(error) = &done {
            lent.discard_if_lost(error);
        }
        Ok(done?)
    }
}
