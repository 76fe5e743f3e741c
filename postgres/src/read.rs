//! Reading a stream: page by page, each a statement of its own, so that no reader holds a transaction open.

use std::{collections::VecDeque, mem, sync::Arc};

use composable_rust_core::{CommandId, Direction, ReadError, ReadStream, RecordedEvent, StreamId, Version};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use sqlx::{Executor, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use crate::{
    connection::{Connections, Lease},
    failure, row, statements,
};

/// The most rows of a page: what most streams have in one round trip.
const PAGE_ROWS: u64 = 2048;

pub(crate) fn stream(
    connections: Arc<Connections>,
    read: ReadStream,
) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
    stream::try_unfold(Pages::new(connections, read), async |mut pages| {
        let event = pages.event().await.map_err(failure::of_read)?;
        Ok(event.map(|event| (event, pages)))
    })
    .boxed()
}

/// All events at once: page by page, without a stop at each.
pub(crate) async fn all(connections: Arc<Connections>, read: ReadStream) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut pages = Pages::new(connections, read);
    let mut events = Vec::new();
    loop {
        pages.turn().await.map_err(failure::of_read)?;
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
    connections: Arc<Connections>,
    stream_id: StreamId,
    command_id: CommandId,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let page = command_page(&connections, stream_id.clone(), command_id).await;
    let mut events = page.map_err(failure::of_read)?.events;
    let missing = missing(&events);
    if let Some(next) = events
        .last()
        .and_then(|last| last.version.next())
        .filter(|_| missing > 0)
    {
        let rest = ReadStream::new(stream_id).from(next).limit(missing);
        events.extend(stream(connections, rest).try_collect::<Vec<_>>().await?);
    }
    Ok(events)
}

async fn command_page(
    connections: &Arc<Connections>,
    stream_id: StreamId,
    command_id: CommandId,
) -> Result<row::Page, sqlx::Error> {
    let query = sqlx::query(statements::LOAD_COMMAND)
        .bind(String::from(stream_id.clone()))
        .bind(Uuid::from(command_id));
    let work = connections.run(move |lease| Box::pin(page(lease, query, stream_id)));
    work.await
}

async fn page(
    lease: &mut Lease,
    query: Query<'static, Postgres, PgArguments>,
    stream_id: StreamId,
) -> Result<row::Page, sqlx::Error> {
    let page = row::page(&mut lease.connection()?.fetch(query), Some(&stream_id)).await?;
    if !page.whole {
        lease.abandon();
    }
    Ok(page)
}

/// How many events of the command did not fit into its page.
fn missing(page: &[RecordedEvent]) -> u64 {
    let whole = page.first().and_then(|first| first.command).map(|mark| mark.events);
    whole.map_or(0, u64::from).saturating_sub(page.len() as u64)
}

fn first(read: &ReadStream) -> i64 {
    let from = read.from.map(Version::as_i64);
    match read.direction {
        Direction::Forward => from.unwrap_or(1),
        Direction::Backward => from.unwrap_or(i64::MAX),
    }
}

struct Pages {
    connections: Arc<Connections>,
    read: ReadStream,
    /// How many more events are wanted.
    left: u64,
    /// How many rows the next page may have: fewer, where events are large.
    rows: u64,
    /// Where the next page begins; `None` after the last one.
    next: Option<i64>,
    page: VecDeque<RecordedEvent>,
}

impl Pages {
    fn new(connections: Arc<Connections>, read: ReadStream) -> Self {
        Self {
            left: read.limit.unwrap_or(u64::MAX),
            rows: PAGE_ROWS,
            next: Some(first(&read)),
            page: VecDeque::new(),
            connections,
            read,
        }
    }

    async fn event(&mut self) -> Result<Option<RecordedEvent>, sqlx::Error> {
        if self.page.is_empty() {
            self.turn().await?;
        }
        Ok(self.page.pop_front())
    }

    async fn turn(&mut self) -> Result<(), sqlx::Error> {
        let rows = self.left.min(self.rows);
        let Some(from) = self.next.filter(|_| rows > 0) else {
            return Ok(());
        };
        let page = self.ask(from, rows).await?;
        let count = page.events.len() as u64;
        self.left -= count.min(self.left);
        if !page.whole {
            // The rest of the answer was thrown away, and its connection: ask for what fits.
            self.rows = (count / 2).max(1);
        }
        let last = page.events.last().map(|event| event.version.as_i64());
        let more = !page.whole || count == rows;
        self.next = last.filter(|_| more).and_then(|last| self.behind(last));
        self.page = page.events.into();
        Ok(())
    }

    /// Where reading goes on behind `version`.
    fn behind(&self, version: i64) -> Option<i64> {
        match self.read.direction {
            Direction::Forward => version.checked_add(1),
            Direction::Backward => Some(version - 1).filter(|next| *next > 0),
        }
    }

    async fn ask(&self, from: i64, rows: u64) -> Result<row::Page, sqlx::Error> {
        let sql = match self.read.direction {
            Direction::Forward => statements::READ_FORWARD,
            Direction::Backward => statements::READ_BACKWARD,
        };
        let stream_id = self.read.stream_id.clone();
        let query = sqlx::query(sql)
            .bind(String::from(stream_id.clone()))
            .bind(from)
            .bind(i64::try_from(rows).unwrap_or(i64::MAX));
        let work = self
            .connections
            .run(move |lease| Box::pin(page(lease, query, stream_id)));
        work.await
    }
}
