//! The queue of group commit: which appends wait, and which may be written now.
//!
//! Each stream has a FIFO queue, and at most one statement at a time writes to it. The streams whose first append may be
//! written now are in a list, so that choosing a group visits the appends of the group and no others.

use std::collections::{BTreeMap, HashMap, VecDeque};

use composable_rust_core::StreamId;

use crate::{
    deadline::Deadline,
    group_builder::{self, Group, GroupBuilder},
    pending_append::{ExpiryCause, PendingAppend},
};

/// Groups in flight: one, one more for each that is slow, and one more for a long queue. More at once would only be
/// smaller, since the disk serves one commit at a time.
const MAX_GROUPS: usize = 4;

/// From so many waiting appends or events on, two groups are in flight: the database writes one while the callers of the
/// other are answered and send their next appends. A few appends of a hundred events are as much work as many small ones.
const PIPELINE_THRESHOLD: usize = 64;
const PIPELINE_EVENTS: usize = 256;

/// Exclusive appends in flight, beside the groups.
const MAX_EXCLUSIVE: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct AppendQueue {
    /// The most appends that wait here or are in flight.
    max_appends: usize,
    /// By ticket: in the order of arrival.
    waiting: BTreeMap<Ticket, Waiting>,
    /// Their events.
    waiting_events: usize,
    /// Arrived beyond the bound, and waiting for a place.
    overflow: VecDeque<PendingAppend>,
    streams: HashMap<StreamId, StreamQueue>,
    /// Streams without a statement in flight whose first append can share a group. May also hold streams that no longer
    /// are so: they are skipped.
    ready_streams: VecDeque<StreamId>,
    /// Exclusive appends that are first on all their streams, none of which has a statement in flight.
    ready_exclusive: VecDeque<Ticket>,
    next_ticket: Ticket,
    /// In flight: appends, groups, and exclusive appends.
    taken: usize,
    groups: usize,
    exclusive: usize,
    #[cfg(test)]
    visited: usize,
}

type Ticket = u64;

#[derive(Debug)]
struct Waiting {
    append: PendingAppend,
    is_exclusive: bool,
    /// On how many of its streams an exclusive append is not the first, or a statement is in flight.
    blocked_on: usize,
}

#[derive(Debug, Default)]
struct StreamQueue {
    tickets: VecDeque<Ticket>,
    /// A statement that writes to the stream is in flight.
    is_busy: bool,
    /// The stream is in `ready_streams`.
    is_listed: bool,
    /// The exclusive append that was told that it is the first one here.
    unblocked: Option<Ticket>,
}

impl AppendQueue {
    pub(crate) fn new(max_appends: usize) -> Self {
        Self {
            max_appends,
            ..Self::default()
        }
    }

