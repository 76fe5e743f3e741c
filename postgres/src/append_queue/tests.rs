//! The queue against a naive model of it, and the number of entries that it looks at.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use composable_rust_core::{Encoding, EventId, ExpectedVersion, SerializedEvent, StreamAppend};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{group_builder::MAX_GROUP, pending_append::PendingReply};

fn stream(number: usize) -> StreamId {
    StreamId::new("test", number).unwrap()
}

fn event(id: u128, bytes: usize) -> SerializedEvent {
    SerializedEvent::new(
        EventId::from_uuid(Uuid::from_u128(id)),
        "Happened.v1",
        Encoding::JSON,
        vec![0; bytes],
    )
}

fn entry(number: usize, events: Vec<SerializedEvent>) -> StreamAppend {
    StreamAppend::new(stream(number), ExpectedVersion::Any, events)
}

/// A queue, and the callers' ends, without which it would drop the appends.
struct Tested {
    queue: AppendQueue,
    replies: Vec<PendingReply>,
    in_flight: Vec<Group>,
    next_id: u128,
}

impl Tested {
    fn new(max_appends: usize) -> Self {
        Self {
            queue: AppendQueue::new(max_appends),
            replies: Vec::new(),
            in_flight: Vec::new(),
            next_id: 1,
        }
    }

    fn push_all(&mut self, appends: Vec<StreamAppend>, limit: Duration) {
        let (append, reply) = PendingAppend::new(appends, limit);
        self.replies.push(reply);
        self.queue.push(append);
    }

    /// An append of one event, whose id is its number in the order of arrival.
    fn push(&mut self, number: usize) {
        let id = self.id();
        self.push_all(vec![entry(number, vec![event(id, 8)])], Duration::MAX);
    }

    fn push_batch(&mut self, numbers: impl IntoIterator<Item = usize>) {
        let id = self.id();
        let appends = numbers.into_iter().map(|number| entry(number, vec![event(id, 8)]));
        self.push_all(appends.collect(), Duration::MAX);
    }

    fn id(&mut self) -> u128 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Starts a group, and says which appends are in it.
    fn start(&mut self) -> Option<Vec<u128>> {
        let group = self.queue.next_group(0)?;
        let ids = ids(&group);
        self.in_flight.push(group);
        Some(ids)
    }

    fn finish(&mut self, index: usize) -> Group {
        let group = self.in_flight.remove(index);
        self.queue
            .finish(&group.streams, group.appends.len(), group.is_exclusive);
        group
    }

    fn steps(&mut self, work: impl FnOnce(&mut Self)) -> usize {
        let before = self.queue.visited;
        work(self);
        self.queue.visited - before
    }
}

fn ids(group: &Group) -> Vec<u128> {
    let first = |append: &PendingAppend| append.appends[0].events[0].id.as_uuid().as_u128();
    group.appends.iter().map(first).collect()
}

#[test]
fn a_short_queue_waits_for_the_group_in_flight_and_a_long_one_goes_beside_it() {
    let mut tested = Tested::new(usize::MAX);
    tested.push(0);
    assert_eq!(tested.start().unwrap().len(), 1);
    for number in 1..PIPELINE_THRESHOLD {
        tested.push(number);
        assert!(tested.start().is_none());
    }
    tested.push(PIPELINE_THRESHOLD);
    assert_eq!(tested.start().unwrap().len(), PIPELINE_THRESHOLD);
    (1000..1200).for_each(|number| tested.push(number));
    assert!(tested.start().is_none(), "two take turns, not more");
    assert!(tested.queue.next_group(1).is_some(), "but go past a slow one");
    tested.push(2000);
    assert!(tested.queue.next_group(2).is_some());
    tested.push(2001);
    assert!(tested.queue.next_group(3).is_none(), "four at most");
}

#[test]
fn appends_to_one_stream_share_a_group_unless_they_bring_the_same_event_or_command() {
    let mut tested = Tested::new(usize::MAX);
    (0..3).for_each(|_| tested.push(1));
    tested.push_all(vec![entry(1, vec![event(2, 8)])], Duration::MAX);
    tested.push(1);
    assert_eq!(tested.start().unwrap(), [1, 2, 3]);
    assert_eq!(tested.start(), None);
    tested.finish(0);
    assert_eq!(tested.start().unwrap(), [2, 4]);
}

#[test]
fn a_batch_waits_for_all_its_streams_and_later_appends_wait_for_it() {
    let mut tested = Tested::new(usize::MAX);
    tested.push(1);
    assert_eq!(tested.start().unwrap(), [1]);
    tested.push_batch([1, 2]);
    tested.push(2);
    tested.push(3);
    assert_eq!(tested.start(), None, "a group is in flight");
    tested.finish(0);
    assert_eq!(tested.start().unwrap(), [4], "stream 3 waits for nothing");
    assert_eq!(tested.start().unwrap(), [2], "the batch goes beside it");
    assert_eq!(tested.start(), None);
    tested.finish(1);
    tested.finish(0);
    assert_eq!(tested.start().unwrap(), [3]);
}

