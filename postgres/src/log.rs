//! Reading the whole log, in the order (generation, transaction, position) and below the oldest running transaction.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use composable_rust_core::{EventFilter, LogPage, Position, ReadAll};
use futures::{TryStreamExt, stream::BoxStream};
use sqlx::{
    Executor, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{
    connection::Connections,
    errors::Rewound,
    row::{self, Names, PAGE_BYTES},
    statements,
    types::Xid8,
};

/// The most rows of a page, however many are asked for; and how many a filtered page looks at, however few match. The
/// statements hold the same number.
const PAGE_ROWS: usize = 4096;

type Rows<'c> = BoxStream<'c, Result<PgRow, sqlx::Error>>;

/// How many rows a page may have so that it is not too large, as far as is known from the pages before it.
///
/// A page that was too large threw the rest of its answer away, and its connection; the next one asks for what fits.
#[derive(Debug)]
pub(crate) struct PageSize(AtomicUsize);

impl Default for PageSize {
    fn default() -> Self {
        Self(AtomicUsize::new(PAGE_ROWS))
    }
}

impl PageSize {
    fn rows(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn learn(&self, page: &Page) {
        let read = page.log.events.len();
        if !page.whole {
            self.0.store((read / 2).max(1), Ordering::Relaxed);
        } else if page.bytes < PAGE_BYTES / 4 {
            let rows = self.rows();
            // Others may have learned something else meanwhile: no matter.
            self.0
                .store(rows.max(read).saturating_mul(2).clamp(1, PAGE_ROWS), Ordering::Relaxed);
        }
    }
}

/// What became of a page.
struct Page {
    log: LogPage,
    bytes: usize,
    /// `false` when it ended early for its size.
    whole: bool,
}

pub(crate) async fn page(
    connections: &Arc<Connections>,
    size: &PageSize,
    read: ReadAll,
) -> Result<LogPage, sqlx::Error> {
    let after = read.after;
    let query = query(read, size.rows());
    let work = connections.run(move |lease| {
        Box::pin(async move {
            let mut rows = lease.connection()?.fetch(query);
            look_back(&mut rows, after).await?;
            let page = events(&mut rows, after).await?;
            drop(rows);
            if !page.whole {
                lease.abandon();
            }
            Ok(page)
        })
    });
    let page = work.await?;
    size.learn(&page);
    Ok(page.log)
}

fn query(read: ReadAll, most: usize) -> Query<'static, Postgres, PgArguments> {
    let (generation, transaction, position) = parts(read.after);
    let rows = i64::try_from(read.limit.clamp(1, most)).unwrap_or(i64::MAX);
    let of = |sql| {
        sqlx::query(sql)
            .bind(generation)
            .bind(transaction)
            .bind(position)
            .bind(rows)
    };
    if read.filter == EventFilter::all() {
        return of(statements::READ_LOG);
    }
    let list = |allowed: Vec<String>| (!allowed.is_empty()).then_some(allowed);
    of(statements::READ_LOG_FILTERED)
        .bind(list(read.filter.categories))
        .bind(list(read.filter.event_types))
}

/// The first row: whether the event that the reader goes on from is still there.
async fn look_back(rows: &mut Rows<'_>, after: Position) -> Result<(), sqlx::Error> {
    let row = rows.try_next().await?.ok_or(sqlx::Error::RowNotFound)?;
    let found: Option<Uuid> = row.try_get(3)?;
    let may_come = row.try_get::<i64, _>(5)? != 0;
    if is_lost(after, found, may_come) {
        return Err(Rewound { after }.into());
    }
    Ok(())
}

/// Whether the event that once stood at `after` is gone, when this one was found there. A position without a mark can't
/// tell; one that a standby has not heard of yet may come.
pub(crate) fn is_lost(after: Position, found: Option<Uuid>, may_come: bool) -> bool {
    let is_there = found.map_or(may_come, |id| row::event_tag(id.into()) == after.event_tag());
    after.event_tag() != 0 && !is_there
}

/// The events that are wanted, and the place of the last one that was looked at.
async fn events(rows: &mut Rows<'_>, after: Position) -> Result<Page, sqlx::Error> {
    let (mut events, mut resume_after, mut bytes) = (Vec::new(), after, 0);
    let mut names = Names::default();
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
            let log = LogPage::new(events, resume_after);
            return Ok(Page {
                log,
                bytes,
                whole: false,
            });
        }
    }
    let log = LogPage::new(events, resume_after);
    Ok(Page {
        log,
        bytes,
        whole: true,
    })
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

/// The end of the log, and what it says of some positions.
#[derive(Debug)]
pub(crate) struct End {
    /// The last event that can be read.
    pub(crate) readable: Position,
    /// Whether more is stored beyond it, which an older transaction holds back.
    pub(crate) more: bool,
    /// Those of the positions whose events are gone.
    pub(crate) lost: Vec<Position>,
}

/// The question for the end, and for whether the events at `positions` are still there.
pub(crate) fn end_query(positions: &[Position]) -> Query<'static, Postgres, PgArguments> {
    let (mut generations, mut transactions, mut sequences) = (Vec::new(), Vec::new(), Vec::new());
    for (generation, transaction, position) in positions.iter().copied().map(parts) {
        generations.push(generation);
        transactions.push(transaction);
        sequences.push(position);
    }
    sqlx::query(statements::LOG_END)
        .bind(generations)
        .bind(transactions)
        .bind(sequences)
}

/// Its answer: the end, then a row for each position.
pub(crate) fn end(rows: &[PgRow], positions: &[Position]) -> Result<End, sqlx::Error> {
    let (first, asked) = rows.split_first().ok_or(sqlx::Error::RowNotFound)?;
    let is_empty = first.try_get::<Option<i64>, _>(2)?.is_none();
    let readable = if is_empty {
        Position::BEGINNING
    } else {
        row::position(first)?
    };
    let mut lost = Vec::new();
    for (row, position) in asked.iter().zip(positions) {
        if is_lost(*position, row.try_get(3)?, row.try_get(4)?) {
            lost.push(*position);
        }
    }
    Ok(End {
        readable,
        more: first.try_get(4)?,
        lost,
    })
}

/// Where the last event stands, also if it can't be read yet.
pub(crate) async fn last(connections: &Arc<Connections>) -> Result<Position, sqlx::Error> {
    let query = sqlx::query(statements::LOG_LAST);
    let work = connections.run(move |lease| Box::pin(async move { lease.connection()?.fetch_optional(query).await }));
    let last = work.await?.as_ref().map(row::position).transpose()?;
    Ok(last.unwrap_or_default())
}

pub(crate) async fn head(connections: &Arc<Connections>) -> Result<Position, sqlx::Error> {
    let query = end_query(&[]);
    let work = connections.run(move |lease| Box::pin(async move { lease.connection()?.fetch_all(query).await }));
    Ok(end(&work.await?, &[])?.readable)
}
