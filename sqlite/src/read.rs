//! Reads a stream page by page. Each page is a statement of its own, so that no reader holds the write-ahead log back.

use std::{collections::VecDeque, mem};

use composable_rust_core::{
    CommandId, Direction, ReadError, ReadStream, RecordedEvent, StreamId, Version,
    backend::{GapError, NameInterner, PageCursor, PageRequest, VersionCheck, rest_of_command},
};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use sqlx::{Executor, Sqlite, query::Query, sqlite::SqliteArguments};
use uuid::Uuid;

use crate::{
    errors::{self, StatementError},
    page_codec::{self, PageStrategy},
    readers::Readers,
    row,
    statements::{self, PACKED},
};

pub(crate) fn stream(readers: Readers, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
    stream::try_unfold(Pages::new(readers, read), async |mut pages| {
        let event = pages.event().await.map_err(|error| pages.error(error))?;
        Ok(event.map(|event| (event, pages)))
    })
    .boxed()
}

/// All events at once: page by page, without a stop at each.
pub(crate) async fn all(readers: Readers, read: ReadStream) -> Result<Vec<RecordedEvent>, ReadError> {
    let mut pages = Pages::new(readers, read);
    let mut events = Vec::new();
    loop {
        pages.fill().await.map_err(|error| pages.error(error))?;
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
    readers: Readers,
    stream_id: StreamId,
    command_id: CommandId,
) -> Result<Vec<RecordedEvent>, ReadError> {
    let failed = |error: StatementError| errors::of_read(error, readers.path());
    let page = command_page(&readers, stream_id.clone(), command_id).await;
    let mut events = page.map_err(failed)?.events;
    if let Some(rest) = rest_of_command(&events) {
        events.extend(stream(readers.clone(), rest).try_collect::<Vec<_>>().await?);
    }
    match rest_of_command(&events).and_then(|rest| rest.from) {
        // The command's mark says that it has more events.
        Some(missing) => Err(failed(lost(LostEvents(missing)).into())),
        None => Ok(events),
    }
}

/// Events that the mark of a command promises and the stream does not have.
#[derive(Debug, thiserror::Error)]
#[error("version {0} of the stream is missing: events of a command were lost")]
struct LostEvents(Version);

fn lost(what: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(what))
}

async fn command_page(
    readers: &Readers,
    stream_id: StreamId,
    command_id: CommandId,
) -> Result<row::Page, StatementError> {
    let query = sqlx::query(statements::LOAD_COMMAND)
        .bind(String::from(stream_id.clone()))
        .bind(Uuid::from(command_id));
    let page = readers.run(move |connection| {
        Box::pin(async move { row::page(&mut connection.fetch(query), Some(&stream_id)).await })
    });
    let page = page.await?;
    if let Some(first) = page.events.first() {
        let checked = VersionCheck::of(Direction::Forward, first.version).check_page(&page.events, false);
        checked.map_err(|gap: GapError| lost(gap))?;
    }
    Ok(page)
}

struct Pages {
    readers: Readers,
    stream_id: StreamId,
    direction: Direction,
    paging: PageCursor,
    versions: VersionCheck,
    strategy: PageStrategy,
    names: NameInterner,
    page: VecDeque<RecordedEvent>,
}

impl Pages {
    fn new(readers: Readers, read: ReadStream) -> Self {
        Self {
            readers,
            direction: read.direction,
            paging: PageCursor::of(&read),
            versions: VersionCheck::of(read.direction, read.from.unwrap_or(Version::INITIAL)),
            stream_id: read.stream_id,
            strategy: PageStrategy::new(),
            names: NameInterner::default(),
            page: VecDeque::new(),
        }
    }

    fn error(&self, error: StatementError) -> ReadError {
        errors::of_read(error, self.readers.path())
    }

    async fn event(&mut self) -> Result<Option<RecordedEvent>, StatementError> {
        if self.page.is_empty() {
            self.fill().await?;
        }
        Ok(self.page.pop_front())
    }

    /// Fills the page, which is empty, unless there are no more events.
    async fn fill(&mut self) -> Result<(), StatementError> {
        while self.page.is_empty() {
            let Some(wanted) = self.paging.next(self.strategy.rows()) else {
                break;
            };
            let page = if self.strategy.is_packed {
                self.packed(wanted).await?
            } else {
                self.rows(wanted).await?
            };
            let more = !page.whole || page.events.len() as u64 == wanted.events;
            self.versions.check_page(&page.events, !more).map_err(lost)?;
            self.paging.advance(&page.events, more);
            self.strategy.record(page.events.len(), page.whole);
            self.page = page.events.into();
        }
        Ok(())
    }

    async fn packed(&mut self, wanted: PageRequest) -> Result<row::Page, StatementError> {
        let sql = match self.direction {
            Direction::Forward => &PACKED.forward,
            Direction::Backward => &PACKED.backward,
        };
        let query = self.query(sql, wanted).bind(page_codec::largest(wanted.events));
        let packed = self.readers.run(move |connection| connection.fetch_one(query)).await?;
        let page = page_codec::decode_page(&packed, self.direction, Some(&self.stream_id), &mut self.names);
        Ok(page?)
    }

    async fn rows(&self, wanted: PageRequest) -> Result<row::Page, StatementError> {
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
