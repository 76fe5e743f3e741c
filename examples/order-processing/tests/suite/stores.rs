//! In one process: on a store in memory, and on one that fails.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use composable_rust::{
    AppendError, Appended, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream, RecordedEvent,
    Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, SystemClock,
    testing::{FixedClock, InMemoryEventStore},
};
use futures::{future::BoxFuture, stream::BoxStream};
use order_processing::{Apply, Failure, Orders, order::OrderCommand};

use crate::support::{Desk, data, expected};

fn orders(log: impl EventLog) -> Orders {
    Orders::new(Arc::new(log), Arc::new(SystemClock))
}

async fn list(orders: &Orders) -> String {
    let list = orders.list().await.unwrap();
    let lines = list.iter().map(|(id, order)| format!("{id}: {order}\n"));
    lines.collect::<Vec<_>>().concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory_the_same_file_leads_to_the_same() {
    let orders = orders(InMemoryEventStore::new());
    let mut output = Vec::new();
    let failure = Apply::open(data("orders.jsonl"))
        .unwrap()
        .run(&orders, &mut output, &mut Vec::new())
        .await
        .unwrap_err();
    assert!(matches!(failure, Failure::Malformed(_)));
    assert_eq!(String::from_utf8(output).unwrap(), expected("orders.summary"));
    assert_eq!(list(&orders).await, expected("orders.expected"));
}

#[tokio::test]
async fn a_rejection_leaves_the_log_as_it_was() {
    let store = InMemoryEventStore::new();
    let orders = Orders::new(Arc::new(store.clone()), Arc::new(FixedClock::default()));
    let ship = OrderCommand::ShipOrder {
        order_id: "o-1".parse().unwrap(),
        tracking: "T".to_owned(),
    };
    assert!(matches!(orders.execute(ship).await, Err(Failure::Rejected(_))));
    assert!(store.is_empty());
    assert!(orders.list().await.unwrap().is_empty());
}

/// A disk with room for so many appends, which counts those that are under way.
struct FullAfter {
    room: AtomicU64,
    under_way: AtomicU64,
    most: AtomicU64,
    store: InMemoryEventStore,
}

impl FullAfter {
    fn new(room: u64, store: &InMemoryEventStore) -> Self {
        Self {
            room: room.into(),
            under_way: 0.into(),
            most: 0.into(),
            store: store.clone(),
        }
    }

    async fn written(&self, append: StreamAppend) -> Result<Appended, AppendError> {
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(under_way, Ordering::SeqCst);
        // Whoever else is ready comes to its turn before this one is answered.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let appended = self.store.append(append).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        appended
    }
}

impl EventStore for FullAfter {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        let take = |room: u64| room.checked_sub(1);
        match self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
            Ok(_) => Box::pin(self.written(append)),
            Err(_) => Box::pin(async { Err(AppendError::Backend(Arc::new(std::io::Error::other("disk full")))) }),
        }
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        self.store.append_batch(appends)
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        self.store.read_stream(read)
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        self.store.save_snapshot(stream_id, snapshot)
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        self.store.load_snapshot(stream_id)
    }
}

impl EventLog for FullAfter {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        self.store.read_all(read)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.store.head()
    }

    fn wait(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        self.store.wait(after)
    }
}

/// A file of so many places of new orders, a line each.
fn places(desk: &Desk, count: usize) -> PathBuf {
    let place = |n| {
        format!(
            r#"{{"command":"place","order":"{n}","customer":"c","items":[{{"sku":"A","quantity":1,"price_cents":1}}]}}"#
        )
    };
    let lines: Vec<String> = (1..=count).map(place).collect();
    desk.write("commands", lines.join("\n"));
    desk.path().join("commands")
}

/// The orders in the log, in the order of their events.
async fn in_log_order(store: &InMemoryEventStore) -> Vec<String> {
    let page = store.read_all(ReadAll::after(Position::BEGINNING)).await.unwrap();
    let ids = page
        .events
        .iter()
        .map(|record| record.stream_id.id().unwrap().to_owned());
    ids.collect()
}

#[tokio::test]
async fn commands_are_applied_one_after_the_other_in_the_order_of_the_lines() {
    let desk = Desk::new();
    let store = InMemoryEventStore::new();
    let log = Arc::new(FullAfter::new(u64::MAX, &store));
    let orders = Orders::new(log.clone(), Arc::new(SystemClock));
    let apply = Apply::open(places(&desk, 100)).unwrap();
    apply.run(&orders, &mut Vec::new(), &mut Vec::new()).await.unwrap();

    assert_eq!(log.most.load(Ordering::SeqCst), 1);
    let numbers: Vec<String> = (1..=100).map(|n| n.to_string()).collect();
    assert_eq!(in_log_order(&store).await, numbers);
}

#[tokio::test]
async fn jobs_are_carried_out_at_the_same_time_when_asked_for() {
    let desk = Desk::new();
    let log = Arc::new(FullAfter::new(u64::MAX, &InMemoryEventStore::new()));
    let orders = Orders::new(log.clone(), Arc::new(SystemClock));
    let apply = Apply::open(places(&desk, 100)).unwrap().jobs(8);
    apply.run(&orders, &mut Vec::new(), &mut Vec::new()).await.unwrap();
    assert!(log.most.load(Ordering::SeqCst) > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_among_many_jobs_does_not_pretend_to_know_a_line_to_go_on_from() {
    let desk = Desk::new();
    let store = InMemoryEventStore::new();
    let orders = orders(FullAfter::new(30, &store));
    let apply = Apply::open(places(&desk, 500)).unwrap().jobs(8);
    let failure = apply.run(&orders, &mut Vec::new(), &mut Vec::new()).await.unwrap_err();
    let said = failure.explain();
    assert!(said.contains("; of what comes after it, some may be done): "), "{said}");
    assert!(!said.contains("--from"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_stops_the_work_at_a_line_that_is_named() {
    let desk = Desk::new();
    let file = places(&desk, 500);
    let store = InMemoryEventStore::new();
    let orders = orders(FullAfter::new(3, &store));

    let mut output = Vec::new();
    let failure = Apply::open(&file)
        .unwrap()
        .run(&orders, &mut output, &mut Vec::new())
        .await
        .unwrap_err();

    assert!(matches!(failure, Failure::Store { .. }));
    assert_eq!(
        failure.explain(),
        "stopped at line 4 (applied 3, rejected 0, malformed 0 before it; go on with --from 4): the command could not be carried out: \
         the event store refused the events: the event store refused the append; nothing was written: disk full"
    );
    assert!(output.is_empty(), "there is no summary of what did not go through");
    assert_eq!(store.len(), 3, "nothing after the line is done");

    let mended = Orders::new(Arc::new(store.clone()), Arc::new(SystemClock));
    let apply = Apply::open(file).unwrap().from(4);
    apply.run(&mended, &mut output, &mut Vec::new()).await.unwrap();
    assert_eq!(output, b"applied 497, rejected 0, malformed 0\n");
}
