//! The statements that check an append's expected version and write it, in one round trip.

use composable_rust_core::{Appended, CommandMark, ExpectedVersion, Position, SerializedEvent, StreamAppend, Version};
use sqlx::{
    Executor, PgConnection, Postgres, Row,
    postgres::{PgArguments, PgBindIterExt, PgRow},
    query::Query,
};

use crate::{json, row, statements};

/// Where an entry's last event was stored; for an entry without events, where its stream ends. `None` if nothing was
/// written, because the stream is not as expected (or, in a batch, because that of another entry is not).
pub(crate) type EntryResult = Option<Appended>;

/// Writes the entries whose streams are as expected, or none if `all_or_nothing` and one is not. A result for each, in
/// their order.
pub(crate) async fn write(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    all_or_nothing: bool,
) -> Result<Vec<EntryResult>, sqlx::Error> {
    match *entries {
        [append] if let [event] = &*append.events => one(connection, append, event).await,
        [append] if !append.events.is_empty() => stream(connection, append).await,
        _ if let Some(sorted) = one_per_stream_order(entries).filter(|_| !all_or_nothing) => {
            one_per_stream(connection, entries, &sorted).await
        }
        _ => batch(connection, entries, all_or_nothing).await,
    }
}

/// One event for one stream.
async fn one(
    connection: &mut PgConnection,
    append: &StreamAppend,
    event: &SerializedEvent,
) -> Result<Vec<EntryResult>, sqlx::Error> {
    let (kind, expected) = condition(append.expected);
    let query = sqlx::query(statements::APPEND_ONE)
        .bind(append.stream_id.as_str())
        .bind(kind)
        .bind(expected)
        .bind(event.id.as_uuid())
        .bind(&*event.event_type)
        .bind(event.encoding.code())
        .bind(&*event.data)
        .bind(json::metadata(event)?)
        .bind(event.command.map(|mark| *mark.command_id.as_uuid()))
        .bind(event.command.map(command_events));
    // All rows, not the first one: they arrive before the commit, whose failure comes after them.
    let rows = connection.fetch_all(query).await?;
    let written = rows.first().map(|row| written(row, append)).transpose()?;
    Ok(vec![written])
}

/// Events for one stream.
async fn stream(connection: &mut PgConnection, append: &StreamAppend) -> Result<Vec<EntryResult>, sqlx::Error> {
    let (kind, expected) = condition(append.expected);
    let query = sqlx::query(statements::APPEND_STREAM)
        .bind(append.stream_id.as_str())
        .bind(kind)
        .bind(expected);
    let rows = connection.fetch_all(bind_events(query, &[append])?).await?;
    let written = rows.first().map(|row| written(row, append)).transpose()?;
    Ok(vec![written])
}

/// The order of the entries by stream, if each is one event for a stream of its own. Sorted here, by bytes as in the
/// database, so that its answers are found again.
fn one_per_stream_order(entries: &[&StreamAppend]) -> Option<Vec<usize>> {
    if entries.iter().any(|append| append.events.len() != 1) {
        return None;
    }
    let mut sorted: Vec<usize> = (0..entries.len()).collect();
    sorted.sort_unstable_by_key(|index| entries.get(*index).map(|append| name(append)));
    let is_distinct = sorted.windows(2).all(|pair| {
        let mut names = pair.iter().map(|index| entries.get(*index).map(|append| name(append)));
        names.next() != names.next()
    });
    is_distinct.then_some(sorted)
}

async fn one_per_stream(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    sorted: &[usize],
) -> Result<Vec<EntryResult>, sqlx::Error> {
    let in_order: Vec<&StreamAppend> = sorted.iter().filter_map(|index| entries.get(*index)).copied().collect();
    let query = bind_conditions(sqlx::query(statements::APPEND_ONE_PER_STREAM), &in_order);
    let rows = connection.fetch_all(bind_events(query, &in_order)?).await?;
    let mut results = vec![None; entries.len()];
    // The rows come in the order of the streams; those of refused entries are missing.
    let mut rows = rows.iter().peekable();
    for (append, index) in in_order.iter().zip(sorted) {
        let Some(row) = rows.peek() else { break };
        if row.try_get::<&str, _>(4)? != name(append) {
            continue;
        }
        if let Some(result) = results.get_mut(*index) {
            *result = Some(written(row, append)?);
        }
        rows.next();
    }
    // A row that was not expected here: the order is another one, and no answer can be relied on.
    rows.next().map_or(Ok(results), |_| Err(sqlx::Error::RowNotFound))
}

