//! What waits to be written, and what may be written beside what is in flight.

use std::collections::{HashMap, HashSet, VecDeque};

use composable_rust_core::{StreamAppend, StreamId};

use crate::job::Job;

/// How many groups are in flight at most: one, another one for each that is held up, and another one for a crowd. More of
/// them at once would only be smaller: the disk serves one commit at a time.
const GROUPS: usize = 4;

/// With so many waiting, two groups take turns: while the server writes one, those of the other hear their answers and say
/// what is next.
const CROWD: usize = 64;

/// How many jobs that are written alone are in flight at most, beside the groups.
const ALONE: usize = 4;

/// What one statement takes at most, so that nobody waits for ever behind the others.
const GROUP_JOBS: usize = 1024;
const GROUP_EVENTS: usize = 4096;
const GROUP_BYTES: usize = 4 << 20;

/// Larger ones are written alone: a group should not wait for them.
const SHARED_EVENTS: usize = 512;
const SHARED_BYTES: usize = 1 << 20;

/// The appends of one runtime's callers.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    waiting: VecDeque<Job>,
    /// The streams of what is in flight. Their other appends wait: they would only lose to it.
    busy: HashSet<StreamId>,
    groups: usize,
    /// Of the groups in flight: those that take long, and should not be waited for.
    held_up: usize,
    alone: usize,
    /// Whether all that waits was found to wait for what is in flight: looking again at each append would cost the square.
    is_stuck: bool,
}

/// Jobs for one statement.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) jobs: Vec<Job>,
    /// What this group makes busy.
    pub(crate) streams: Vec<StreamId>,
    alone: bool,
}

impl Lane {
    pub(crate) fn push(&mut self, job: Job) {
        self.waiting.push_back(job);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.groups == 0 && self.alone == 0
    }

    /// What may be written now, if anything.
    pub(crate) fn next(&mut self) -> Option<Group> {
        let is_crowd = self.waiting.len() >= CROWD && !self.is_stuck;
        let may_share = self.groups < GROUPS && self.groups <= self.held_up.saturating_add(usize::from(is_crowd));
        let shared = may_share.then(|| self.shared()).flatten();
        self.is_stuck |= is_crowd && may_share && shared.is_none();
        let group = match shared {
            Some(group) => group,
            None if self.alone < ALONE => self.alone()?,
            None => return None,
        };
        *self.in_flight(group.alone) += 1;
        self.busy.extend(group.streams.iter().cloned());
        Some(group)
    }

    /// The streams of a group are free again; its place is not, until [`Lane::leave`].
    pub(crate) fn written(&mut self, streams: &[StreamId]) {
        for stream in streams {
            self.busy.remove(stream);
        }
        self.is_stuck = false;
    }

    /// Whether a group in flight takes so long that others should not wait for it.
    pub(crate) const fn held_up(&mut self, is_held_up: bool) {
        self.held_up = if is_held_up {
            self.held_up.saturating_add(1)
        } else {
            self.held_up.saturating_sub(1)
        };
    }

    /// Gives up the place of a group.
    pub(crate) fn leave(&mut self, alone: bool) {
        let in_flight = self.in_flight(alone);
        *in_flight = in_flight.saturating_sub(1);
    }

    fn in_flight(&mut self, alone: bool) -> &mut usize {
        if alone { &mut self.alone } else { &mut self.groups }
    }

    /// As many jobs as fit, in order. What may not be written yet stays, and everything later on its streams with it.
    fn shared(&mut self) -> Option<Group> {
        let mut choice = Choice::default();
        let mut passed_over = Vec::new();
        while let Some(job) = self.waiting.pop_front() {
            if choice.is_full(&job) {
                self.waiting.push_front(job);
                break;
            }
            if is_alone(&job) || !choice.admits(&job, &self.busy) {
                choice.hold(&job);
                passed_over.push(job);
            } else {
                choice.take(job);
            }
        }
        for job in passed_over.into_iter().rev() {
            self.waiting.push_front(job);
        }
        choice.into_group()
    }

    /// The first job that is written alone and has nothing before it.
    fn alone(&mut self) -> Option<Group> {
        let mut held: HashSet<&StreamId> = self.busy.iter().collect();
        let mut free = None;
        for (index, job) in self.waiting.iter().enumerate() {
            if is_alone(job) && !streams(job).any(|stream| held.contains(stream)) {
                free = Some(index);
                break;
            }
            held.extend(streams(job));
        }
        let job = self.waiting.remove(free?)?;
        Some(Group {
            streams: streams(&job).cloned().collect(),
            jobs: vec![job],
            alone: true,
        })
    }
}

impl Group {
    pub(crate) const fn is_alone(&self) -> bool {
        self.alone
    }
}

