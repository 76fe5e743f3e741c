//! In one process: on a store in memory, and on one that fails.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use composable_rust::{
    EventLog, RecordedEvent, SystemClock,
    testing::{Answer, FaultyEventStore, FixedClock, InMemoryEventStore, RecordedCall, RecordingEventStore, Request},
};
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

type Failing = FaultyEventStore<InMemoryEventStore>;

/// A store in memory that does what it is asked, until a test tells it otherwise.
fn failing(store: &InMemoryEventStore) -> Failing {
    FaultyEventStore::new(store.clone())
}

/// Carries so many places out in so many jobs, and counts how many appends were under way at most.
async fn most_at_once(places: PathBuf, count: u64, jobs: u16, store: &InMemoryEventStore) -> usize {
    let (failing, most) = (failing(store), Arc::new(AtomicUsize::new(0)));
    let log = RecordingEventStore::new(failing.clone());
    for nth in 1..=count {
        failing
            .nth_append(nth)
            .is_held_until(look_around(log.clone(), Arc::clone(&most)));
    }
    let apply = Apply::open(places).unwrap().jobs(jobs);
    apply.run(&orders(log), &mut Vec::new(), &mut Vec::new()).await.unwrap();
    most.load(Ordering::SeqCst)
}

/// Lets everybody else who is ready come to their turns, and looks how many appends are under way then.
async fn look_around(log: RecordingEventStore<Failing>, most: Arc<AtomicUsize>) {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let is_under_way =
        |call: &&RecordedCall| matches!((&call.request, &call.answer), (Request::Append(_), Answer::Pending));
    most.fetch_max(log.calls().iter().filter(is_under_way).count(), Ordering::SeqCst);
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
fn in_log_order(store: &InMemoryEventStore) -> Vec<String> {
    let order = |record: &RecordedEvent| record.stream_id.id().unwrap().to_owned();
    store.all_events().iter().map(order).collect()
}

#[tokio::test]
async fn commands_are_applied_one_after_the_other_in_the_order_of_the_lines() {
    let (desk, store) = (Desk::new(), InMemoryEventStore::new());
    assert_eq!(most_at_once(places(&desk, 100), 100, 1, &store).await, 1);
    let numbers: Vec<String> = (1..=100).map(|n| n.to_string()).collect();
    assert_eq!(in_log_order(&store), numbers);
}

#[tokio::test]
async fn jobs_are_carried_out_at_the_same_time_when_asked_for() {
    let (desk, store) = (Desk::new(), InMemoryEventStore::new());
    assert!(most_at_once(places(&desk, 100), 100, 8, &store).await > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_among_many_jobs_does_not_pretend_to_know_a_line_to_go_on_from() {
    let desk = Desk::new();
    let store = InMemoryEventStore::new();
    let orders = orders(failing(&store).nth_append(31).is_refused());
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
    let orders = orders(failing(&store).nth_append(4).is_refused());

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
         the event store refused the append; nothing was written: append 4 to order-4 is refused by a broken store, injected by FaultyEventStore"
    );
    assert!(output.is_empty(), "there is no summary of what did not go through");
    assert_eq!(store.len(), 3, "nothing after the line is done");

    let mended = Orders::new(Arc::new(store.clone()), Arc::new(SystemClock));
    let apply = Apply::open(file).unwrap().from(4);
    apply.run(&mended, &mut output, &mut Vec::new()).await.unwrap();
    assert_eq!(output, b"applied 497, rejected 0, malformed 0\n");
}
