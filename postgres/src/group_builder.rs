//! A group of appends in the making: what one statement of group commit writes.

use std::collections::HashSet;

use composable_rust_core::{CommandId, EventId, StreamId, backend::GroupSize};

use crate::pending_append::PendingAppend;

/// The largest group: a statement of this size takes some ten milliseconds, and later appends wait for it.
pub(crate) const MAX_GROUP: GroupSize = GroupSize {
    appends: 1024,
    events: 4096,
    bytes: 4 << 20,
};

/// Larger appends are exclusive: a group should not wait for them.
const MAX_SHARED: GroupSize = GroupSize {
    appends: 1,
    events: 512,
    bytes: 1 << 20,
};

/// Appends for one statement.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) appends: Vec<PendingAppend>,
    /// The streams that no other statement may write to until this one is finished.
    pub(crate) streams: Vec<StreamId>,
    /// The only append in its statement: a batch, or a large one.
    pub(crate) is_exclusive: bool,
}

#[derive(Debug, Default)]
pub(crate) struct GroupBuilder {
    appends: Vec<PendingAppend>,
    streams: Vec<StreamId>,
    size: GroupSize,
    /// How many of `appends`, at their end, are for the stream whose turn it is.
    of_stream: usize,
    /// Their event ids and commands, if there are several.
    event_ids: HashSet<EventId>,
    commands: HashSet<CommandId>,
}

impl GroupBuilder {
    /// Whether an append of this size fits. The first one always does.
    pub(crate) fn has_room(&self, size: GroupSize) -> bool {
        self.appends.is_empty() || self.size.plus(size).fits(MAX_GROUP)
    }

    /// Whether `append` brings no event id and no command of an earlier append to its stream in this group. One statement
    /// can't judge both: it does not see in an index what it is about to write.
    pub(crate) fn is_distinct(&mut self, append: &PendingAppend) -> bool {
        if self.of_stream == 1 && self.event_ids.is_empty() {
            self.remember_last();
        }
        self.of_stream == 0
            || !(event_ids(append).any(|id| self.event_ids.contains(&id))
                || commands(append).any(|command| self.commands.contains(&command)))
    }

    pub(crate) fn add(&mut self, append: PendingAppend) {
        self.size = self.size.plus(append.size);
        self.appends.push(append);
        self.of_stream += 1;
        if self.of_stream > 1 {
            self.remember_last();
        }
    }

    /// Ends the turn of `stream_id`. Whether the group holds an append for it.
    pub(crate) fn end_stream(&mut self, stream_id: &StreamId) -> bool {
        let holds_any = self.of_stream > 0;
        if holds_any {
            self.streams.push(stream_id.clone());
        }
        self.of_stream = 0;
        self.event_ids.clear();
        self.commands.clear();
        holds_any
    }

    pub(crate) fn build(self) -> Option<Group> {
        (!self.appends.is_empty()).then_some(Group {
            appends: self.appends,
            streams: self.streams,
            is_exclusive: false,
        })
    }

    fn remember_last(&mut self) {
        if let Some(last) = self.appends.last() {
            self.event_ids.extend(event_ids(last));
            self.commands.extend(commands(last));
        }
    }
}

fn event_ids(append: &PendingAppend) -> impl Iterator<Item = EventId> {
    append
        .appends
        .iter()
        .flat_map(|append| &append.events)
        .map(|event| event.id)
}

fn commands(append: &PendingAppend) -> impl Iterator<Item = CommandId> {
    let events = append.appends.iter().flat_map(|append| &append.events);
    events.filter_map(|event| event.command).map(|mark| mark.command_id)
}

/// All or nothing is a promise of a whole statement, and the others should not wait for a large one.
pub(crate) fn is_exclusive(append: &PendingAppend) -> bool {
    append.appends.len() != 1 || !append.size.fits(MAX_SHARED)
}