fn streams(job: &Job) -> impl Iterator<Item = &StreamId> {
    job.appends.iter().map(|append| &append.stream_id)
}

/// All or nothing is a promise of a whole statement; and a large one should not be waited for.
fn is_alone(job: &Job) -> bool {
    job.appends.len() != 1 || job.events > SHARED_EVENTS || job.bytes > SHARED_BYTES
}

/// A group in the making.
#[derive(Default)]
struct Choice {
    jobs: Vec<Job>,
    events: usize,
    bytes: usize,
    /// Where the jobs of a stream are among `jobs`.
    by_stream: HashMap<StreamId, Vec<usize>>,
    /// Streams of jobs that were passed over.
    held: HashSet<StreamId>,
}

impl Choice {
    fn is_full(&self, next: &Job) -> bool {
        let has_room = self.jobs.len() < GROUP_JOBS
            && self.events + next.events <= GROUP_EVENTS
            && self.bytes + next.bytes <= GROUP_BYTES;
        !has_room && !self.jobs.is_empty() && !is_alone(next)
    }

    fn admits(&self, job: &Job, busy: &HashSet<StreamId>) -> bool {
        job.appends.iter().all(|append| {
            let stream = &append.stream_id;
            let is_free = !busy.contains(stream) && !self.held.contains(stream);
            is_free && !self.others_on(stream).any(|other| collide(append, other))
        })
    }

    fn others_on(&self, stream: &StreamId) -> impl Iterator<Item = &StreamAppend> {
        let indexes = self.by_stream.get(stream).into_iter().flatten();
        indexes
            .filter_map(|index| self.jobs.get(*index))
            .flat_map(|job| &job.appends)
    }

    fn hold(&mut self, job: &Job) {
        self.held.extend(streams(job).cloned());
    }

    fn take(&mut self, job: Job) {
        self.events += job.events;
        self.bytes += job.bytes;
        for stream in streams(&job) {
            self.by_stream.entry(stream.clone()).or_default().push(self.jobs.len());
        }
        self.jobs.push(job);
    }

    fn into_group(self) -> Option<Group> {
        (!self.jobs.is_empty()).then(|| Group {
            jobs: self.jobs,
            streams: self.by_stream.into_keys().collect(),
            alone: false,
        })
    }
}

/// Whether two appends to one stream bring the same id or the same command: one statement can't judge both, since it
/// does not see in an index what it is about to write.
fn collide(one: &StreamAppend, other: &StreamAppend) -> bool {
    let ids: HashSet<_> = other.events.iter().map(|event| event.id).collect();
    let commands: HashSet<_> = marks(other).collect();
    one.events.iter().any(|event| ids.contains(&event.id)) || marks(one).any(|command| commands.contains(&command))
}

fn marks(append: &StreamAppend) -> impl Iterator<Item = composable_rust_core::CommandId> {
    append
        .events
        .iter()
        .filter_map(|event| event.command)
        .map(|mark| mark.command_id)
}

#[cfg(test)]
mod tests {
    use composable_rust_core::{Encoding, EventId, ExpectedVersion, SerializedEvent};
    use uuid::Uuid;

    use super::*;

    /// Its answer is dropped: nobody waits for it here.
    fn job(stream: usize, event: u128) -> Job {
        let id = EventId::from_uuid(Uuid::from_u128(event));
        let event = SerializedEvent::new(id, "Happened.v1", Encoding::JSON, vec![]);
        let stream_id = StreamId::new("test", stream).unwrap();
        Job::new(vec![StreamAppend::new(stream_id, ExpectedVersion::Any, vec![event])]).0
    }

    /// With one group in flight, for stream 0.
    fn lane() -> Lane {
        let mut lane = Lane::default();
        lane.push(job(0, 0));
        assert_eq!(lane.next().unwrap().jobs.len(), 1);
        lane
    }

    #[test]
    fn a_few_wait_for_the_group_in_flight_and_a_crowd_goes_beside_it() {
        let mut lane = lane();
        for number in 1..CROWD {
            lane.push(job(number, 1));
            assert!(lane.next().is_none());
        }
        lane.push(job(CROWD, 1));
        assert_eq!(lane.next().unwrap().jobs.len(), CROWD);
        (0..2 * CROWD).for_each(|number| lane.push(job(1000 + number, 1)));
        assert!(lane.next().is_none(), "two take turns, not more");
    }

    #[test]
    fn a_crowd_that_waits_for_one_stream_is_looked_through_once() {
        let mut lane = lane();
        (1..=2 * CROWD).for_each(|event| lane.push(job(0, event as u128)));
        assert!(lane.next().is_none());
        assert!(lane.is_stuck);
        lane.written(&[StreamId::new("test", 0).unwrap()]);
        lane.leave(false);
        assert_eq!(lane.next().unwrap().jobs.len(), 2 * CROWD);
    }
}
