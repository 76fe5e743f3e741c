//! A stream of the store in memory, with the indexes that appends are resolved by.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Arc, LazyLock},
};

use composable_rust_core::{
    Appended, CommandId, EventId, RecordedEvent, Snapshot, SnapshotOutcome, StreamAppend, Version,
    backend::RecordedFacts,
};

/// A stream: its records, and indexes of its ids and commands, so that resolving an append scans no records.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The event of version `v` stands at index `v - 1`. Shared with the log, and with readers that hold a page.
    records: Vec<Arc<RecordedEvent>>,
    ids: HashSet<EventId>,
    /// Where each command's events lie among the records.
    commands: HashMap<CommandId, Range<usize>>,
    snapshot: Option<Snapshot>,
}

impl Stream {
    /// An empty stream, for reads of one that does not exist.
    pub(super) fn none() -> &'static Self {
        static NONE: LazyLock<Stream> = LazyLock::new(Stream::default);
        &NONE
    }

    pub(super) fn head(&self) -> Version {
        version(self.records.len())
    }

    /// Where the stream's last event is; the beginning when it has none.
    pub(super) fn end(&self) -> Appended {
        self.place(self.head())
    }

    /// Where the event of `version` is; for version 0 the beginning.
    pub(super) fn place(&self, version: Version) -> Appended {
        let position = self.at(version).map(|record| record.position).unwrap_or_default();
        Appended::new(version, position)
    }

    fn at(&self, version: Version) -> Option<&Arc<RecordedEvent>> {
        self.records.get(index(version.checked_sub(1)?))
    }

    /// The records after `version`, in order.
    pub(super) fn after(&self, version: Version) -> &[Arc<RecordedEvent>] {
        self.records.get(index(version)..).unwrap_or_default()
    }

    /// The records up to `version`, itself included, in order.
    pub(super) fn until(&self, version: Version) -> &[Arc<RecordedEvent>] {
        self.records.get(..index(version)).unwrap_or(&self.records)
    }

    /// What the stream holds of `append`.
    pub(super) fn facts(&self, append: &StreamAppend) -> RecordedFacts {
        let mut facts = RecordedFacts::default();
        facts.end = self.end();
        let ids = append.events.iter().map(|event| event.id);
        facts.event_ids = ids.filter(|id| self.ids.contains(id)).collect();
        let commands = append.events.iter().filter_map(|event| Some(event.command?.command_id));
        facts.commands = commands.filter_map(|id| Some((id, self.command(id)?))).collect();
        if let Some((first, count)) = facts.versions_to_compare(append) {
            let before = first.checked_sub(1).unwrap_or_default();
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            facts.compare(append, self.after(before).iter().take(count).map(|record| &**record));
        }
        facts
    }

    /// Where the last event of a stored command is.
    fn command(&self, id: CommandId) -> Option<Appended> {
        self.commands.get(&id).map(|events| self.place(version(events.end)))
    }

    /// The records of a command; none if the stream does not hold it.
    pub(super) fn of_command(&self, id: CommandId) -> &[Arc<RecordedEvent>] {
        let events = self.commands.get(&id).cloned().unwrap_or_default();
        self.records.get(events).unwrap_or_default()
    }

    pub(super) fn push(&mut self, record: Arc<RecordedEvent>) {
        self.ids.insert(record.id);
        if let Some(mark) = record.command {
            let first = self.records.len();
            let events = first..first.saturating_add(mark.event_count as usize);
            self.commands.insert(mark.command_id, events);
        }
        self.records.push(record);
    }

    pub(super) fn delete_snapshot(&mut self) {
        self.snapshot = None;
    }

    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// Stores the snapshot unless the stream has a newer one, or is not that far.
    pub(super) fn offer(&mut self, snapshot: Snapshot) -> SnapshotOutcome {
        let newer_is_here = self.snapshot.as_ref().is_some_and(|own| own.version > snapshot.version);
        if newer_is_here || snapshot.version > self.head() {
            return SnapshotOutcome::Declined;
        }
        self.snapshot = Some(snapshot);
        SnapshotOutcome::Stored
    }
}

/// The version of the last of so many events. No memory holds more than [`Version::MAX`].
fn version(events: usize) -> Version {
    u64::try_from(events)
        .ok()
        .and_then(Version::new)
        .unwrap_or(Version::MAX)
}

/// How many events lie up to `version`; a version beyond memory is beyond every list.
fn index(version: Version) -> usize {
    usize::try_from(version.get()).unwrap_or(usize::MAX)
}
