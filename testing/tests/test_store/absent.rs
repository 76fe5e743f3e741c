//! Actions for children that do not exist.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use composable_rust_core::{Effect, EventStore, Reducer, ReducerExt, StreamId, prism};
use composable_rust_testing::{Exhaustivity, InMemoryEventStore, TestStore, TestStoreBuilder};

use crate::said::said;

#[derive(Clone, Debug, PartialEq)]
enum Row {
    Tick,
    /// Ticks once an event store has answered.
    Load,
}

#[derive(Clone, Debug, PartialEq)]
enum Board {
    Row(u64, Row),
    Remove(u64),
    /// Asks for a tick of this row.
    TickLater(u64),
}

struct Counter(Arc<dyn EventStore>);

impl Reducer for Counter {
    type State = u32;
    type Action = Row;
    type Environment = ();

    fn reduce(&self, ticks: &mut u32, action: &Row, (): &()) -> Effect<Row> {
        match action {
            Row::Tick => *ticks += 1,
            Row::Load => {
                let stream = StreamId::new("row", 1).unwrap();
                return Effect::load_events(Arc::clone(&self.0), stream, None, |_| Row::Tick);
            }
        }
        Effect::none()
    }
}

struct Rows;

impl Reducer for Rows {
    type State = BTreeMap<u64, u32>;
    type Action = Board;
    type Environment = ();

    fn reduce(&self, rows: &mut BTreeMap<u64, u32>, action: &Board, (): &()) -> Effect<Board> {
        match action {
            Board::Row(key, Row::Load) | Board::Remove(key) => drop(rows.remove(key)),
            Board::TickLater(key) => {
                return Effect::emit(Board::Row(*key, Row::Tick)).delay(Duration::from_secs(1));
            }
            Board::Row(..) => {}
        }
        Effect::none()
    }
}

fn builder() -> TestStoreBuilder<impl Reducer<State = BTreeMap<u64, u32>, Action = Board, Environment = ()>> {
    let counter = Counter(Arc::new(InMemoryEventStore::new()));
    let rows = Rows.for_each("rows", BTreeMap::get_mut, prism!(Board::Row[key]), counter);
    TestStore::builder(rows, BTreeMap::from([(1, 0)]), ())
}

#[test]
fn an_action_for_a_row_that_does_not_exist_fails_the_test() {
    let message = said(|| builder().build().send(Board::Row(7, Row::Tick), |_| {}));
    assert_eq!(
        message,
        "\
an action is for a child that does not exist: it was not reduced there

  which child:
    `rows[7]`, by Row(7, Tick)

help: create the child before its actions come, or cancel what brings them; or build the store with \
allow_absent_children()"
    );
}

#[test]
fn an_action_of_an_effect_for_a_row_that_is_gone_fails_the_test_whatever_is_asserted() {
    let message = said(|| {
        let mut store = builder().exhaustivity(Exhaustivity::Off).build();
        store.send(Board::TickLater(1), |_| {});
        store.send(Board::Remove(1), |_| {});
        store.advance(Duration::from_secs(1));
    });
    assert!(message.contains("`rows[1]`, by Row(1, Tick)"), "{message}");
}

#[test]
fn actions_for_children_that_do_not_exist_can_be_allowed() {
    let mut store = builder().allow_absent_children().build();
    store.send(Board::Row(7, Row::Tick), |_| {});
    store.finish();
}

/// The answer of an event store is always reduced, also when the child that asked is gone.
#[test]
fn an_event_stores_answer_may_come_after_its_child_was_removed() {
    let mut store = builder().build();
    store.send(Board::Row(1, Row::Load), BTreeMap::clear);
    store.receive(Board::Row(1, Row::Tick), |_| {});
    store.finish();
}
