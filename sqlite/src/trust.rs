//! Writing on trust: a group whose writers all say at which version they write gets its places from what they say,
//! and is judged by the database's own triggers while it is written, in a single trip.
//!
//! It is the common case, and it saves the questions. Where anybody was wrong, or another process has written, the
//! triggers refuse, the group is rolled back and asked about properly: trust never decides what a caller is told.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use composable_rust_core::{StreamAppend, StreamId};
use tokio::sync::watch;

use crate::{
    facts::Place,
    job::{Answer, Job},
    judge::Placed,
};

/// After a disappointment, so many groups are asked about first.
const CAUTION: u32 = 4;

/// What one statement takes.
const MOST_EVENTS: usize = 512;

/// What this store believes of the log since its last commit.
#[derive(Debug)]
pub(crate) struct Trust {
    /// The last position that this store has written; 0 before it has written.
    committed: watch::Sender<i64>,
    caution: AtomicU32,
}

impl Trust {
    pub(crate) fn new() -> Self {
        Self {
            committed: watch::Sender::new(0),
            caution: AtomicU32::new(0),
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<i64> {
        self.committed.subscribe()
    }

    /// The log ends at `log_end` or later; wakes those who wait for events.
    pub(crate) fn committed(&self, log_end: i64) {
        self.committed.send_if_modified(|known| {
            let news = log_end > *known;
            *known = log_end.max(*known);
            news
        });
    }

    pub(crate) fn disappointed(&self) {
        self.caution.store(CAUTION, Ordering::Relaxed);
    }

    /// Places for the events of a group as its writers believe them to be, and the answers if they are right; `None`
    /// where they say too little or contradict each other.
    pub(crate) fn plan<'a>(&self, jobs: &'a [Job]) -> Option<Plan<'a>> {
        let cautious = self.caution.load(Ordering::Relaxed);
        if cautious > 0 {
            self.caution.store(cautious - 1, Ordering::Relaxed);
            return None;
        }
        let mut plan = Plan {
            log_end: Some(*self.committed.borrow()).filter(|end| *end > 0)?,
            placed: Vec::new(),
            answers: Vec::with_capacity(jobs.len()),
            heads: HashMap::new(),
        };
        if jobs.iter().map(|job| job.events).sum::<usize>() > MOST_EVENTS {
            return None;
        }
        for job in jobs {
            let ends: Option<Vec<_>> = job.appends.iter().map(|append| plan.place(append)).collect();
            plan.answers.push(Ok(ends?.into_iter().map(Place::appended).collect()));
        }
        Some(plan)
    }
}

/// A group as it will stand in the log, if its writers are right.
pub(crate) struct Plan<'a> {
    pub(crate) log_end: i64,
    pub(crate) placed: Vec<Placed<'a>>,
    pub(crate) answers: Vec<Answer>,
    heads: HashMap<&'a StreamId, i64>,
}

impl<'a> Plan<'a> {
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
