//! `EventSourced`: wherever a snapshot cuts a history, loading from it and its tail is a full replay.

use std::sync::Arc;

use composable_rust_core::{Aggregate, AggregateSession, EventStore, ExpectedVersion, RecordedEvent, Version};
use composable_rust_runtime::{EventSourced, EventSourcedEnvironment, EventSourcedState, Store, SystemIds};
use composable_rust_testing::{FaultyEventStore, History, InMemoryEventStore, RecordingEventStore};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use crate::{
    account::{
        Account,
        AccountCommand::{Deposit, Withdraw},
        AccountEvent::{self, Deposited, Withdrawn},
        serialized, stream,
    },
    event_sourced_snapshots::{at, failure, load, send},
};

fn event() -> impl Strategy<Value = AccountEvent> {
    prop_oneof![(1..100_i64).prop_map(Deposited), (1..100_i64).prop_map(Withdrawn)]
}

/// Wherever the history is cut, the snapshot and its tail are the full replay.
async fn every_cut(events: Vec<AccountEvent>) {
    let history = History::of::<Account>("a").events(&events);
    let memory = InMemoryEventStore::new();
    history.store_in(&memory).await.unwrap();
    let mut replayed = AggregateSession::<Account>::new();
    for event in memory.events(&stream()) {
        replayed.apply_recorded(&event).unwrap();
    }
    for cut in 1..=events.len() {
        history.snapshot::<Account>(cut).store_in(&memory).await.unwrap();
        let recorded = RecordingEventStore::new(memory.clone());
        let environment = EventSourcedEnvironment::new(Arc::new(recorded.clone()), Arc::new(SystemIds), ());
        let store = Store::builder(EventSourced::<Account>::new(), environment)
            .build(EventSourcedState::new(stream()))
            .unwrap();
        load(&store).await;
        assert_eq!(
            at(&store),
            (**replayed.state(), replayed.version().get()),
            "cut at {cut}"
        );
        let from: Vec<_> = recorded
            .reads()
            .iter()
            .map(|read| read.from.map(Version::get))
            .collect();
        assert_eq!(from, [Some(cut as u64)], "the snapshot was used");
    }
}

/// What happens to a stream while somebody works with it.
#[derive(Clone, Debug)]
enum Step {
    Command(i64),
    /// Another process writes.
    Another(Vec<AccountEvent>),
    Load,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (-20..50_i64).prop_map(Step::Command),
        1 => vec(event(), 1..15).prop_map(Step::Another),
        1 => Just(Step::Load),
        1 => Just(Step::Restart),
    ]
}

/// Whatever happens, the state is what the events say, and so is the snapshot that is kept.
async fn worked_with(steps: Vec<Step>, seed: u64) {
    let memory = InMemoryEventStore::new();
    let faulty = FaultyEventStore::seeded(memory.clone(), seed).snapshot_failures(0.3);
    let open = || {
        let environment = EventSourcedEnvironment::new(Arc::new(faulty.clone()), Arc::new(SystemIds), ());
        let builder = Store::builder(EventSourced::<Account>::new(), environment);
        builder.build(EventSourcedState::new(stream())).unwrap()
    };
    let mut store = open();
    for step in steps {
        match step {
            Step::Command(amount) if amount < 0 => send(&store, Withdraw(-amount)).await,
            Step::Command(amount) => send(&store, Deposit(amount)).await,
            Step::Another(events) => {
                let appended = memory.append_events(stream(), ExpectedVersion::Any, serialized(&events));
                appended.await.unwrap();
            }
            Step::Load => load(&store).await,
            Step::Restart => store = open(),
        }
        assert_eq!(failure(&store), None);
    }
    load(&store).await;
    let events = memory.events(&stream());
    let replayed = |events: &[RecordedEvent]| {
        let mut session = AggregateSession::<Account>::new();
        for event in events {
            session.apply_recorded(event).unwrap();
        }
        **session.state()
    };
    assert_eq!(at(&store), (replayed(&events), events.len() as u64));
    if let Some(snapshot) = memory.snapshot(&stream()) {
        let before = usize::try_from(snapshot.version.get()).unwrap();
        let remembered = Account::SNAPSHOTS.restore(&snapshot);
        assert_eq!(remembered, events.get(..before).map(replayed));
    }
}

/// On paused time: what would wait for ever is found by its deadline at once.
pub(crate) fn check<T: std::fmt::Debug, F: Future<Output = ()>>(
    cases: u32,
    strategy: &impl Strategy<Value = T>,
    promise: impl Fn(T) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    });
    let result = runner.run(strategy, |input| {
        runtime.block_on(promise(input));
        Ok(())
    });
    result.unwrap();
}

#[test]
fn wherever_a_history_is_cut_snapshot_and_tail_are_the_full_replay() {
    check(100, &vec(event(), 1..30), every_cut);
}

#[test]
fn whatever_happens_to_a_stream_state_and_snapshot_are_what_its_events_say() {
    check(150, &(vec(step(), 1..60), any::<u64>()), |(steps, seed)| {
        worked_with(steps, seed)
    });
}
