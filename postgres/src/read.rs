//! Reading a stream: page by page, each a statement of its own, so that no reader holds a transaction open.

use std::{collections::VecDeque, mem, sync::Arc};

use composable_rust_core::{
    CommandId, Direction, ReadError, ReadStream, RecordedEvent, StreamId,
    backend::{PageCursor, PageRequest, rest_of_command},
};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use sqlx::{Executor, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use crate::{
    connection::{Connections, Lease},
    errors, row, statements,
};

/// The most rows of a page: what most streams have in one round trip.
const PAGE_ROWS: u64 = 2048;

pub(crate) fn stream(
    connections: Arc<Connections>,
    read: ReadStream,
) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
    stream::try_unfold(Pages::new(connections, read), async |mut pages| {
        let event = pages.event().await.map_err(errors::of_read)?;
        Ok(event.map(|event| (event, pages)))
    })
    .boxed()
}

/// All events at once: page by page, without a stop at each.
pub(crate) async fn all(connections: Arc<Connections>, read: ReadStream) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut pages = Pages::new(connections, read);
    let mut events = Vec::new();
    loop {
        pages.turn().await.map_err(errors::of_read)?;
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
    let mut events = page.map_err(errors::of_read)?.events;
    if let Some(rest) = rest_of_command(&events) {
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

struct Pages {
    connections: Arc<Connections>,
    stream_id: StreamId,
    direction: Direction,
    paging: PageCursor,
    /// How many rows the next page may have: fewer, where events are large.
    rows: u64,
    page: VecDeque<RecordedEvent>,
}

impl Pages {
    fn new(connections: Arc<Connections>, read: ReadStream) -> Self {
        Self {
            connections,
            direction: read.direction,
            paging: PageCursor::of(&read),
            stream_id: read.stream_id,
            rows: PAGE_ROWS,
            page: VecDeque::new(),
        }
    }

    async fn event(&mut self) -> Result<Option<RecordedEvent>, sqlx::Error> {
        if self.page.is_empty() {
            self.turn().await?;
        }
        Ok(self.page.pop_front())
    }

    async fn turn(&mut self) -> Result<(), sqlx::Error> {
        let Some(wanted) = self.paging.next(self.rows) else {
            return Ok(());
        };
        let page = self.ask(wanted).await?;
        let count = page.events.len() as u64;
        if !page.whole {
            // The rest of the answer was thrown away, and its connection: ask for what fits.
            self.rows = (count / 2).max(1);
        }
        self.paging.advance(&page.events, !page.whole || count == wanted.events);
        self.page = page.events.into();
        Ok(())
    }

    async fn ask(&self, wanted: PageRequest) -> Result<row::Page, sqlx::Error> {
        let sql = match self.direction {
            Direction::Forward => statements::READ_FORWARD,
            Direction::Backward => statements::READ_BACKWARD,
        };
        let stream_id = self.stream_id.clone();
        let query = sqlx::query(sql)
            .bind(String::from(stream_id.clone()))
            .bind(wanted.from.as_i64())
            .bind(i64::try_from(wanted.events).unwrap_or(i64::MAX));
        let work = self
            .connections
            .run(move |lease| Box::pin(page(lease, query, stream_id)));
        work.await
    }
}
