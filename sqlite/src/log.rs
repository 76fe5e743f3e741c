//! Reading the whole log: writers take turns, so that the order of positions is the order of commits.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{EventFilter, LogPage, Position, ReadAll};
use futures::TryStreamExt;
use sqlx::{Executor, Row};
use tokio::sync::watch;

use crate::{connection::Connections, row, statements};

/// The most rows of a page, and the bytes after which it ends early.
const PAGE_ROWS: usize = 4096;
const PAGE_BYTES: usize = 4 << 20;

/// The positions that a filtered page looks at: what bounds its work when little matches.
const WINDOW: i64 = 16_384;

pub(crate) async fn page(readers: &Arc<Connections>, read: &ReadAll) -> Result<LogPage, sqlx::Error> {
    let after = row::after(read.after);
    let window_end = after.saturating_add(WINDOW);
    let limit = read.limit.clamp(1, PAGE_ROWS);
    let filtered = read.filter != EventFilter::all();
    let sql = if filtered {
        statements::READ_LOG_FILTERED
    } else {
        statements::READ_LOG
    };
    let query = sqlx::query(sql)
        .bind(after)
        .bind(window_end)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(list(&read.filter.categories))
        .bind(list(&read.filter.event_types));
    let mut lease = readers.lease().await?;
    let mut rows = lease.connection()?.fetch(query);
    let log_end: i64 = match rows.try_next().await? {
        Some(row) => row.try_get(3)?,
        None => return Err(sqlx::Error::RowNotFound),
    };
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let event = row::event(&row, None)?;
        bytes += event.data.len();
        events.push(event);
        if bytes > PAGE_BYTES {
            break;
        }
    }
    let full = events.len() == limit || bytes > PAGE_BYTES;
    let last = events.last().map(|event| event.position);
    let looked_at = row::at(window_end.min(log_end));
    let scanned = match last {
        Some(last) if full => last,
        // The page may be newer than the end that was read before it.
        last => last.unwrap_or(read.after).max(looked_at).max(read.after),
    };
    Ok(LogPage { events, scanned })
}

/// A list as JSON; an empty one allows everything.
fn list(allowed: &[String]) -> Option<String> {
    (!allowed.is_empty()).then(|| serde_json::Value::from(allowed).to_string())
}

pub(crate) async fn head(readers: &Arc<Connections>) -> Result<Position, sqlx::Error> {
    let mut lease = readers.lease().await?;
    let row = lease.connection()?.fetch_one(sqlx::query(statements::LOG_END)).await?;
    Ok(row::at(row.try_get(3)?))
}

/// Waits for an event behind `after`. This store's own commits wake it at once; those of other processes are found by
/// looking, since SQLite has nobody to announce them.
pub(crate) async fn wait(
    readers: &Arc<Connections>,
    mut committed: watch::Receiver<i64>,
    after: Position,
    interval: Duration,
) -> Result<(), sqlx::Error> {
    loop {
        // Marked as seen before looking: a commit in between wakes it again.
        committed.mark_unchanged();
        if head(readers).await? > after {
            return Ok(());
        }
        // Either way there may be something new.
        let _ = tokio::time::timeout(interval, committed.changed()).await;
    }
}