    /// Appends that wait, also those beyond the bound.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.overflow.len()
    }

    pub(crate) fn push(&mut self, append: PendingAppend) {
        if self.is_full() {
            self.overflow.push_back(append);
        } else {
            self.admit(append);
        }
    }

    /// The next group to write, if one may be started. `slow` of the groups in flight take so long that others should
    /// not wait for them.
    pub(crate) fn next_group(&mut self, slow: usize) -> Option<Group> {
        loop {
            let group = self.choose_group(slow);
            // Abandoned appends have left their places: those beyond the bound may fill a group.
            if group.is_some() || !self.admit_overflow() {
                return group;
            }
        }
    }

    fn choose_group(&mut self, slow: usize) -> Option<Group> {
        let is_long = self.waiting.len() >= PIPELINE_THRESHOLD || self.waiting_events >= PIPELINE_EVENTS;
        let may_start = self.groups < MAX_GROUPS && self.groups <= slow + usize::from(is_long);
        if may_start && let Some(group) = self.shared_group() {
            self.groups += 1;
            return Some(group);
        }
        if self.exclusive == MAX_EXCLUSIVE {
            return None;
        }
        let group = self.exclusive_group()?;
        self.exclusive += 1;
        Some(group)
    }

    /// A group of so many appends is finished: its streams are free, and so is its place.
    pub(crate) fn finish(&mut self, streams: &[StreamId], appends: usize, is_exclusive: bool) {
        let places = if is_exclusive {
            &mut self.exclusive
        } else {
            &mut self.groups
        };
        *places = places.saturating_sub(1);
        self.taken = self.taken.saturating_sub(appends);
        for stream_id in streams {
            self.visit();
            if let Some(stream) = self.streams.get_mut(stream_id) {
                stream.is_busy = false;
            }
            self.update(stream_id);
        }
        self.admit_overflow();
    }

    /// The earliest time at which [`AppendQueue::expire`] has something to do.
    pub(crate) fn next_expiry(&self) -> Option<Deadline> {
        let queued = self.waiting.values().next().map(|waiting| &waiting.append);
        let oldest = queued.into_iter().chain(self.overflow.front());
        oldest.map(|append| append.take_by).min()
    }

    /// Removes an append that was not taken in time.
    pub(crate) fn expire(&mut self) -> Option<(PendingAppend, ExpiryCause)> {
        if let Some(append) = self.overflow.pop_front_if(|append| append.take_by.has_passed()) {
            return Some((append, ExpiryCause::QueueFull));
        }
        let (&ticket, oldest) = self.waiting.first_key_value()?;
        if !oldest.append.take_by.has_passed() {
            return None;
        }
        let is_busy = |stream_id| self.streams.get(stream_id).is_some_and(|stream| stream.is_busy);
        let cause = if oldest.append.streams().any(is_busy) {
            ExpiryCause::StreamBusy
        } else {
            ExpiryCause::NotTaken
        };
        // All limits are the same length, so the oldest append expires first, and it is the first one on its streams.
        let append = self.remove_first(ticket)?;
        for stream_id in append.streams() {
            self.update(stream_id);
        }
        self.admit_overflow();
        Some((append, cause))
    }

    fn is_full(&self) -> bool {
        !self.overflow.is_empty() || self.waiting.len() + self.taken >= self.max_appends
    }

    /// Whether an append was admitted.
    fn admit_overflow(&mut self) -> bool {
        let mut is_admitted = false;
        while self.waiting.len() + self.taken < self.max_appends
            && let Some(append) = self.overflow.pop_front()
        {
            self.visit();
            if !append.is_abandoned() {
                self.admit(append);
                is_admitted = true;
            }
        }
        is_admitted
    }

    fn admit(&mut self, append: PendingAppend) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let mut free = Vec::new();
        for stream_id in append.streams() {
            self.visit();
            let stream = self.streams.entry(stream_id.clone()).or_default();
            if stream.tickets.is_empty() && !stream.is_busy {
                free.push(stream_id.clone());
            }
            stream.tickets.push_back(ticket);
        }
        let waiting = Waiting {
            is_exclusive: group_builder::is_exclusive(&append),
            blocked_on: append.appends.len(),
            append,
        };
        self.waiting_events += waiting.append.size.events;
        self.waiting.insert(ticket, waiting);
        for stream_id in &free {
            self.update(stream_id);
        }
    }

    /// Takes note that the first append of a stream, or whether a statement writes to it, has changed.
    fn update(&mut self, stream_id: &StreamId) {
        self.visit();
        let Some(stream) = self.streams.get_mut(stream_id).filter(|stream| !stream.is_busy) else {
            return;
        };
        let Some(&first) = stream.tickets.front() else {
            self.streams.remove(stream_id);
            return;
        };
        let Some(waiting) = self.waiting.get_mut(&first) else {
            return;
        };
        if !waiting.is_exclusive {
            if !stream.is_listed {
                stream.is_listed = true;
                self.ready_streams.push_back(stream_id.clone());
            }
            return;
        }
        if stream.unblocked.replace(first) == Some(first) {
            return;
        }
        waiting.blocked_on = waiting.blocked_on.saturating_sub(1);
        if waiting.blocked_on == 0 {
            self.ready_exclusive.push_back(first);
        }
    }

    fn shared_group(&mut self) -> Option<Group> {
        let mut group = GroupBuilder::default();
        while let Some(stream_id) = self.ready_streams.pop_front() {
            self.visit();
            if !self.is_ready(&stream_id) {
                continue;
            }
            let is_full = self.take_from(&stream_id, &mut group);
            if group.end_stream(&stream_id) {
                self.set_busy(&stream_id);
            } else if is_full {
                self.list_first(stream_id);
            } else {
                self.update(&stream_id);
            }
            if is_full {
                break;
            }
        }
        group.build()
    }

    /// Whether a listed stream still is ready. It is no longer listed.
    fn is_ready(&mut self, stream_id: &StreamId) -> bool {
        let stream = self.streams.get_mut(stream_id);
        stream.is_some_and(|stream| {
            stream.is_listed = false;
            !stream.is_busy
        })
    }

    fn list_first(&mut self, stream_id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&stream_id) {
            stream.is_listed = true;
            self.ready_streams.push_front(stream_id);
        }
    }

    /// Takes the first appends of a stream, as long as they can share the group. Whether the group is full.
    fn take_from(&mut self, stream_id: &StreamId, group: &mut GroupBuilder) -> bool {
        while let Some(ticket) = self.first_of(stream_id) {
            self.visit();
            let Some(first) = self.waiting.get(&ticket).filter(|first| !first.is_exclusive) else {
                return false;
            };
            if !group.has_room(first.append.size) {
                return true;
            }
            if !group.is_distinct(&first.append) {
                return false;
            }
            match self.remove_first(ticket) {
                // Nothing was sent yet: it may as well not be written.
                Some(append) if append.is_abandoned() => {}
                Some(append) => {
                    self.taken += 1;
                    group.add(append);
                }
                None => return false,
            }
        }
        false
    }

    fn exclusive_group(&mut self) -> Option<Group> {
        while let Some(ticket) = self.ready_exclusive.pop_front() {
            self.visit();
            // It may have expired.
            let Some(append) = self.remove_first(ticket) else {
                continue;
            };
            let streams: Vec<StreamId> = append.streams().cloned().collect();
            if append.is_abandoned() {
                for stream_id in &streams {
                    self.update(stream_id);
                }
                continue;
            }
            for stream_id in &streams {
                self.set_busy(stream_id);
            }
            self.taken += 1;
            return Some(Group {
                appends: vec![append],
                streams,
                is_exclusive: true,
            });
        }
        None
    }

    fn first_of(&self, stream_id: &StreamId) -> Option<Ticket> {
        self.streams.get(stream_id)?.tickets.front().copied()
    }

    /// Removes an append that is the first one on all its streams.
    fn remove_first(&mut self, ticket: Ticket) -> Option<PendingAppend> {
        let append = self.waiting.remove(&ticket)?.append;
        self.waiting_events -= append.size.events;
        for stream_id in append.streams() {
            self.visit();
            if let Some(stream) = self.streams.get_mut(stream_id) {
                stream.tickets.pop_front();
            }
        }
        Some(append)
    }

    fn set_busy(&mut self, stream_id: &StreamId) {
        if let Some(stream) = self.streams.get_mut(stream_id) {
            stream.is_busy = true;
        }
    }

    /// Counts the entries that are looked at, which the tests limit.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "counts in tests only"))]
    const fn visit(&mut self) {
        #[cfg(test)]
        {
            self.visited += 1;
        }
    }
}

#[cfg(test)]
mod tests;