#[test]
fn a_group_holds_no_more_than_its_limits() {
    let mut tested = Tested::new(usize::MAX);
    (0..2 * MAX_GROUP.appends).for_each(|number| tested.push(number));
    assert_eq!(tested.start().unwrap().len(), MAX_GROUP.appends);
    let mut tested = Tested::new(usize::MAX);
    for number in 0..10 {
        let id = tested.id();
        tested.push_all(vec![entry(number, vec![event(id, 1 << 20)])], Duration::MAX);
    }
    assert_eq!(tested.start().unwrap().len(), 4);
}

#[test]
fn appends_beyond_the_bound_wait_in_order_for_a_place() {
    let mut tested = Tested::new(2);
    (0..5).for_each(|number| tested.push(number));
    assert_eq!(tested.queue.len(), 5);
    assert_eq!(tested.start().unwrap(), [1, 2]);
    tested.finish(0);
    assert_eq!(tested.start().unwrap(), [3, 4]);
    tested.finish(0);
    assert_eq!(tested.start().unwrap(), [5]);
}

#[test]
fn appends_whose_callers_are_gone_are_dropped() {
    let mut tested = Tested::new(usize::MAX);
    (0..4).for_each(|number| tested.push(number % 2));
    tested.replies.drain(1..3);
    assert_eq!(tested.start().unwrap(), [1, 4]);
    tested.finish(0);
    tested.push_batch([1, 2]);
    tested.replies.clear();
    assert_eq!(tested.start(), None);
    assert!(tested.queue.streams.is_empty(), "{:?}", tested.queue);
}

#[test]
fn an_append_that_is_not_taken_in_time_leaves_the_queue_and_says_why() {
    let now = Duration::ZERO;
    let mut tested = Tested::new(3);
    tested.push(1);
    tested.start().unwrap();
    tested.push_all(vec![entry(1, vec![event(7, 8)])], now);
    tested.push_all(vec![entry(2, vec![event(8, 8)]), entry(1, vec![event(8, 8)])], now);
    tested.push_all(vec![entry(3, vec![event(9, 8)])], now);
    assert!(tested.queue.next_expiry().unwrap().has_passed());
    let mut causes = Vec::new();
    while let Some((_, cause)) = tested.queue.expire() {
        causes.push(cause);
    }
    assert_eq!(
        causes,
        [ExpiryCause::QueueFull, ExpiryCause::StreamBusy, ExpiryCause::StreamBusy]
    );
    assert_eq!(tested.queue.len(), 0);
    tested.push_all(vec![entry(4, vec![event(10, 8)])], now);
    assert!(matches!(tested.queue.expire(), Some((_, ExpiryCause::NotTaken))));
    tested.push(1);
    tested.finish(0);
    assert_eq!(tested.start().unwrap().len(), 1, "the stream goes on");
}

#[test]
fn an_append_behind_a_batch_that_expires_goes_on() {
    let mut tested = Tested::new(usize::MAX);
    tested.push(1);
    tested.start().unwrap();
    let batch = vec![entry(1, vec![event(7, 8)]), entry(2, vec![event(7, 8)])];
    tested.push_all(batch, Duration::ZERO);
    tested.push(2);
    assert!(tested.queue.expire().is_some());
    assert_eq!(tested.queue.next_group(1).map(|group| ids(&group)), Some(vec![2]));
}

const CROWD: usize = 16_000;

/// Visits for each append from its arrival to its end: it is listed, taken, and its stream is freed.
const VISITS: usize = 8;

/// Pushes the append with this number.
type Push<'a> = &'a dyn Fn(&mut Tested, usize);

