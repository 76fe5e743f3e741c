//! The statements that judge and write: what they are asked, and what they answer.

use composable_rust_core::{
    Appended, CommandMark, EventId, ExpectedVersion, Position, SerializedEvent, StreamAppend, Version,
};
use sqlx::{
    Executor, PgConnection, Postgres, Row,
    postgres::{PgArguments, PgBindIterExt, PgRow},
    query::Query,
};

use crate::{json, row, statements};

/// What the statement says about an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    /// Whether the stream was as expected.
    pub(crate) accepted: bool,
    /// The version that the stream had before the entry; `None` where a quick statement has refused it, and did not say.
    pub(crate) head: Option<Version>,
    /// Where the stream ends now, if the entry was written: with its last event, or for a check where it ended before.
    pub(crate) end: Option<Appended>,
}

/// What is written, and by which statements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Whether all entries are written or none.
    pub(crate) all_or_nothing: bool,
    /// Whether those that are refused are said why. Otherwise a quick statement may do, whose refusals have no head: they
    /// have to be judged again.
    pub(crate) thorough: bool,
}

/// Judges the entries and writes those that are accepted; a verdict for each, in their order.
pub(crate) async fn write(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    manner: Manner,
) -> Result<Vec<Verdict>, sqlx::Error> {
    let quick = !manner.thorough;
    let mut verdicts = match *entries {
        [append] if quick && let [event] = &*append.events => {
            quick_verdicts(&one(connection, append, event).await?, entries, |_| Ok(Some(0)))?
        }
        [append] if !append.events.is_empty() => verdicts(&stream(connection, append).await?, entries)?,
        _ if let Some(sorted) = as_singles(entries).filter(|_| quick && !manner.all_or_nothing) => {
            let rows = singles(connection, &sorted).await?;
            let found = quick_verdicts(&rows, &sorted, |row| Ok(place_of(row.try_get(4)?, &sorted)))?;
            in_order_of(entries, &sorted, &found)?
        }
        _ => verdicts(&many(connection, entries, manner.all_or_nothing).await?, entries)?,
    };
    if verdicts.iter().all(|verdict| verdict.accepted) {
        complete(connection, entries, &mut verdicts).await?;
    }
    Ok(verdicts)
}

async fn one(
    connection: &mut PgConnection,
    append: &StreamAppend,
    event: &SerializedEvent,
) -> Result<Vec<PgRow>, sqlx::Error> {
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
    connection.fetch_all(query).await
}

async fn stream(connection: &mut PgConnection, append: &StreamAppend) -> Result<Vec<PgRow>, sqlx::Error> {
    let (kind, expected) = condition(append.expected);
    let query = sqlx::query(statements::APPEND_STREAM)
        .bind(append.stream_id.as_str())
        .bind(kind)
        .bind(expected);
    connection.fetch_all(bind_events(query, &[append])?).await
}

/// The entries by stream, if each is one event for a stream of its own. Sorted here by what the database sorts by.
fn as_singles<'a>(entries: &[&'a StreamAppend]) -> Option<Vec<&'a StreamAppend>> {
    if entries.iter().any(|append| append.events.len() != 1) {
        return None;
    }
    let mut sorted = entries.to_vec();
    sorted.sort_unstable_by_key(|append| append.stream_id.as_str());
    let is_distinct = sorted
        .windows(2)
        .all(|pair| pair.first().map(|one| name(one)) != pair.last().map(|other| name(other)));
    is_distinct.then_some(sorted)
}

fn name(append: &StreamAppend) -> &str {
    append.stream_id.as_str()
}

/// Where a stream is in what is sorted by them.
fn place_of(stream: &str, sorted: &[&StreamAppend]) -> Option<usize> {
    sorted.binary_search_by_key(&stream, |append| name(append)).ok()
}

/// Verdicts on entries sorted by stream, in the order that they were given in.
fn in_order_of(
    entries: &[&StreamAppend],
    sorted: &[&StreamAppend],
    verdicts: &[Verdict],
) -> Result<Vec<Verdict>, sqlx::Error> {
    let of = |append: &&StreamAppend| {
        let verdict = place_of(name(append), sorted).and_then(|index| verdicts.get(index));
        verdict.copied().ok_or(sqlx::Error::RowNotFound)
    };
    entries.iter().map(of).collect()
}

