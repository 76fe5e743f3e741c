//! Reading a stream: page by page, each a statement of its own, so that no reader holds a transaction open.

use std::{collections::VecDeque, mem, sync::Arc};

use composable_rust_core::{
    CommandId, Direction, ReadError, ReadStream, RecordedEvent, StreamId, Version,
    backend::{PageCursor, PageRequest, PageSize, VersionCheck, rest_of_command},
};
use futures::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{Executor, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use crate::{
    errors,
    pool::Pool,
    pooled_connection::PooledConnection,
    row::{self, PAGE_BYTES},
    statements,
};

/// The most rows of a page: what most streams have in one round trip.
const PAGE_ROWS: u64 = 2048;

pub(crate) fn stream(pool: Arc<Pool>, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
    stream::try_unfold(Pages::new(pool, read), async |mut pages| {
        let event = pages.event().await.map_err(errors::of_read)?;
        Ok(event.map(|event| (event, pages)))
    })
    .boxed()
}

/// All events at once: page by page, without a stop at each.
pub(crate) async fn all(pool: Arc<Pool>, read: ReadStream) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut pages = Pages::new(pool, read);
    let mut events = Vec::new();
    loop {
        pages.load_next().await.map_err(errors::of_read)?;
        if pages.page.is_empty() {
            return Ok(events);
        }
        if events.is_empty() {
            events = mem::take(&mut pages.page).into();
        } else {
            events.extend(pages.page.drain(..));
        }
    }
}

/// The events of a command; most have few, which one statement brings.
pub(crate) async fn command(
    pool: Arc<Pool>,
    stream_id: StreamId,
    command_id: CommandId,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let first = pool.run(move |connection| command_page(connection, stream_id.clone(), command_id));
    let mut events = first.await.map_err(errors::of_read)?.events;
    if let Some(rest) = rest_of_command(&events) {
        events.extend(stream(pool, rest).try_collect::<Vec<_>>().await?);
    }
    check_command(&events).map_err(errors::of_read)?;
    Ok(events)
}

fn command_page(
    connection: &mut PooledConnection,
    stream_id: StreamId,
    command_id: CommandId,
) -> BoxFuture<'_, Result<row::Page, sqlx::Error>> {
    let query = sqlx::query(statements::LOAD_COMMAND)
        .bind(String::from(stream_id.clone()))
        .bind(Uuid::from(command_id));
    Box::pin(page(connection, query, stream_id))
}

/// A command is stored as a whole, so an event that is missing was lost.
fn check_command(events: &[RecordedEvent]) -> Result<(), sqlx::Error> {
    let Some(first) = events.first() else {
        return Ok(());
    };
    let mut check = VersionCheck::of(Direction::Forward, first.version);
    check.check_page(events, true).map_err(lost)?;
    let stored = events.len() as u64;
    let expected = first.command.map_or(1, |mark| u64::from(mark.event_count));
    if stored == expected {
        Ok(())
    } else {
        Err(lost(IncompleteCommand { stored, expected }))
    }
}

/// Events of a command were lost: by a broken disk, or by a hand or a trigger that is not the store's.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the command has {expected} events, and the stream holds {stored} of them: events were lost")]
struct IncompleteCommand {
    stored: u64,
    expected: u64,
}

fn lost(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

async fn page(
    connection: &mut PooledConnection,
    query: Query<'static, Postgres, PgArguments>,
    stream_id: StreamId,
) -> Result<row::Page, sqlx::Error> {
    let page = row::page(&mut connection.connection()?.fetch(query), Some(&stream_id)).await?;
    if !page.whole {
        connection.abandon();
    }
    Ok(page)
}

/// A read of a stream in pages.
struct Pages {
    pool: Arc<Pool>,
    stream_id: StreamId,
    direction: Direction,
    cursor: PageCursor,
    size: PageSize,
    check: VersionCheck,
    page: VecDeque<RecordedEvent>,
}

impl Pages {
    fn new(pool: Arc<Pool>, read: ReadStream) -> Self {
        Self {
            pool,
            direction: read.direction,
            cursor: PageCursor::of(&read),
            size: PageSize::new(PAGE_ROWS, PAGE_BYTES),
            check: VersionCheck::of(read.direction, read.from.unwrap_or(Version::INITIAL)),
            stream_id: read.stream_id,
            page: VecDeque::new(),
        }
    }

    async fn event(&mut self) -> Result<Option<RecordedEvent>, sqlx::Error> {
        if self.page.is_empty() {
            self.load_next().await?;
        }
        Ok(self.page.pop_front())
    }

    /// Loads the next page; leaves none after the last one.
    async fn load_next(&mut self) -> Result<(), sqlx::Error> {
        let Some(request) = self.cursor.next(self.size.rows()) else {
            return Ok(());
        };
        let page = self.load(request).await?;
        let count = page.events.len() as u64;
        // A page that was cut off for its size threw away the rest of its answer, and its connection: the next one asks for
        // what fits.
        self.size.record(count, page.bytes, page.whole);
        let is_last = page.whole && count < request.events;
        self.check.check_page(&page.events, is_last).map_err(lost)?;
        self.cursor.advance(&page.events, !is_last);
        self.page = page.events.into();
        Ok(())
    }

    async fn load(&self, request: PageRequest) -> Result<row::Page, sqlx::Error> {
        let (stream_id, direction) = (self.stream_id.clone(), self.direction);
        let loading = self
            .pool
            .run(move |connection| stream_page(connection, stream_id.clone(), direction, request));
        loading.await
    }
}

fn stream_page(
    connection: &mut PooledConnection,
    stream_id: StreamId,
    direction: Direction,
    request: PageRequest,
) -> BoxFuture<'_, Result<row::Page, sqlx::Error>> {
    let sql = match direction {
        Direction::Forward => statements::READ_FORWARD,
        Direction::Backward => statements::READ_BACKWARD,
    };
    let query = sqlx::query(sql)
        .bind(String::from(stream_id.clone()))
        .bind(request.from.as_i64())
        .bind(i64::try_from(request.events).unwrap_or(i64::MAX));
    Box::pin(page(connection, query, stream_id))
}
