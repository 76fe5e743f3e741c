//! The queue against a naive model of it.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

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
