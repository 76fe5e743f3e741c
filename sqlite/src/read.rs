//! Reading a stream: page by page, each a statement of its own, so that no reader holds the write-ahead log back.

use std::{collections::VecDeque, mem, sync::Arc};

use composable_rust_core::{
    CommandId, Direction, ReadError, ReadStream, RecordedEvent, StreamId, Version,
    backend::{NameInterner, PageCursor, PageRequest, rest_of_command},
};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use sqlx::{Executor, Sqlite, query::Query, sqlite::SqliteArguments};
use uuid::Uuid;

use crate::{
    connection::Connections,
    errors,
    gap::{Gap, Versions},
    packed, row,
    statements::{self, PACKED},
};

/// The most rows of a page that is read row by row. Larger ones are not faster: the driver's thread hands over each row.
const PAGE_ROWS: u64 = 256;

/// The most rows of a packed page.
const PACKED_ROWS: u64 = 512;

/// The most rows of the first packed page behind a large event.
const FEW_ROWS: u64 = 32;

pub(crate) fn stream(
    readers: Arc<Connections>,
    read: ReadStream,
) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
    stream::try_unfold(Pages::new(readers, read), async |mut pages| {
        let event = pages.event().await.map_err(errors::of_read)?;
        Ok(event.map(|event| (event, pages)))
    })
    .boxed()
}

/// All events at once: page by page, without a stop at each.
pub(crate) async fn all(readers: Arc<Connections>, read: ReadStream) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut pages = Pages::new(readers, read);
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
    readers: Arc<Connections>,
    stream_id: StreamId,
    command_id: CommandId,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let page = command_page(&readers, stream_id.clone(), command_id).await;
    let mut events = page.map_err(errors::of_read)?.events;
    if let Some(rest) = rest_of_command(&events) {
        events.extend(stream(readers, rest).try_collect::<Vec<_>>().await?);
    }
    match rest_of_command(&events).and_then(|rest| rest.from) {
        Some(missing) => Err(errors::of_read(Gap::Version(missing).into())),
        None => Ok(events),
    }
}

async fn command_page(
    readers: &Arc<Connections>,
    stream_id: StreamId,
    command_id: CommandId,
) -> Result<row::Page, sqlx::Error> {
    let query = sqlx::query(statements::LOAD_COMMAND)
        .bind(String::from(stream_id.clone()))
        .bind(Uuid::from(command_id));
    let page = readers.run(move |connection| {
        Box::pin(async move { row::page(&mut connection.fetch(query), Some(&stream_id)).await })
    });
    let page = page.await?;
    if let Some(first) = page.events.first() {
        Versions::of(Direction::Forward, first.version).hold(&page.events, false)?;
    }
    Ok(page)
}

struct Pages {
    readers: Arc<Connections>,
    stream_id: StreamId,
    direction: Direction,
    paging: PageCursor,
    versions: Versions,
    pace: Pace,
    names: NameInterner,
    page: VecDeque<RecordedEvent>,
}

impl Pages {
    fn new(readers: Arc<Connections>, read: ReadStream) -> Self {
        Self {
            readers,
            direction: read.direction,
            paging: PageCursor::of(&read),
            versions: Versions::of(read.direction, read.from.unwrap_or(Version::INITIAL)),
            stream_id: read.stream_id,
            pace: Pace::new(),
            names: NameInterner::default(),
            page: VecDeque::new(),
        }
    }

    async fn event(&mut self) -> Result<Option<RecordedEvent>, sqlx::Error> {
        if self.page.is_empty() {
            self.turn().await?;
        }
        Ok(self.page.pop_front())
    }

    /// Fills the page, which is empty, unless there are no more events.
    async fn turn(&mut self) -> Result<(), sqlx::Error> {
        while self.page.is_empty() {
            let Some(wanted) = self.paging.next(self.pace.rows()) else {
                break;
            };
            let page = if self.pace.packs {
                self.packed(wanted).await?
            } else {
                self.rows(wanted).await?
            };
            let more = !page.whole || page.events.len() as u64 == wanted.events;
            self.versions.hold(&page.events, !more)?;
            self.paging.advance(&page.events, more);
            self.pace.turned(page.whole);
            self.page = page.events.into();
        }
        Ok(())
    }

    async fn packed(&mut self, wanted: PageRequest) -> Result<row::Page, sqlx::Error> {
        let sql = match self.direction {
            Direction::Forward => &PACKED.forward,
            Direction::Backward => &PACKED.backward,
        };
        let query = self.query(sql, wanted).bind(packed::largest(wanted.events));
        let packed = self.readers.run(move |connection| connection.fetch_one(query)).await?;
        packed::page(&packed, self.direction, Some(&self.stream_id), &mut self.names)
    }

    async fn rows(&self, wanted: PageRequest) -> Result<row::Page, sqlx::Error> {
        let sql = match self.direction {
            Direction::Forward => statements::READ_FORWARD,
            Direction::Backward => statements::READ_BACKWARD,
        };
        let (query, stream_id) = (self.query(sql, wanted), self.stream_id.clone());
        let page = self.readers.run(move |connection| {
            Box::pin(async move { row::page(&mut connection.fetch(query), Some(&stream_id)).await })
        });
        page.await
    }

    fn query(&self, sql: &'static str, wanted: PageRequest) -> Query<'static, Sqlite, SqliteArguments> {
        sqlx::query(sql)
            .bind(String::from(self.stream_id.clone()))
            .bind(wanted.from.as_i64())
            .bind(i64::try_from(wanted.events).unwrap_or(i64::MAX))
    }
}

/// Whether the next page is packed, and how many events it may have: large events are read row by row.
struct Pace {
    packs: bool,
    /// Of a packed page.
    rows: u64,
}

impl Pace {
    const fn new() -> Self {
        Self {
            packs: true,
            rows: PACKED_ROWS,
        }
    }

    const fn rows(&self) -> u64 {
        if self.packs { self.rows } else { PAGE_ROWS }
    }

    /// A packed page that was not whole ended at a large event. What comes behind it may be small again, which is found
    /// out with a few first.
    fn turned(&mut self, whole: bool) {
        (self.packs, self.rows) = match (self.packs, whole) {
            (true, false) => (false, FEW_ROWS),
            (true, true) => (true, (self.rows * 2).min(PACKED_ROWS)),
            (false, _) => (true, self.rows),
        };
    }
}
