//! What the log says about appends that were not written: asked afterwards, and true for ever, since it never changes.

use std::collections::{HashMap, HashSet};

use composable_rust_core::{Appended, CommandId, EventId, Position, RecordedEvent, StreamAppend, Version};
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

/// What the log says about one entry.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Where the stream ends.
    pub(crate) end: Appended,
    /// Of the ids that the entry brings: those that the stream holds.
    pub(crate) ids: HashSet<EventId>,
    /// Of the commands that the entry brings: those that the stream holds, with the place of their last event.
    pub(crate) commands: HashMap<CommandId, Appended>,
    /// The first result, if exactly these events stand where the entry would have put them.
    pub(crate) repeated: Option<Appended>,
}

impl Facts {
    fn none() -> Self {
        Self {
            end: Appended::new(Version::INITIAL, Position::BEGINNING),
            ids: HashSet::new(),
            commands: HashMap::new(),
            repeated: None,
        }
    }

    /// The facts about each entry, in their order.
    pub(crate) async fn read(
        connection: &mut PgConnection,
        entries: &[&StreamAppend],
    ) -> Result<Vec<Self>, sqlx::Error> {
        let mut facts: Vec<Self> = entries.iter().map(|_| Self::none()).collect();
        for row in ask(connection, entries).await? {
            let entry: i64 = row.try_get(6)?;
            let entry = usize::try_from(entry).ok().and_then(|entry| entry.checked_sub(1));
            if let Some(facts) = entry.and_then(|entry| facts.get_mut(entry)) {
                facts.learn(&row)?;
            }
        }
        for (facts, append) in facts.iter_mut().zip(entries) {
            facts.repeated = facts.repetition(connection, append).await?;
        }
        Ok(facts)
    }

    fn learn(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let asked: Uuid = row.try_get(7)?;
        let place = place(row)?;
        match row.try_get::<i16, _>(5)? {
            1 => self.end = place,
            2 => drop(self.ids.insert(asked.into())),
            _ => drop(self.commands.insert(asked.into(), place)),
        }
        Ok(())
    }

    /// Events are read only if the stream is that long and holds the first event's id at all: an ordinary conflict is
    /// told apart without them.
    async fn repetition(
        &self,
        connection: &mut PgConnection,
        append: &StreamAppend,
    ) -> Result<Option<Appended>, sqlx::Error> {
        let (Some(before), Some(first)) = (append.expected.exact(), append.events.first()) else {
            return Ok(None);
        };
        let count = append.events.len() as u64;
        let is_long_enough = before
            .get()
            .checked_add(count)
            .is_some_and(|to| to <= self.end.version.get());
        if !is_long_enough || !self.ids.contains(&first.id) {
            return Ok(None);
        }
        let stored = stored(connection, append, before).await?;
        let is_record = |(stored, event): (&RecordedEvent, _)| stored.is_record_of(event);
        let is_repetition = stored.len() == append.events.len() && stored.iter().zip(&append.events).all(is_record);
        let last = stored.last().filter(|_| is_repetition);
        Ok(last.map(|last| Appended::new(last.version, last.position)))
    }
}

async fn ask(connection: &mut PgConnection, entries: &[&StreamAppend]) -> Result<Vec<PgRow>, sqlx::Error> {
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
    let query = sqlx::query(statements::FACTS)
        .bind(entries.iter().map(|append| append.stream_id.as_str()).bind_iter())
        .bind(ids().map(|(entry, _)| entry).bind_iter())
        .bind(ids().map(|(_, id)| id).bind_iter())
        .bind(commands().map(|(entry, _)| entry).bind_iter())
        .bind(commands().map(|(_, id)| id).bind_iter());
    connection.fetch_all(query).await
}

/// The place in a row of `generation, transaction_id, position, event_id, version, fact, entry, asked`.
fn place(row: &PgRow) -> Result<Appended, sqlx::Error> {
    Ok(Appended::new(insert::version(row, 4)?, row::position(row)?))
}

/// As many events after `before` as the entry has.
async fn stored(
    connection: &mut PgConnection,
    append: &StreamAppend,
    before: Version,
) -> Result<Vec<RecordedEvent>, sqlx::Error> {
    let query = sqlx::query(statements::READ_FORWARD)
        .bind(append.stream_id.as_str())
        .bind(before.as_i64().saturating_add(1))
        .bind(i64::try_from(append.events.len()).unwrap_or(i64::MAX));
    let rows = connection.fetch_all(query).await?;
    let mut names = Names::of(Some(&append.stream_id));
    rows.iter().map(|row| row::event(row, &mut names)).collect()
}
