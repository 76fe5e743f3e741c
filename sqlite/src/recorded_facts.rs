//! Looks up what the log holds about the streams of a group, in the transaction that writes the group.

use std::collections::{HashMap, HashSet};

use composable_rust_core::{
    Appended, CommandId, EventId, SerializedEvent, StreamAppend, StreamId, Version, backend::RecordedFacts,
};
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::row;

/// The end of the log and what its streams hold. Grows by the events that the group is going to write, so that each append
/// is resolved as if those before it were stored.
#[derive(Debug, Default)]
pub(crate) struct GroupFacts {
    pub(crate) log_end: i64,
    pub(crate) streams: HashMap<StreamId, StreamFacts>,
}

#[derive(Debug, Default)]
pub(crate) struct StreamFacts {
    /// The last version that is in the database.
    pub(crate) stored: i64,
    /// The last event, this group's included.
    pub(crate) end: Place,
    /// Those event ids of the group that the stream holds.
    event_ids: HashSet<EventId>,
    /// Those commands of the group that the stream holds, with the place of their last event.
    commands: HashMap<CommandId, Place>,
}

/// Where an event is, in SQLite's integers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) version: i64,
    pub(crate) position: i64,
}

impl Place {
    pub(crate) fn version(self) -> Version {
        Version::try_from(self.version).unwrap_or_default()
    }

    pub(crate) fn appended(self) -> Appended {
        Appended::new(self.version(), row::at(self.position))
    }

    /// The last of `event_count` events whose first is here. The events of a command are part of one append, whose
    /// versions and positions both count up by one.
    const fn last_of(self, event_count: u32) -> Self {
        let further = event_count.saturating_sub(1) as i64;
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

impl GroupFacts {
    /// Collects the rows of the answer. Each names its fact and the entry of the question that it belongs to.
    pub(crate) fn read(rows: &[SqliteRow], asked: &[&StreamId]) -> Result<Self, sqlx::Error> {
        let mut facts = Self::default();
        for stream in asked {
            facts.streams.entry((*stream).clone()).or_default();
        }
        for row in rows {
            facts.add_row(row, asked)?;
        }
        Ok(facts)
    }

    fn add_row(&mut self, row: &SqliteRow, asked: &[&StreamId]) -> Result<(), sqlx::Error> {
        let fact: i64 = row.try_get(0)?;
        if fact == 0 {
            self.log_end = row.try_get(3)?;
            return Ok(());
        }
        let entry: u32 = row.try_get(1)?;
        let stream = asked.get(entry as usize).and_then(|name| self.streams.get_mut(*name));
        let Some(stream) = stream else { return Ok(()) };
        match fact {
            1 => stream.add_head(row),
            2 => stream.add_event_id(row),
            _ => stream.add_command(row),
        }
    }
}

impl StreamFacts {
    /// What the resolver is to know of this stream, for one entry. The cost depends on the entry, not on the group.
    pub(crate) fn for_entry(&self, append: &StreamAppend) -> RecordedFacts {
        let mut facts = RecordedFacts::default();
        facts.end = self.end.appended();
        for event in &append.events {
            if self.event_ids.contains(&event.id) {
                facts.event_ids.insert(event.id);
            }
            if let Some((id, place)) = event
                .command
                .and_then(|mark| self.commands.get_key_value(&mark.command_id))
            {
                facts.commands.insert(*id, place.appended());
            }
        }
        facts
    }

    /// Adds an event that the group is going to write at the end of the stream.
    pub(crate) fn add_planned(&mut self, event: &SerializedEvent, position: i64) {
        self.end = Place {
            version: self.end.version + 1,
            position,
        };
        self.event_ids.insert(event.id);
        if let Some(mark) = event.command {
            let last = self.end.last_of(mark.event_count);
            self.commands.insert(mark.command_id, last);
        }
    }

    fn add_head(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
        self.end = place(row)?;
        self.stored = self.end.version;
        Ok(())
    }

    fn add_event_id(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
        self.event_ids.insert(row.try_get::<Uuid, _>(4)?.into());
        Ok(())
    }

    fn add_command(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
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
