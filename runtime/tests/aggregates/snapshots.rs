//! Snapshots: beside the commands, one at a time, and never believed too far.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use composable_rust_core::{
    Aggregate, AppendError, Appended, Codec, EventStore, ExpectedVersion, ReadError, ReadStream, RecordedEvent,
    Snapshot, SnapshotError, SnapshotOutcome, SnapshotPolicy, StreamAppend, StreamId, Version,
};
use composable_rust_runtime::{Aggregates, LoadError};
use composable_rust_testing::{InMemoryEventStore, RecordingEventStore, TestClock};
use futures::{FutureExt, future::BoxFuture, stream::BoxStream};
use tokio::sync::Notify;

use crate::{
    account::{
        Account,
        AccountCommand::{self, Deposit},
        AccountEvent, AccountOf, NotEnough, Remembered, serialized, stream,
    },
    until,
    world::World,
};

impl World {
    fn host(&self) -> Aggregates<Account> {
        Aggregates::new(Arc::new(self.recorded.clone()), ())
    }

    async fn until_saved(&self, version: u32) {
        let is_there = || {
            let snapshot = self.memory.snapshot(&stream());
            snapshot.is_some_and(|snapshot| snapshot.version >= Version::from(version))
        };
        until(is_there).await;
    }
}

async fn deposits<A: Aggregate<Command = AccountCommand, Rejection = NotEnough>>(host: &Aggregates<A>, count: usize) {
    for _ in 0..count {
        host.execute("a", Deposit(1)).await.unwrap();
    }
}

#[tokio::test]
async fn while_a_snapshot_is_being_saved_commands_go_on_and_only_the_newest_is_saved_next() {
    let world = World::new();
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    world.nth_save(1).is_held_until(async move { opened.notified().await });
    let host = world.host();
    deposits(&host, 10).await;
    until(|| world.saves() == [10]).await;
    deposits(&host, 45).await;
    assert_eq!(world.saves(), [10], "one at a time");
    gate.notify_one();
    world.until_saved(50).await;
    assert_eq!(world.saves(), [10, 50], "20, 30 and 40 were overtaken");
    deposits(&host, 5).await;
    world.until_saved(60).await;
    assert_eq!(world.saves(), [10, 50, 60]);
}

#[tokio::test]
async fn a_save_that_fails_or_panics_harms_no_command_and_the_next_one_is_tried() {
    let world = World::new();
    world.nth_save(1).fails();
    world.nth_save(2).panics();
    let host = world.host();
    for saves in 1..=3 {
        deposits(&host, 10).await;
        until(|| world.saves().len() == saves).await;
    }
    world.until_saved(30).await;
    assert_eq!(world.saves(), [10, 20, 30]);
}

#[tokio::test]
async fn a_save_that_is_never_answered_is_given_up() {
    let world = World::new();
    world.nth_save(1).is_never_answered();
    let clock = TestClock::new();
    let host = Aggregates::<Account>::builder(Arc::new(world.recorded.clone()), ())
        .clock(Arc::new(clock.clone()))
        .attempt_timeout(Duration::from_secs(5))
        .build();
    deposits(&host, 20).await;
    until(|| world.saves() == [10]).await;
    clock.advance(Duration::from_secs(5));
    world.until_saved(20).await;
    assert_eq!(world.saves(), [10, 20]);
}

#[tokio::test]
async fn a_flush_waits_for_the_snapshots_that_fell_due() {
    let world = World::new();
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    world.nth_save(1).is_held_until(async move { opened.notified().await });
    let host = world.host();
    deposits(&host, 25).await;
    let mut flush = host.flush().boxed();
    assert!(
        futures::poll!(&mut flush).is_pending(),
        "the first is being saved, the second waits"
    );
    gate.notify_one();
    flush.await;
    assert_eq!(
        world.memory.snapshot(&stream()).map(|saved| saved.version),
        Some(Version::from(20))
    );
    host.flush().await;
}

#[test]
fn a_runtime_that_ends_in_the_middle_of_a_save_leaves_nothing_waiting_for_it() {
    let world = World::new();
    world.nth_save(1).is_never_answered();
    let host = world.host();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let first = runtime();
    first.block_on(async {
        deposits(&host, 20).await;
        until(|| world.saves() == [10]).await;
    });
    drop(first);
    runtime().block_on(async {
        deposits(&host, 10).await;
        world.until_saved(30).await;
    });
    assert_eq!(world.saves(), [10, 30]);
}

/// A store that gives out a snapshot of its own, whatever is saved.
struct Misremembering {
    store: RecordingEventStore<InMemoryEventStore>,
    snapshot: Snapshot,
    offered: AtomicU64,
}

