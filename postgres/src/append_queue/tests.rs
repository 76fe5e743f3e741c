//! What the queue lets go when, and the number of entries that it looks at.

mod model;

use std::time::Duration;

use composable_rust_core::{Encoding, EventId, ExpectedVersion, SerializedEvent, StreamAppend};
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
    assert!(tested.queue.next_group(2).is_none(), "one for each slow one");
    assert!(tested.queue.next_group(3).is_some());
    tested.push(2001);
    assert!(tested.queue.next_group(4).is_none(), "four at most");
}

#[test]
fn a_few_appends_of_many_events_are_a_long_queue() {
    let mut tested = Tested::new(usize::MAX);
    tested.push(0);
    tested.start().unwrap();
    for number in 1..4 {
        assert_eq!(tested.start(), None);
        tested.push_all(
            vec![entry(number, (0..100).map(|id| event(id, 8)).collect())],
            Duration::MAX,
        );
    }
    assert_eq!(tested.start().unwrap().len(), 3);
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
fn an_append_beyond_the_bound_takes_the_place_of_one_whose_caller_is_gone() {
    let mut tested = Tested::new(1);
    tested.push(1);
    tested.push(2);
    tested.replies.remove(0);
    assert_eq!(tested.start().unwrap(), [2]);
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
