//! Reading the whole log: writers take turns, so that the order of positions is the order of commits.

use composable_rust_core::{Direction, EventFilter, LogPage, ReadAll, backend::NameInterner};
use futures::TryStreamExt;
use sqlx::{Executor, Row, Sqlite, query::Query, sqlite::SqliteArguments};

use crate::{
    density,
    errors::StatementError,
    page_codec,
    readers::Readers,
    row,
    statements::{self, PACKED},
};

/// The most rows of a page, however many are asked for.
const PAGE_ROWS: usize = 4096;

/// The positions that a filtered page looks at: what bounds its work when little matches.
const WINDOW: i64 = 16_384;

pub(crate) async fn page(readers: &Readers, read: ReadAll) -> Result<LogPage, StatementError> {
    let window_end = row::after(read.after).saturating_add(WINDOW);
    let limit = read.limit.clamp(1, PAGE_ROWS);
    let (mut log_end, mut page) = packed(readers, query(&read, window_end, limit, true)).await?;
    if !page.whole {
        // An event is too large to be packed.
        (log_end, page) = rows(readers, query(&read, window_end, limit, false)).await?;
    }
    let full = page.events.len() == limit || !page.whole;
    let last = page.events.last().map_or(read.after, |event| event.position);
    let end = window_end.min(log_end);
    if read.filter == EventFilter::all() {
        let checked = density::check_page(&page.events, row::after(read.after), (!full).then_some(end));
        checked.map_err(sqlx::Error::from)?;
    }
    let looked_at = row::at(end);
    // The page may be newer than the end that was read before it.
    let resume_after = if full { last } else { last.max(looked_at) };
    Ok(LogPage::new(page.events, resume_after))
}

type Sql = Query<'static, Sqlite, SqliteArguments>;

fn query(read: &ReadAll, window_end: i64, limit: usize, packs: bool) -> Sql {
    let sql = match (read.filter == EventFilter::all(), packs) {
        (true, true) => &PACKED.log,
        (false, true) => &PACKED.log_filtered,
        (true, false) => statements::READ_LOG,
        (false, false) => statements::READ_LOG_FILTERED,
    };
    sqlx::query(sql)
        .bind(row::after(read.after))
        .bind(window_end)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(list(&read.filter.categories))
        .bind(list(&read.filter.event_types))
        .bind(page_codec::largest(limit as u64))
}

/// The end of the log, and then a page of it.
async fn packed(readers: &Readers, query: Sql) -> Result<(i64, row::Page), StatementError> {
    let rows = readers.run(move |connection| connection.fetch_all(query)).await?;
    let [end, packed] = rows.as_slice() else {
        return Err(sqlx::Error::RowNotFound.into());
    };
    let page = page_codec::decode_page(packed, Direction::Forward, None, &mut NameInterner::default())?;
    Ok((end.try_get(3)?, page))
}

async fn rows(readers: &Readers, query: Sql) -> Result<(i64, row::Page), StatementError> {
    let work = readers.run(move |connection| {
        Box::pin(async move {
            let mut rows = connection.fetch(query);
            let end = rows.try_next().await?.ok_or(sqlx::Error::RowNotFound)?;
            Ok((end.try_get(3)?, row::page(&mut rows, None).await?))
        })
    });
    work.await
}

/// A list as JSON; an empty one allows everything.
fn list(allowed: &[String]) -> Option<String> {
    (!allowed.is_empty()).then(|| serde_json::Value::from(allowed).to_string())
}
