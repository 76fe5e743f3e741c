//! Optimistic writes: places are predicted from the expected versions and inserted in one trip.
//!
//! Triggers of the file reject a wrong prediction, which happens when a writer expects a wrong version or another process
//! has written. The group is then rolled back and written with a lookup, so a prediction never decides an answer.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use composable_rust_core::{StreamAppend, StreamId};
use tokio::sync::watch;

use crate::{
    group_plan::Placed,
    pending_append::{Answer, PendingAppend},
    recorded_facts::Place,
};

/// After a misprediction, this many groups are written with a lookup.
const COOLDOWN_GROUPS: u32 = 4;

/// The number of events that one statement takes.
const MAX_EVENTS: usize = 512;

/// Predicts the places of a group's events.
#[derive(Debug)]
pub(crate) struct SpeculativeWriter {
    /// The last position that this store has written; 0 before it has written.
    committed: watch::Sender<i64>,
    /// Groups that are still to be written with a lookup.
    cooldown: AtomicU32,
}

impl SpeculativeWriter {
    pub(crate) fn new() -> Self {
        Self {
            committed: watch::Sender::new(0),
            cooldown: AtomicU32::new(0),
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<i64> {
        self.committed.subscribe()
    }

    /// Records that the log ends at `log_end` or later, and wakes those who wait for events.
    pub(crate) fn committed(&self, log_end: i64) {
        self.committed.send_if_modified(|known| {
            let is_newer = log_end > *known;
            *known = log_end.max(*known);
            is_newer
        });
    }

    pub(crate) fn mispredicted(&self) {
        self.cooldown.store(COOLDOWN_GROUPS, Ordering::Relaxed);
    }

    /// The predicted places of a group's events, and the answers if they are right. `None` if the expected versions are
    /// not exact or contradict each other.
    pub(crate) fn predict<'a>(&self, group: &'a [PendingAppend]) -> Option<Prediction<'a>> {
        let cooldown = self.cooldown.load(Ordering::Relaxed);
        if cooldown > 0 {
            self.cooldown.store(cooldown - 1, Ordering::Relaxed);
            return None;
        }
        let mut prediction = Prediction {
            log_end: Some(*self.committed.borrow()).filter(|end| *end > 0)?,
            placed: Vec::new(),
            answers: Vec::with_capacity(group.len()),
            heads: HashMap::new(),
        };
        if group.iter().map(|pending| pending.size.events).sum::<usize>() > MAX_EVENTS {
            return None;
        }
        for pending in group {
            let ends: Option<Vec<_>> = pending.appends.iter().map(|append| prediction.place(append)).collect();
            prediction
                .answers
                .push(Ok(ends?.into_iter().map(Place::appended).collect()));
        }
        Some(prediction)
    }
}

/// A group as it will be in the log, if every expected version is right.
pub(crate) struct Prediction<'a> {
    pub(crate) log_end: i64,
    pub(crate) placed: Vec<Placed<'a>>,
    pub(crate) answers: Vec<Answer>,
    heads: HashMap<&'a StreamId, i64>,
}

impl<'a> Prediction<'a> {
    fn place(&mut self, append: &'a StreamAppend) -> Option<Place> {
        let expected = append.expected.exact()?.as_i64();
        let head = self.heads.entry(&append.stream_id).or_insert(expected);
        if *head != expected || append.events.is_empty() {
            return None;
        }
        for event in &append.events {
            *head = head.checked_add(1)?;
            self.log_end += 1;
            self.placed.push(Placed {
                stream_id: &append.stream_id,
                place: Place {
                    version: *head,
                    position: self.log_end,
                },
                event,
            });
        }
        self.placed.last().map(|last| last.place)
    }
}
