//! Rows to events and back.

use chrono::{DateTime, Utc};
use composable_rust_core::{
    CommandMark, Encoding, EventId, EventMetadata, Position, RecordedEvent, SerializedEvent, StreamId, Version, backend,
};
use futures::{TryStreamExt, stream::BoxStream};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    errors::InvalidRow,
    types::{JsonText, Xid8},
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A page ends early when its events come to so many bytes.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// Events that were read together.
pub(crate) struct Page {
    pub(crate) events: Vec<RecordedEvent>,
    pub(crate) bytes: usize,
    /// Whether these are all rows that there were; `false` when they grew too large. The statement is then still
    /// answering: its connection is of no use to the next caller.
    pub(crate) whole: bool,
}

/// The names in rows: shared with those of the rows before, where they are the same.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The stream that all rows are known to be of, and do not name.
    known: Option<StreamId>,
    met: backend::NameInterner,
}

impl Names {
    /// For rows of one stream, or of any.
    pub(crate) fn of(stream_id: Option<&StreamId>) -> Self {
        Self {
            known: stream_id.cloned(),
            met: backend::NameInterner::default(),
        }
    }

    fn stream_id(&mut self, row: &PgRow) -> Result<StreamId, BoxError> {
        match &self.known {
            Some(known) => Ok(known.clone()),
            None => Ok(self.met.stream_id(row.try_get(4)?)?),
        }
    }
}

/// Reads rows until they end or are large enough.
pub(crate) async fn page(
    rows: &mut BoxStream<'_, Result<PgRow, sqlx::Error>>,
    stream_id: Option<&StreamId>,
) -> Result<Page, sqlx::Error> {
    let (mut events, mut bytes, mut whole) = (Vec::new(), 0, true);
    let mut names = Names::of(stream_id);
    while let Some(row) = rows.try_next().await? {
        let event = event(&row, &mut names)?;
        bytes += self::bytes(&row, &event)?;
        events.push(event);
        if bytes > PAGE_BYTES {
            whole = false;
            break;
        }
    }
    Ok(Page { events, bytes, whole })
}

/// What an event counts in the size of a page: its data, and its metadata as JSON.
pub(crate) fn bytes(row: &PgRow, event: &RecordedEvent) -> Result<usize, sqlx::Error> {
    let json: Option<JsonText<'_>> = row.try_get(9)?;
    Ok(event.data.len() + json.map_or(0, |json| json.0.len()))
}

/// The event in a row of `generation, transaction_id, position, event_id, stream_id, version, event_type, encoding,
/// event_data, metadata, command_id, command_events, created_at`.
pub(crate) fn event(row: &PgRow, names: &mut Names) -> Result<RecordedEvent, sqlx::Error> {
    let position = position(row)?;
    decode(row, position, names).map_err(|source| InvalidRow { position, source }.into())
}

/// The position in a row that begins with `generation, transaction_id, position, event_id`.
pub(crate) fn position(row: &PgRow) -> Result<Position, sqlx::Error> {
    Ok(at(
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get::<Uuid, _>(3)?.into(),
    ))
}

/// The position of the event `id` that has these numbers.
pub(crate) const fn at(generation: i16, transaction: Xid8, position: i64, id: EventId) -> Position {
    let generation = generation.unsigned_abs() as u64;
    Position::from_parts([generation, transaction.0, position.unsigned_abs()]).with_event_tag(event_tag(id))
}

/// The random half of an event's id. 0 would be none.
pub(crate) const fn event_tag(id: EventId) -> u64 {
    match id.as_uuid().as_u64_pair().1 {
        0 => 1,
        mark => mark,
    }
}

fn decode(row: &PgRow, position: Position, names: &mut Names) -> Result<RecordedEvent, BoxError> {
    let stream_id = names.stream_id(row)?;
    let version = Version::try_from(row.try_get::<i64, _>(5)?)?;
    let written = SerializedEvent::new(
        row.try_get::<Uuid, _>(3)?.into(),
        "",
        Encoding::from_code(row.try_get(7)?),
        row.try_get(8)?,
    );
    let recorded_at: DateTime<Utc> = row.try_get(12)?;
    let mut event = RecordedEvent::new(stream_id, version, position, recorded_at, written);
    event.event_type = names.met.event_type(row.try_get(6)?);
    event.metadata = metadata(row.try_get(9)?)?;
    event.command = command(row.try_get(10)?, row.try_get(11)?)?;
    Ok(event)
}

fn metadata(json: Option<JsonText<'_>>) -> Result<Option<EventMetadata>, BoxError> {
    json.map(|json| serde_json::from_str(json.0))
        .transpose()
        .map_err(Into::into)
}

fn command(id: Option<Uuid>, events: Option<i32>) -> Result<Option<CommandMark>, BoxError> {
    let (Some(id), Some(events)) = (id, events) else {
        return Ok(None);
    };
    Ok(Some(CommandMark::new(id.into(), events.try_into()?)))
}
