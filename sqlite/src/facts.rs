//! What the log says about the streams that a group appends to, asked in the transaction that appends.

use std::collections::{HashMap, HashSet};

use composable_rust_core::{Appended, CommandId, EventId, SerializedEvent, StreamAppend, StreamId, Version};
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::row;

/// The end of the log and the state of each stream. While a group is judged, it grows by what the group will write.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) log_end: i64,
    pub(crate) streams: HashMap<StreamId, StreamFacts>,
}

#[derive(Debug, Default)]
pub(crate) struct StreamFacts {
    /// The last version that is in the database.
    pub(crate) stored: i64,
    /// The last event, this group's included.
    pub(crate) end: Place,
    /// Of the ids that the group brings: those that the stream holds.
    pub(crate) ids: HashSet<EventId>,
    /// Of the commands that the group brings: those that the stream holds, with the place of their last event.
    pub(crate) commands: HashMap<CommandId, Place>,
}

/// Where an event stands, as the database counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) version: i64,
    pub(crate) position: i64,
}

impl Place {
    /// The end of a stream without events.
    pub(crate) const NONE: Self = Self {
        version: 0,
        position: 0,
    };

    pub(crate) fn version(self) -> Version {
        Version::try_from(self.version).unwrap_or_default()
    }

    pub(crate) fn appended(self) -> Appended {
        Appended::new(self.version(), row::at(self.position))
    }

    /// The last of `events` whose first is here. The events of a command are part of one append, whose versions and
    /// positions both count up by one.
    const fn last_of(self, events: u32) -> Self {
        let further = events.saturating_sub(1) as i64;
        Self {
            version: self.version + further,
            position: self.position + further,
        }
    }
}

/// The question, as JSON: `[{"stream": ..., "events": [id in hex, ...], "commands": [...]}, ...]`.
pub(crate) fn question<'a>(appends: impl Iterator<Item = &'a StreamAppend>) -> String {
    let entries: Vec<String> = appends.map(entry).collect();
    format!("[{}]", entries.join(","))
}

fn entry(append: &StreamAppend) -> String {
    let list = |ids: Vec<String>| ids.join(",");
    let hex = |id: &Uuid| format!("\"{}\"", id.simple());
    let events = append.events.iter().map(|event| hex(event.id.as_uuid()));
    let marks = append.events.iter().filter_map(|event| event.command);
    let commands = marks.map(|mark| hex(mark.command_id.as_uuid()));
    format!(
        "{{\"stream\":{},\"events\":[{}],\"commands\":[{}]}}",
        serde_json::Value::from(append.stream_id.as_str()),
        list(events.collect()),
        list(commands.collect()),
    )
}

impl Facts {
    /// Puts the rows of the answer together; each says which fact it is and which entry of the question it is about.
    pub(crate) fn read(rows: &[SqliteRow], asked: &[&StreamId]) -> Result<Self, sqlx::Error> {
        let mut facts = Self::default();
        for stream in asked {
            facts.streams.entry((*stream).clone()).or_default();
        }
        for row in rows {
            facts.learn(row, asked)?;
        }
        Ok(facts)
    }

    fn learn(&mut self, row: &SqliteRow, asked: &[&StreamId]) -> Result<(), sqlx::Error> {
        let fact: i64 = row.try_get(0)?;
        if fact == 0 {
            self.log_end = row.try_get(3)?;
            return Ok(());
        }
        let entry: u32 = row.try_get(1)?;
        let stream = asked.get(entry as usize).and_then(|name| self.streams.get_mut(*name));
        let Some(stream) = stream else { return Ok(()) };
        match fact {
            1 => stream.learn_head(row),
            2 => stream.learn_id(row),
            _ => stream.learn_command(row),
        }
    }
}

impl StreamFacts {
    /// Takes note of an event that the group will write at the end.
    pub(crate) fn remember(&mut self, event: &SerializedEvent) {
        self.ids.insert(event.id);
        if let Some(mark) = event.command {
            self.commands
                .insert(mark.command_id, self.end.last_of(mark.event_count));
        }
    }

    fn learn_head(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
        self.end = place(row)?;
        self.stored = self.end.version;
        Ok(())
    }

    fn learn_id(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
        self.ids.insert(row.try_get::<Uuid, _>(4)?.into());
        Ok(())
    }

    fn learn_command(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
        let last = place(row)?.last_of(row.try_get(5)?);
        self.commands.insert(row.try_get::<Uuid, _>(4)?.into(), last);
        Ok(())
    }
}

fn place(row: &SqliteRow) -> Result<Place, sqlx::Error> {
    Ok(Place {
        version: row.try_get(2)?,
        position: row.try_get(3)?,
    })
}
