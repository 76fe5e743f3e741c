//! Work with a connection, in a task of the store's runtime and within the limits of a call.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    deadline::Deadline,
    errors::{ErrorClass, StoreStopped, TimeLimit},
    pool::Pool,
    pooled_connection::PooledConnection,
};

/// A caller on another runtime waits this much longer than the store may take: the store's own answer says more.
pub(crate) const BACKSTOP: Duration = Duration::from_millis(500);

impl Pool {
    /// Does some work with a connection that may be done twice, such as reading, within the limits of one call: in a task,
    /// since a caller may stop polling in the middle and wait for something else that needs a connection.
    pub(crate) async fn run<T, W>(self: &Arc<Self>, work: W) -> Result<T, sqlx::Error>
    where
        W: for<'c> Fn(&'c mut PooledConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let (pool, deadline) = (Arc::clone(self), self.deadline());
        self.spawn(async move { pool.run_until(deadline, work).await }).await
    }

    /// The same for a task of the store, which has a deadline of its own.
    ///
    /// Runs again, once, what failed because its connection was out of date: the server had ended it while it was idle, or
    /// its prepared statements were made for tables that have been replaced since.
    pub(crate) async fn run_until<T, W>(self: &Arc<Self>, deadline: Deadline, work: W) -> Result<T, sqlx::Error>
    where
        W: for<'c> Fn(&'c mut PooledConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + Sync,
        T: Send,
    {
        let first = self.attempt(self.acquire(deadline).await?, deadline, &work).await;
        let is_outdated = first.as_ref().err().map(ErrorClass::of).is_some_and(|class| {
            matches!(
                class,
                ErrorClass::ConnectionLost | ErrorClass::IdleTimeout | ErrorClass::StalePlan
            )
        });
        if !is_outdated {
            return first;
        }
        self.counters.reads_repeated.increment();
        self.attempt(self.acquire_fresh(deadline).await?, deadline, &work).await
    }

    async fn attempt<T, W>(
        &self,
        mut connection: PooledConnection,
        deadline: Deadline,
        work: &W,
    ) -> Result<T, sqlx::Error>
    where
        W: for<'c> Fn(&'c mut PooledConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    {
        let deadline = deadline.within(self.limits().statement);
        let outcome = deadline.run(work(&mut connection)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(TimeLimit::Statement.into()));
        self.counters.note_statement(outcome.as_ref().err());
        connection.finish(outcome.as_ref().err());
        outcome
    }

    /// Runs a future as a task of the store's runtime. The future has a deadline of its own; a caller on another runtime
    /// waits only a little longer than that, since the store's runtime may be one that is not driven.
    pub(crate) async fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> Result<T, sqlx::Error> {
        self.join(self.handle().spawn(work)).await?
    }

    /// Waits for a task of the store's runtime, as [`Pool::spawn`] does.
    pub(crate) async fn join<T>(&self, task: JoinHandle<T>) -> Result<T, sqlx::Error> {
        let ended = match Handle::try_current() {
            Ok(caller) if caller.id() != self.handle().id() => {
                let backstop = self.limits().acquire.saturating_add(self.limits().statement);
                let ended = Deadline::after(backstop.saturating_add(BACKSTOP)).run(task).await;
                ended.map_err(|_| sqlx::Error::from(TimeLimit::Statement))?
            }
            _ => task.await,
        };
        ended.map_err(|error| {
            if error.is_panic() {
                sqlx::Error::WorkerCrashed
            } else {
                StoreStopped::RuntimeEnded.into()
            }
        })
    }
}