impl Misremembering {
    async fn new(snapshot: Snapshot, events: usize) -> Arc<Self> {
        let store = RecordingEventStore::new(InMemoryEventStore::new());
        for event in serialized(&vec![AccountEvent::Deposited(1); events]) {
            let append = StreamAppend::new(stream(), ExpectedVersion::Any, vec![event]);
            store.inner().append(append).await.unwrap();
        }
        Arc::new(Self {
            store,
            snapshot,
            offered: AtomicU64::new(u64::MAX),
        })
    }

    fn host(self: &Arc<Self>) -> Aggregates<Account> {
        Aggregates::new(Arc::clone(self) as Arc<dyn EventStore>, ())
    }

    /// The versions that were read from, in order.
    fn read_from(&self) -> Vec<Option<u64>> {
        let reads = self.store.reads();
        reads.iter().map(|read| read.from.map(Version::get)).collect()
    }
}

impl EventStore for Misremembering {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.store.append(append)
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        self.store.append_batch(appends)
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        self.store.read_stream(read)
    }

    fn save_snapshot(&self, _: StreamId, snapshot: Snapshot) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        self.offered.store(snapshot.version.get(), Ordering::SeqCst);
        Box::pin(async { Ok(SnapshotOutcome::Stored) })
    }

    fn load_snapshot(&self, _: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async { Ok(Some(self.snapshot.clone())) })
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        self.store.delete_snapshot(stream_id)
    }
}

fn snapshot(version: u32, balance: i64) -> Snapshot {
    Snapshot {
        version: Version::from(version),
        schema: 1,
        data: Codec::BINCODE.encode(&balance).unwrap(),
    }
}

#[tokio::test]
async fn a_snapshot_beyond_its_stream_is_ignored_and_replaced() {
    for (claimed, events) in [(10, 5), (6, 5), (1, 0)] {
        let store = Misremembering::new(snapshot(claimed, 1000), events).await;
        let state = store.host().state("a").await.unwrap();
        let expected = u64::try_from(events).unwrap();
        assert_eq!((*state.state, state.version.get()), (expected.cast_signed(), expected));
        until(|| store.offered.load(Ordering::SeqCst) == expected).await;
    }
}

#[tokio::test]
async fn a_snapshot_within_its_stream_is_believed_and_costs_one_event_more_than_the_tail() {
    for (claimed, balance) in [(5, 1000), (4, 1001), (1, 1004)] {
        let store = Misremembering::new(snapshot(claimed, 1000), 5).await;
        let state = store.host().state("a").await.unwrap();
        assert_eq!((*state.state, state.version.get()), (balance, 5));
        assert_eq!(store.read_from(), [Some(u64::from(claimed))]);
        assert_eq!(store.offered.load(Ordering::SeqCst), u64::MAX, "nothing is replaced");
    }
}

#[tokio::test]
async fn time_travel_begins_at_a_snapshot_that_is_old_enough_and_believes_none_beyond_the_stream() {
    let store = Misremembering::new(snapshot(3, 1000), 5).await;
    for (version, balance) in [(0_u32, 0), (2, 2), (3, 1000), (4, 1001), (5, 1002)] {
        let state = store.host().state_at("a", version.into()).await.unwrap();
        assert_eq!(*state.state, balance, "at {version}");
    }
    let store = Misremembering::new(snapshot(7, 1000), 5).await;
    assert_eq!(*store.host().state_at("a", Version::from(5)).await.unwrap().state, 5);
    for asked in [7_u32, 8] {
        let beyond = store.host().state_at("a", asked.into()).await;
        assert!(
            matches!(beyond, Err(LoadError::VersionNotReached { actual, .. }) if actual == Version::from(5)),
            "{beyond:?}"
        );
    }
}

/// An account that is remembered when it is rich, and can't be asked at 13.
struct Rich;

impl Remembered for Rich {
    const SNAPSHOTS: SnapshotPolicy<i64> = SnapshotPolicy::when(
        |balance, before, after| {
            assert!(*balance != 13, "unlucky");
            assert!(before < after);
            *balance >= 15
        },
        1,
    );
}

#[tokio::test]
async fn a_policy_of_ones_own_is_asked_after_each_append_and_its_panic_fails_no_command() {
    let world = World::new();
    let host = Aggregates::<AccountOf<Rich>>::new(Arc::new(world.recorded.clone()), ());
    deposits(&host, 14).await;
    assert_eq!(world.saves(), Vec::<u64>::new());
    deposits(&host, 1).await;
    world.until_saved(15).await;
    deposits(&host, 1).await;
    world.until_saved(16).await;
}