/// Any entries; those of one stream see each other.
async fn batch(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    all_or_nothing: bool,
) -> Result<Vec<EntryResult>, sqlx::Error> {
    let query = bind_conditions(sqlx::query(statements::APPEND_BATCH), entries)
        .bind(entries.iter().map(|append| number(append.events.len())).bind_iter());
    let places = || {
        let entries = (1_i64..).zip(entries);
        entries.flat_map(|(entry, append)| (1_i64..).zip(&append.events).map(move |(n, _)| (entry, n)))
    };
    let query = query
        .bind(places().map(|(entry, _)| entry).bind_iter())
        .bind(places().map(|(_, n)| n).bind_iter());
    let query = bind_events(query, entries)?.bind(all_or_nothing);
    let rows = connection.fetch_all(query).await?;
    let mut results = vec![None; entries.len()];
    for row in &rows {
        let entry: i64 = row.try_get(4)?;
        let index = usize::try_from(entry.saturating_sub(1)).unwrap_or(usize::MAX);
        if let (Some(result), Some(append)) = (results.get_mut(index), entries.get(index)) {
            *result = Some(if append.events.is_empty() {
                checked(row)?
            } else {
                written(row, append)?
            });
        }
    }
    Ok(results)
}

type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// Streams and what is expected of them.
fn bind_conditions<'q>(query: PgQuery<'q>, entries: &[&StreamAppend]) -> PgQuery<'q> {
    let conditions = || entries.iter().map(|append| condition(append.expected));
    query
        .bind(entries.iter().map(|append| name(append)).bind_iter())
        .bind(conditions().map(|(kind, _)| kind).bind_iter())
        .bind(conditions().map(|(_, expected)| expected).bind_iter())
}

/// The columns of all events, straight into the message to the server.
fn bind_events<'q>(query: PgQuery<'q>, entries: &[&StreamAppend]) -> Result<PgQuery<'q>, sqlx::Error> {
    let events = || entries.iter().flat_map(|append| &append.events);
    let commands = || events().map(|event| event.command);
    let metadata: Vec<Option<String>> = events().map(json::metadata).collect::<Result<_, _>>()?;
    Ok(query
        .bind(events().map(|event| event.id.as_uuid()).bind_iter())
        .bind(events().map(|event| &*event.event_type).bind_iter())
        .bind(events().map(|event| event.encoding.code()).bind_iter())
        .bind(events().map(|event| &*event.data).bind_iter())
        .bind(metadata)
        .bind(
            commands()
                .map(|mark| mark.map(|mark| *mark.command_id.as_uuid()))
                .bind_iter(),
        )
        .bind(commands().map(|mark| mark.map(command_events)).bind_iter()))
}

fn name(append: &StreamAppend) -> &str {
    append.stream_id.as_str()
}

/// As the statements know it: 0 for any version, 1 for exactly this one, 2 for an existing stream.
const fn condition(expected: ExpectedVersion) -> (i16, i64) {
    match expected {
        ExpectedVersion::Any => (0, 0),
        ExpectedVersion::NoStream => (1, 0),
        ExpectedVersion::Exact(version) => (1, version.as_i64()),
        ExpectedVersion::StreamExists => (2, 0),
    }
}

/// Limits keep it far below.
fn command_events(mark: CommandMark) -> i32 {
    i32::try_from(mark.event_count).unwrap_or(i32::MAX)
}

/// Limits keep it far below.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The last event of `append`, in a row that begins with `generation, transaction_id, position, version`.
fn written(row: &PgRow, append: &StreamAppend) -> Result<Appended, sqlx::Error> {
    let last = append.events.last().ok_or(sqlx::Error::RowNotFound)?;
    let position = row::at(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, last.id);
    Ok(Appended::new(version(row, 3)?, position))
}

/// The end of a stream that was only checked, in a row of `generation, transaction_id, position, version, entry,
/// event_id`. All but the version and the entry are NULL if the stream has no events.
fn checked(row: &PgRow) -> Result<Appended, sqlx::Error> {
    let position = match row.try_get::<Option<i16>, _>(0)? {
        Some(generation) => {
            let id: uuid::Uuid = row.try_get(5)?;
            row::at(generation, row.try_get(1)?, row.try_get(2)?, id.into())
        }
        None => Position::BEGINNING,
    };
    Ok(Appended::new(version(row, 3)?, position))
}

pub(crate) fn version(row: &PgRow, column: usize) -> Result<Version, sqlx::Error> {
    let version = Version::try_from(row.try_get::<i64, _>(column)?);
    version.map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
