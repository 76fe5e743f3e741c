//! LISTEN: a connection of the store's own on which other processes wake its waiting readers.

use std::{sync::Weak, time::Duration};

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::time::sleep;

use crate::{notify::Announcer, statements};

/// How soon a connection that was lost is opened again; twice as long after each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Listens until the store ends. Nothing depends on it: readers poll, and a notification makes them do so now.
pub(crate) async fn listen(options: PgConnectOptions, announcer: Weak<Announcer>) {
    // The listener wants a pool; nobody else ever sees it. It must not open a second connection, nor end this one.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None);
    let pool = pool.connect_lazy_with(options);
    let mut pause = FIRST_PAUSE;
    while announcer.strong_count() > 0 {
        match hear(&pool, &announcer).await {
            Ok(()) => pause = FIRST_PAUSE,
            Err(error) => {
                tracing::debug!(%error, "notifications of commits elsewhere can't be had: readers poll");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        sleep(pause).await;
    }
}

/// Passes notifications on until the connection is lost. A new one asks for the channel again: the log may have been
/// restored meanwhile.
async fn hear(pool: &PgPool, announcer: &Weak<Announcer>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    let channel: String = sqlx::query_scalar(statements::CHANNEL).fetch_one(&mut listener).await?;
    listener.listen(&channel).await?;
    wake(announcer, None);
    while let Some(notification) = listener.try_recv().await? {
        wake(announcer, Some(notification.payload()));
    }
    Ok(())
}

/// Wakes the readers, unless this store has told itself. Without a payload: something may have been missed.
fn wake(announcer: &Weak<Announcer>, payload: Option<&str>) {
    if let Some(announcer) = announcer.upgrade()
        && !payload.is_some_and(|payload| announcer.is_mine(payload))
    {
        announcer.heard();
    }
}