async fn singles(connection: &mut PgConnection, sorted: &[&StreamAppend]) -> Result<Vec<PgRow>, sqlx::Error> {
    let query = bind_conditions(sqlx::query(statements::APPEND_SINGLES), sorted);
    connection.fetch_all(bind_events(query, sorted)?).await
}

async fn many(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    all_or_nothing: bool,
) -> Result<Vec<PgRow>, sqlx::Error> {
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
    connection.fetch_all(query).await
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

/// The verdicts of a statement that answers with `generation, transaction_id, position, version` of what it has written,
/// and is silent about the rest. `place` finds the entry that a row is about.
fn quick_verdicts(
    rows: &[PgRow],
    entries: &[&StreamAppend],
    place: impl Fn(&PgRow) -> Result<Option<usize>, sqlx::Error>,
) -> Result<Vec<Verdict>, sqlx::Error> {
    let refused = Verdict {
        accepted: false,
        head: None,
        end: None,
    };
    let mut verdicts = vec![refused; entries.len()];
    for row in rows {
        let place = place(row)?.and_then(|place| verdicts.get_mut(place).zip(entries.get(place)));
        if let Some((verdict, event)) = place.and_then(|(verdict, append)| Some((verdict, append.events.last()?))) {
            let version = version(row, 3)?;
            *verdict = Verdict {
                accepted: true,
                head: Version::try_from(version.get().saturating_sub(1)).ok(),
                end: Some(Appended::new(
                    version,
                    row::at(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, event.id),
                )),
            };
        }
    }
    Ok(verdicts)
}

/// The verdicts in rows that say which entry they are about; there must be one for each.
fn verdicts(rows: &[PgRow], entries: &[&StreamAppend]) -> Result<Vec<Verdict>, sqlx::Error> {
    let mut verdicts = vec![None; entries.len()];
    for row in rows {
        let entry: i64 = row.try_get(6)?;
        let index = usize::try_from(entry.saturating_sub(1)).unwrap_or(usize::MAX);
        if let (Some(place), Some(append)) = (verdicts.get_mut(index), entries.get(index)) {
            *place = Some(verdict(row, append)?);
        }
    }
    verdicts
        .into_iter()
        .collect::<Option<_>>()
        .ok_or(sqlx::Error::RowNotFound)
}

/// A row of `accepted, head, next, generation, transaction_id, position, entry`.
fn verdict(row: &PgRow, append: &StreamAppend) -> Result<Verdict, sqlx::Error> {
    let last = append.events.last().map(|event| event.id);
    Ok(Verdict {
        accepted: row.try_get(0)?,
        head: Some(version(row, 1)?),
        end: last.map(|id| written(row, id)).transpose()?.flatten(),
    })
}

fn written(row: &PgRow, id: EventId) -> Result<Option<Appended>, sqlx::Error> {
    let Some(generation) = row.try_get(3)? else {
        return Ok(None);
    };
    Ok(Some(Appended::new(
        version(row, 2)?,
        row::at(generation, row.try_get(4)?, row.try_get(5)?, id),
    )))
}

/// A batch that was accepted also says where the streams end that it only checked.
async fn complete(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    verdicts: &mut [Verdict],
) -> Result<(), sqlx::Error> {
    let checked = entries
        .iter()
        .zip(verdicts)
        .filter(|(append, _)| append.events.is_empty());
    let mut checked: Vec<_> = checked.collect();
    if checked.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(statements::PLACES)
        .bind(checked.iter().map(|(append, _)| append.stream_id.as_str()).bind_iter())
        .bind(
            checked
                .iter()
                .map(|(_, verdict)| verdict.head.map(Version::as_i64))
                .bind_iter(),
        );
    let rows = connection.fetch_all(query).await?;
    for ((_, verdict), row) in checked.iter_mut().zip(&rows) {
        let version = verdict.head.unwrap_or(Version::INITIAL);
        let position = match row.try_get::<Option<i16>, _>(0)? {
            Some(_) => row::position(row)?,
            None => Position::BEGINNING,
        };
        verdict.end = Some(Appended::new(version, position));
    }
    Ok(())
}

pub(crate) fn version(row: &PgRow, column: usize) -> Result<Version, sqlx::Error> {
    let version = Version::try_from(row.try_get::<i64, _>(column)?);
    version.map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
