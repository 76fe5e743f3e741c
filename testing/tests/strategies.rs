//! Strategies: what they make is what stores take, and it shrinks to what is easy to read.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

use std::collections::BTreeSet;

use composable_rust_core::{
    Codec, Decoded, EncodedEvent, Event, EventError, EventStore, ExpectedVersion, StreamAppend, StreamId,
};
use composable_rust_testing::{
    History, InMemoryEventStore,
    strategies::{histories, interleavings, interleavings_of, payloads, serialized_events, stream_ids, stream_ids_of},
};
use futures::executor::block_on;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

#[derive(Clone, Debug, PartialEq)]
struct Deposited(u64);

impl Event for Deposited {
    fn event_type(&self) -> &'static str {
        "Deposited.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Codec::BINCODE.encode(&self.0)
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        Codec::new(stored.encoding)
            .decode(stored.data)
            .map(|cents| Self(cents).into())
    }
}

/// What a strategy makes when it is shrunk as far as it goes, from one of its values.
fn simplest<S: Strategy>(strategy: &S) -> S::Value {
    let mut tree = strategy.new_tree(&mut TestRunner::deterministic()).unwrap();
    while tree.simplify() {}
    tree.current()
}

/// So many values, the same in every run.
fn samples<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

proptest! {
    #![proptest_config(Config::with_cases(64))]

    #[test]
    fn stores_take_every_history_and_give_it_back(history in histories(any::<u64>().prop_map(Deposited), 30)) {
        let store = InMemoryEventStore::new();
        block_on(history.store_in(&store)).unwrap();
        prop_assert_eq!(store.events(history.stream_id()), history.recorded());
    }

    #[test]
    fn stores_take_every_event_and_give_it_back(stream_id in stream_ids(), event in serialized_events()) {
        let store = InMemoryEventStore::new();
        let append = StreamAppend::new(stream_id.clone(), ExpectedVersion::NoStream, vec![event.clone()]);
        block_on(store.append(append)).unwrap();
        prop_assert!(store.events(&stream_id).first().unwrap().is_record_of(&event));
    }

    #[test]
    fn names_of_a_category_are_made_as_applications_make_them(stream_id in stream_ids_of("order")) {
        prop_assert_eq!(StreamId::new("order", stream_id.id().unwrap()), Ok(stream_id));
    }

    #[test]
    fn every_writer_takes_its_turns_in_its_own_order(
        (writers, steps) in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..5)
            .prop_flat_map(|writers| (Just(writers.clone()), interleavings_of(writers)))
    ) {
        for (writer, own) in writers.iter().enumerate() {
            let taken: Vec<u8> = steps.iter().filter(|(who, _)| *who == writer).map(|(_, step)| *step).collect();
            prop_assert_eq!(&taken, own);
        }
        prop_assert_eq!(steps.len(), writers.iter().map(Vec::len).sum::<usize>());
    }
}

#[test]
fn every_order_comes_up() {
    let orders: BTreeSet<Vec<usize>> = samples(&interleavings(&[2, 2]), 200).into_iter().collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn strategies_shrink_to_what_is_easy_to_read() {
    assert_eq!(simplest(&interleavings(&[2, 0, 2])), [0, 0, 2, 2]);
    assert_eq!(simplest(&payloads()), Vec::<u8>::new());
    assert!(
        simplest(&histories(any::<u64>().prop_map(Deposited), 9))
            .to_append()
            .is_empty()
    );
}

#[test]
fn odd_names_and_payloads_come_up() {
    let names = samples(&stream_ids(), 400);
    assert!(names.iter().any(|name| name.as_str().len() > 500), "the longest");
    assert!(names.iter().any(|name| name.as_str().contains('\'')), "quotes");
    assert!(names.iter().any(|name| !name.as_str().is_ascii()), "any script");
    let payloads = samples(&payloads(), 400);
    assert!(payloads.iter().any(Vec::is_empty));
    assert!(payloads.iter().any(|data| data.len() > 10_000));
    assert!(payloads.contains(&i64::MIN.to_le_bytes().to_vec()));
    let histories = samples(&histories(any::<u64>().prop_map(Deposited), 9), 50);
    let marks = histories
        .iter()
        .flat_map(History::to_append)
        .filter_map(|event| event.command);
    assert!(
        marks.clone().any(|mark| mark.event_count > 1),
        "commands of several events"
    );
}
