//! Rows to events and back.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use composable_rust_core::{
    CommandMark, Encoding, EventMetadata, Position, RecordedEvent, SerializedEvent, StreamId, Version,
};
use futures::{TryStreamExt, stream::BoxStream};
use sqlx::{Decode, Row, Sqlite, Type, sqlite::SqliteRow};
use uuid::Uuid;

use crate::errors::InvalidRow;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A page ends early when its events come to so many bytes.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// Events that were read together.
pub(crate) struct Page {
    pub(crate) events: Vec<RecordedEvent>,
    /// Whether these are all rows that there were; `false` when they grew too large.
    pub(crate) whole: bool,
}

/// Reads rows until they end or are large enough.
pub(crate) async fn page(
    rows: &mut BoxStream<'_, Result<SqliteRow, sqlx::Error>>,
    stream_id: Option<&StreamId>,
) -> Result<Page, sqlx::Error> {
    let (mut events, mut bytes, mut whole) = (Vec::new(), 0, true);
    while let Some(row) = rows.try_next().await? {
        let event = event(&row, stream_id)?;
        bytes += event.data.len() + metadata_bytes(&row)?;
        events.push(event);
        if bytes > PAGE_BYTES {
            whole = false;
            break;
        }
    }
    Ok(Page { events, whole })
}

fn metadata_bytes(row: &SqliteRow) -> Result<usize, sqlx::Error> {
    let json: Option<&str> = row.try_get(7)?;
    Ok(json.map_or(0, str::len))
}

/// The event in a row of `position, stream_id, version, event_id, event_type, encoding, event_data, metadata,
/// command_id, command_events, recorded_at`. `stream_id` spares a name that is known already.
pub(crate) fn event(row: &SqliteRow, stream_id: Option<&StreamId>) -> Result<RecordedEvent, sqlx::Error> {
    let position: i64 = row.try_get(0)?;
    decode(row, position, stream_id).map_err(|source| {
        let source = source.into();
        InvalidRow { position, source }.into()
    })
}

fn decode(row: &SqliteRow, position: i64, stream_id: Option<&StreamId>) -> Result<RecordedEvent, BoxError> {
    let stream_id = match stream_id {
        Some(stream_id) => stream_id.clone(),
        None => filled::<&str>(row, 1)?.parse()?,
    };
    let version = Version::try_from(filled::<i64>(row, 2)?)?;
    let written = SerializedEvent::new(
        filled::<Uuid>(row, 3)?.into(),
        filled::<String>(row, 4)?,
        Encoding::from_code(filled(row, 5)?),
        filled(row, 6)?,
    );
    let mut event = RecordedEvent::new(stream_id, version, at(position), instant(filled(row, 10)?)?, written);
    event.metadata = metadata(row.try_get(7)?)?;
    event.command = command(row.try_get(8)?, row.try_get(9)?);
    Ok(event)
}

/// The value of a column that the schema does not allow to be NULL. The driver reads NULL as zero or as nothing, so a
/// value that a broken file lacks would be made up.
fn filled<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(row: &'r SqliteRow, column: usize) -> Result<T, BoxError> {
    let value: Option<T> = row.try_get(column)?;
    value.ok_or_else(|| "a column that is always filled is NULL".into())
}

pub(crate) fn metadata(json: Option<&str>) -> Result<Option<EventMetadata>, BoxError> {
    json.map(serde_json::from_str).transpose().map_err(Into::into)
}

fn command(id: Option<Uuid>, events: Option<u32>) -> Option<CommandMark> {
    let events = events.filter(|events| *events > 0)?;
    Some(CommandMark::new(id?.into(), events))
}

pub(crate) fn instant(micros: i64) -> Result<DateTime<Utc>, BoxError> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| "recorded_at lies beyond the calendar".into())
}

/// Positions are SQLite's rowids, 1 and above.
pub(crate) const fn at(position: i64) -> Position {
    Position::from_sequence(position.unsigned_abs())
}

/// The rowid to begin after. A position of another kind of store lies beyond all of ours.
pub(crate) fn after(position: Position) -> i64 {
    match position.parts() {
        [0, 0, sequence] => i64::try_from(sequence).unwrap_or(i64::MAX),
        _ => i64::MAX,
    }
}

/// Microseconds since 1970, negative before. What is beyond the calendar that a reader knows is cut off to its end: the
/// event must be readable, however wrong the clock is.
pub(crate) fn micros(time: SystemTime) -> i64 {
    let count = |micros: u128| i64::try_from(micros).unwrap_or(i64::MAX);
    let micros = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => count(since.as_micros()),
        Err(before) => -count(before.duration().as_micros()),
    };
    let calendar = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC].map(|end| end.timestamp_micros());
    micros.clamp(calendar[0], calendar[1])
}

pub(crate) fn metadata_json(event: &SerializedEvent) -> Result<Option<String>, sqlx::Error> {
    let json = event.metadata.as_ref().map(serde_json::to_string).transpose();
    json.map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_recorded_as_far_as_it_can_be_read() {
        assert_eq!(micros(UNIX_EPOCH - Duration::from_millis(1500)), -1_500_000);
        assert_eq!(micros(UNIX_EPOCH + Duration::from_micros(7)), 7);
        let year = Duration::from_hours(24 * 365);
        for clock in [
            UNIX_EPOCH + 290_000 * year,
            UNIX_EPOCH + 300_000 * year,
            UNIX_EPOCH - 290_000 * year,
            UNIX_EPOCH - 300_000 * year,
        ] {
            assert!(instant(micros(clock)).is_ok(), "{clock:?}");
        }
    }
}