#[test]
fn choosing_a_group_costs_no_more_than_the_group_however_many_wait() {
    let mixed = |tested: &mut Tested, number: usize| match number % 10 {
        0 => tested.push_batch([number, number + 1]),
        _ => tested.push(number / 2),
    };
    let shapes: [(&str, Push<'_>); 3] = [
        ("one stream", &|tested, _| tested.push(0)),
        ("a stream each", &|tested, number| tested.push(number)),
        ("with batches", &mixed),
    ];
    for (shape, push) in shapes {
        let mut tested = Tested::new(usize::MAX);
        tested.push(0);
        tested.start().unwrap();
        for number in 0..CROWD {
            let arrival = tested.steps(|tested| push(tested, number));
            assert!(arrival <= VISITS, "{shape}: {arrival} visits for an arrival");
            let mut started = None;
            let choice = tested.steps(|tested| started = tested.start());
            assert!(started.is_some() || choice <= 1, "{shape}: {choice} visits for nothing");
        }
        while !tested.in_flight.is_empty() {
            let size = tested.in_flight[0].appends.len() + tested.in_flight[0].streams.len();
            let end = tested.steps(|tested| drop(tested.finish(0)));
            assert!(end <= VISITS * size, "{shape}: {end} visits to finish {size} appends");
            let mut size = 0;
            let choice = tested.steps(|tested| {
                while let Some(ids) = tested.start() {
                    size += ids.len();
                }
            });
            assert!(
                choice <= VISITS * (size + 1),
                "{shape}: {choice} visits for {size} appends"
            );
        }
        assert_eq!(tested.queue.len(), 0);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Batch(Vec<usize>),
    Large(usize),
    Start,
    Finish(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    const STREAMS: usize = 5;
    let step = prop_oneof![
        5 => (0..STREAMS).prop_map(Step::Push),
        1 => prop::collection::hash_set(0..STREAMS, 2..4).prop_map(|streams| Step::Batch(streams.into_iter().collect())),
        1 => (0..STREAMS).prop_map(Step::Large),
        3 => Just(Step::Start),
        3 => (0..8_usize).prop_map(Step::Finish),
    ];
    prop::collection::vec(step, 0..200)
}

/// What waits, in the order of arrival, by its first event's id; and which streams are in flight.
#[derive(Default)]
struct Model {
    waiting: Vec<(u128, Vec<StreamId>, bool)>,
    busy: HashSet<StreamId>,
}

impl Model {
    /// Whether `id` is first on all its streams, but for those in `group`, and none is busy.
    fn may_go(&self, id: u128, group: &HashSet<u128>) -> bool {
        let at = self.waiting.iter().position(|(waiting, ..)| *waiting == id).unwrap();
        let (_, streams, _) = &self.waiting[at];
        let before = self.waiting[..at].iter().filter(|(id, ..)| !group.contains(id));
        let held: HashSet<_> = before.flat_map(|(_, streams, _)| streams).collect();
        streams
            .iter()
            .all(|stream| !self.busy.contains(stream) && !held.contains(stream))
    }

    fn started(&mut self, group: &Group) -> Result<(), TestCaseError> {
        let ids = ids(group);
        let mut of_group = HashSet::new();
        for id in &ids {
            prop_assert!(self.may_go(*id, &of_group), "{id} of {ids:?} goes before its turn");
            of_group.insert(*id);
        }
        prop_assert_eq!(of_group.len(), ids.len());
        self.waiting.retain(|(id, ..)| !of_group.contains(id));
        self.busy.extend(group.streams.iter().cloned());
        Ok(())
    }

    /// Whether an append could be started, of the kind whose places are free.
    fn could_start(&self, groups: usize, exclusive: usize) -> bool {
        self.waiting.iter().any(|(id, _, is_exclusive)| {
            let has_place = match is_exclusive {
                true => exclusive < MAX_EXCLUSIVE,
                false => groups <= usize::from(self.waiting.len() >= PIPELINE_THRESHOLD),
            };
            has_place && self.may_go(*id, &HashSet::new())
        })
    }
}

proptest! {
    #[test]
    fn appends_go_in_the_order_of_their_streams_and_none_is_lost_or_starved(steps in steps()) {
        let (mut tested, mut model) = (Tested::new(usize::MAX), Model::default());
        let mut ended: HashMap<u128, usize> = HashMap::new();
        let drain = std::iter::repeat_n([Step::Start, Step::Finish(0)], 400).flatten();
        for step in steps.into_iter().chain(drain) {
            match step {
                Step::Push(number) => {
                    model.waiting.push((tested.next_id, vec![stream(number)], false));
                    tested.push(number);
                }
                Step::Batch(numbers) => {
                    let streams = numbers.iter().copied().map(stream).collect();
                    model.waiting.push((tested.next_id, streams, true));
                    tested.push_batch(numbers);
                }
                Step::Large(number) => {
                    let id = tested.id();
                    model.waiting.push((id, vec![stream(number)], true));
                    tested.push_all(vec![entry(number, vec![event(id, 2 << 20)])], Duration::MAX);
                }
                Step::Start => {
                    let of_kind = |is_exclusive| tested.in_flight.iter().filter(|group| group.is_exclusive == is_exclusive).count();
                    let could = model.could_start(of_kind(false), of_kind(true));
                    let started = tested.start();
                    prop_assert_eq!(started.is_some(), could);
                    if started.is_some() {
                        model.started(tested.in_flight.last().unwrap())?;
                    }
                }
                Step::Finish(index) if !tested.in_flight.is_empty() => {
                    let group = tested.finish(index % tested.in_flight.len());
                    model.busy.retain(|stream| !group.streams.contains(stream));
                    for id in ids(&group) {
                        *ended.entry(id).or_default() += 1;
                    }
                }
                Step::Finish(_) => {}
            }
        }
        prop_assert_eq!(tested.queue.len(), 0);
        prop_assert_eq!(ended.len() as u128, tested.next_id - 1);
        prop_assert!(ended.values().all(|times| *times == 1));
        prop_assert!(tested.queue.streams.is_empty());
    }
}
