//! Looks up why appends were refused: stream versions, and event ids and commands that are stored already.

use composable_rust_core::{Appended, ExpectedVersion, RecordedEvent, StreamAppend, Version, backend};
use sqlx::{
    Executor, PgConnection, Row,
    postgres::{PgBindIterExt, PgRow},
};
use uuid::Uuid;

use crate::{
    insert,
    row::{self, Names},
    statements,
};

/// What the log holds about the entries: one query, and one more if an entry seems to be stored already. What is found
/// stays true, since the log never changes.
pub(crate) async fn read(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
) -> Result<Vec<backend::RecordedFacts>, sqlx::Error> {
    let found = lookup(connection, entries).await?;
    let mut facts: Vec<_> = found.into_iter().map(|found| found.facts).collect();
    let ranges = entries.iter().zip(&facts);
    let ranges: Vec<_> = ranges
        .map(|(append, facts)| facts.versions_to_compare(append))
        .collect();
    for (entry, stored) in stored(connection, entries, &ranges).await? {
        if let (Some(facts), Some(append)) = (facts.get_mut(entry), entries.get(entry)) {
            facts.compare(append, &stored);
        }
    }
    Ok(facts)
}

/// Where the entries were stored by a statement whose outcome was in doubt, at whatever versions. `None` for an entry that
/// is not stored.
pub(crate) async fn find_stored(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
) -> Result<Vec<Option<Appended>>, sqlx::Error> {
    let mut found = lookup(connection, entries).await?;
    // An append that expects no exact version is compared with the events from its first one on.
    let exact: Vec<Option<StreamAppend>> = entries.iter().zip(&found).map(expecting_what_is_found).collect();
    let ranges = exact.iter().zip(&found);
    let ranges: Vec<_> = ranges
        .map(|(append, found)| found.facts.versions_to_compare(append.as_ref()?))
        .collect();
    for (entry, stored) in stored(connection, entries, &ranges).await? {
        if let (Some(found), Some(Some(append))) = (found.get_mut(entry), exact.get(entry)) {
            found.facts.compare(append, &stored);
        }
    }
    let place = |(append, found): (&&StreamAppend, Found)| {
        let is_check = append.events.is_empty();
        found.facts.repeated.or_else(|| is_check.then_some(found.facts.end))
    };
    Ok(entries.iter().zip(found).map(place).collect())
}

fn expecting_what_is_found((append, found): (&&StreamAppend, &Found)) -> Option<StreamAppend> {
    if append.expected.exact().is_some() {
        return Some(StreamAppend::clone(append));
    }
    let before = found.first_event?.checked_sub(1)?;
    let mut append = StreamAppend::clone(append);
    append.expected = ExpectedVersion::Exact(before);
    Some(append)
}

/// What the log holds about one entry.
#[derive(Default)]
struct Found {
    facts: backend::RecordedFacts,
    /// The version of the event with the id of the entry's first event.
    first_event: Option<Version>,
}

async fn lookup(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<Vec<Found>, sqlx::Error> {
    let mut found: Vec<Found> = entries.iter().map(|_| Found::default()).collect();
    for row in fetch(connection, entries).await? {
        let Some(index) = entry(&row, 6)? else { continue };
        if let (Some(found), Some(append)) = (found.get_mut(index), entries.get(index)) {
            found.add_row(&row, append)?;
        }
    }
    Ok(found)
}

impl Found {
    /// A row of `generation, transaction_id, position, event_id, version, fact, entry, asked`.
    fn add_row(&mut self, row: &PgRow, append: &StreamAppend) -> Result<(), sqlx::Error> {
        let asked: Uuid = row.try_get(7)?;
        let version = insert::version(row, 4)?;
        let place = Appended::new(version, row::position(row)?);
        match row.try_get::<i16, _>(5)? {
            1 => self.facts.end = place,
            2 => {
                let first = append.events.first();
                if first.is_some_and(|event| *event.id.as_uuid() == asked) {
                    self.first_event = Some(version);
                }
                self.facts.event_ids.insert(asked.into());
            }
            _ => drop(self.facts.commands.insert(asked.into(), place)),
        }
        Ok(())
    }
}

/// The number of the entry in a column, from 0 on.
fn entry(row: &PgRow, column: usize) -> Result<Option<usize>, sqlx::Error> {
    let entry: i64 = row.try_get(column)?;
    Ok(usize::try_from(entry).ok().and_then(|entry| entry.checked_sub(1)))
}

async fn fetch(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<Vec<PgRow>, sqlx::Error> {
    let ids = || {
        let entries = (1_i64..).zip(entries);
        entries.flat_map(|(entry, append)| append.events.iter().map(move |event| (entry, *event.id.as_uuid())))
    };
    let commands = || {
        let entries = (1_i64..).zip(entries);
        entries.flat_map(|(entry, append)| {
            let marks = append.events.iter().filter_map(|event| event.command);
            marks.map(move |mark| (entry, *mark.command_id.as_uuid()))
        })
    };
    let query = sqlx::query(statements::LOOKUP_APPEND_STATE)
        .bind(entries.iter().map(|append| append.stream_id.as_str()).bind_iter())
        .bind(ids().map(|(entry, _)| entry).bind_iter())
        .bind(ids().map(|(_, id)| id).bind_iter())
        .bind(commands().map(|(entry, _)| entry).bind_iter())
        .bind(commands().map(|(_, id)| id).bind_iter());
    connection.fetch_all(query).await
}

/// The events at the ranges (first version, count) of the entries, for each entry that has one.
async fn stored(
    connection: &mut PgConnection,
    entries: &[&StreamAppend],
    ranges: &[Option<(Version, u64)>],
) -> Result<Vec<(usize, Vec<RecordedEvent>)>, sqlx::Error> {
    let asked = || entries.iter().zip(ranges).enumerate();
    let asked = || asked().filter_map(|(index, (append, range))| Some((index, *append, (*range)?)));
    let mut stored: Vec<_> = asked().map(|(index, ..)| (index, Vec::new())).collect();
    if stored.is_empty() {
        return Ok(stored);
    }
    let last = |(first, count): (Version, u64)| first.as_i64().saturating_add_unsigned(count).saturating_sub(1);
    let query = sqlx::query(statements::READ_VERSION_RANGES)
        .bind(asked().map(|(_, append, _)| append.stream_id.as_str()).bind_iter())
        .bind(asked().map(|(.., (first, _))| first.as_i64()).bind_iter())
        .bind(asked().map(|(.., range)| last(range)).bind_iter());
    let mut names = Names::of(None);
    for row in connection.fetch_all(query).await? {
        let event = row::event(&row, &mut names)?;
        let place = entry(&row, 13)?.and_then(|entry| stored.get_mut(entry));
        if let Some((_, events)) = place {
            events.push(event);
        }
    }
    for (_, events) in &mut stored {
        events.sort_unstable_by_key(|event: &RecordedEvent| event.version);
    }
    Ok(stored)
}
