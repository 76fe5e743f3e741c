//! LISTEN: a connection of the store's own on which other processes wake its waiting readers.

use std::{sync::Weak, time::Duration};

use sqlx::{
    Executor, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::time::sleep;

use crate::{
    deadline::Deadline,
    errors::{ConnectFailure, TimeLimit},
    notify::Notifier,
    pool::Limits,
    statements,
};

/// How soon a connection that was lost is opened again; twice as long after each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A connection on which nothing was heard for so long is asked for a sign of life, and for half the statement timeout where
/// that is shorter. A network that falls silent closes no connection: the listener would wait for ever.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Listens until the store ends. Readers do not depend on it: they poll, and a notification makes them do so now.
pub(crate) async fn run_listener(options: PgConnectOptions, limits: Limits, notifier: Weak<Notifier>) {
    let mut pause = FIRST_PAUSE;
    while notifier.strong_count() > 0 {
        let lost = match connect(&options, limits).await {
            Ok(listener) => {
                pause = FIRST_PAUSE;
                forward(listener, limits, &notifier).await
            }
            Err(error) => {
                pause = (pause * 2).min(LONGEST_PAUSE);
                Err(error)
            }
        };
        if let Err(error) = lost {
            tracing::debug!(%error, "notifications of commits elsewhere can't be had: readers poll");
        }
        sleep(pause).await;
    }
}

/// Passes notifications on until the connection is lost.
async fn forward(mut listener: PgListener, limits: Limits, notifier: &Weak<Notifier>) -> Result<(), sqlx::Error> {
    wake(notifier, None);
    let keepalive = KEEPALIVE.min(limits.statement / 2);
    loop {
        match Deadline::after(keepalive).run(listener.try_recv()).await {
            Ok(received) => match received? {
                Some(notification) => wake(notifier, Some(notification.payload())),
                None => return Ok(()),
            },
            Err(_) => within(limits.statement, listener.execute(statements::PING))
                .await
                .map(drop)?,
        }
    }
}

/// A connection that listens. It asks for the channel, which is another one if the log was restored meanwhile.
async fn connect(options: &PgConnectOptions, limits: Limits) -> Result<PgListener, sqlx::Error> {
    // The listener wants a pool. A new one each time: a silent connection would keep its place in the old one.
    let pool = listener_pool(options);
    let connecting = Deadline::after(limits.acquire)
        .run(PgListener::connect_with(&pool))
        .await;
    let mut listener = connecting.unwrap_or_else(|_| Err(ConnectFailure::timed_out()))?;
    listener.eager_reconnect(false);
    let channel = sqlx::query_scalar(statements::NOTIFY_CHANNEL).fetch_one(&mut listener);
    let channel: String = within(limits.statement, channel).await?;
    within(limits.statement, listener.listen(&channel)).await?;
    Ok(listener)
}

/// It must not open a second connection, nor end this one.
fn listener_pool(options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(options.clone())
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let worked = Deadline::after(limit).run(work).await;
    worked.unwrap_or_else(|_| Err(TimeLimit::Statement.into()))
}

/// Wakes the readers, unless this store has told itself. Without a payload: something may have been missed.
fn wake(notifier: &Weak<Notifier>, payload: Option<&str>) {
    if let Some(notifier) = notifier.upgrade()
        && !payload.is_some_and(|payload| notifier.is_own(payload))
    {
        notifier.on_notification();
    }
}
