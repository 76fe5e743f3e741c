//! Reading the whole log, in the order (generation, transaction, position) and below the oldest running transaction.

use std::sync::{Arc, Mutex, PoisonError};

use composable_rust_core::{EventFilter, LogPage, Position, ReadAll, backend::PageSize};
use futures::{TryStreamExt, future::BoxFuture, stream::BoxStream};
use sqlx::{
    Executor, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{
    errors::Rewound,
    log_end::is_lost,
    pool::Pool,
    pooled_connection::PooledConnection,
    row::{self, Names, PAGE_BYTES},
    statements,
    types::Xid8,
};

/// The most rows of a page, however many are asked for; and how many a filtered page looks at, however few match. The
/// statements hold the same number.
const PAGE_ROWS: u64 = 4096;

type Rows<'c> = BoxStream<'c, Result<PgRow, sqlx::Error>>;

/// Reads the log in pages. Readers that follow it come again and again, so all of them share what was learned about the
/// size of its events.
#[derive(Debug)]
pub(crate) struct LogReader {
    pool: Arc<Pool>,
    size: Mutex<PageSize>,
}

/// What became of a page.
struct Page {
    log: LogPage,
    bytes: usize,
    /// `false` when it ended early for its size.
    whole: bool,
}

impl LogReader {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            size: Mutex::new(PageSize::new(PAGE_ROWS, PAGE_BYTES)),
        }
    }

    pub(crate) async fn page(&self, read: ReadAll) -> Result<LogPage, sqlx::Error> {
        let max = self.size.lock().unwrap_or_else(PoisonError::into_inner).rows();
        let page = self
            .pool
            .run(move |connection| page(connection, read.clone(), max))
            .await?;
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        size.record(page.log.events.len() as u64, page.bytes, page.whole);
        Ok(page.log)
    }
}

fn page(connection: &mut PooledConnection, read: ReadAll, max: u64) -> BoxFuture<'_, Result<Page, sqlx::Error>> {
    Box::pin(async move {
        let after = read.after;
        let mut rows = connection.connection()?.fetch(query(read, max));
        check_start(&mut rows, after).await?;
        let page = events(&mut rows, after).await?;
        drop(rows);
        if !page.whole {
            connection.abandon();
        }
        Ok(page)
    })
}

fn query(read: ReadAll, max: u64) -> Query<'static, Postgres, PgArguments> {
    let (generation, transaction, position) = parts(read.after);
    let rows = (read.limit as u64).clamp(1, max);
    let of = |sql| {
        sqlx::query(sql)
            .bind(generation)
            .bind(transaction)
            .bind(position)
            .bind(i64::try_from(rows).unwrap_or(i64::MAX))
    };
    if read.filter == EventFilter::all() {
        return of(statements::READ_LOG);
    }
    let list = |allowed: Vec<String>| (!allowed.is_empty()).then_some(allowed);
    of(statements::READ_LOG_FILTERED)
        .bind(list(read.filter.categories))
        .bind(list(read.filter.event_types))
}

/// Reads the first row, which says whether the event that the reader goes on from is still there.
async fn check_start(rows: &mut Rows<'_>, after: Position) -> Result<(), sqlx::Error> {
    let row = rows.try_next().await?.ok_or(sqlx::Error::RowNotFound)?;
    let found: Option<Uuid> = row.try_get(3)?;
    let may_come = row.try_get::<i64, _>(5)? != 0;
    if is_lost(after, found, may_come) {
        return Err(Rewound { after }.into());
    }
    Ok(())
}

/// The events that are wanted, and the place of the last one that was looked at.
async fn events(rows: &mut Rows<'_>, after: Position) -> Result<Page, sqlx::Error> {
    let (mut events, mut resume_after, mut bytes) = (Vec::new(), after, 0);
    let mut names = Names::default();
    let mut whole = true;
    while let Some(row) = rows.try_next().await? {
        // Only a row that is not wanted has no type.
        if row.try_get::<Option<&str>, _>(6)?.is_none() {
            resume_after = row::position(&row)?;
            continue;
        }
        let event = row::event(&row, &mut names)?;
        resume_after = event.position;
        bytes += row::bytes(&row, &event)?;
        events.push(event);
        if bytes > PAGE_BYTES {
            whole = false;
            break;
        }
    }
    let log = LogPage::new(events, resume_after);
    Ok(Page { log, bytes, whole })
}

/// A position as the server compares it. One of another kind of store lies before or beyond all of ours.
pub(crate) fn parts(position: Position) -> (i16, Xid8, i64) {
    let [generation, transaction, position] = position.parts();
    (
        i16::try_from(generation).unwrap_or(i16::MAX),
        Xid8(transaction),
        i64::try_from(position).unwrap_or(i64::MAX),
    )
}
