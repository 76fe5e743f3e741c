//! Events and snapshots, there and back.

use composable_rust_core::{
    EventLog, EventMetadata, EventStore, ExpectedVersion, Position, ReadAll, ReadError, ReadStream, RecordedEvent,
    Snapshot, SnapshotError, SnapshotOutcome, UnavailableReason, Version,
};
use composable_rust_postgres_fixture::TestDatabase;
use futures::{StreamExt, TryStreamExt};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Map, Value};
use sqlx::ConnectOptions;

use crate::support::{self, append, event, execute, stream};

fn number() -> impl Strategy<Value = Value> {
    let floats = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO;
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        floats.prop_map(Value::from),
        // Whole numbers as floats, which a decimal would take for integers.
        any::<i32>().prop_map(|n| Value::from(f64::from(n))),
    ]
}

/// Text without NUL, which no store takes.
fn text() -> impl Strategy<Value = String> {
    "[^\\x00]{0,12}"
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4).prop_map(|map| Value::from(Map::from_iter(map))),
        ]
    })
}

fn metadata() -> impl Strategy<Value = EventMetadata> {
    let extra = prop::collection::btree_map("[a-z]{1,8}x", json(), 1..6);
    let actor = prop::option::of(text());
    (actor, extra).prop_map(|(actor, extra)| {
        let start = EventMetadata::default();
        let start = actor.map_or_else(|| start.clone(), |actor| start.clone().with_actor(actor));
        extra
            .into_iter()
            .fold(start, |metadata, (key, value)| metadata.with(key, value))
    })
}

#[tokio::test]
async fn every_metadata_comes_back_equal_and_is_recognised() {
    let database = support::database().await;
    let store = support::open(&database).await;
    let mut runner = TestRunner::deterministic();
    let events: Vec<_> = (0..2000)
        .map(|n| event(n).with_metadata(metadata().new_tree(&mut runner).unwrap().current()))
        .collect();
    let first = store
        .append_events(stream(1), ExpectedVersion::NoStream, events.clone())
        .await
        .unwrap();
    let stored = store.load_events(stream(1), None).await.unwrap();
    for (event, stored) in events.iter().zip(&stored) {
        assert_eq!(stored.metadata, event.metadata);
    }
    let again = store
        .append_events(stream(1), ExpectedVersion::NoStream, events)
        .await
        .unwrap();
    assert_eq!(again, first.as_repeated());
}

async fn large_events(database: &TestDatabase, count: u128, bytes: usize) {
    let store = support::open(database).await;
    for n in 0..count {
        let mut large = event(n);
        large.data = vec![u8::try_from(n % 251).unwrap(); bytes];
        store
            .append_events(stream(1), ExpectedVersion::Any, vec![large])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn large_events_are_read_in_pages_that_fit_into_memory_and_in_order() {
    let database = support::database().await;
    large_events(&database, 24, 1 << 20).await;
    let store = support::open(&database).await;
    let versions = async |read: ReadStream| -> Vec<u64> {
        let events: Vec<RecordedEvent> = store.read_stream(read).try_collect().await.unwrap();
        assert!(events.iter().all(|event| event.data.len() == 1 << 20));
        events.iter().map(|event| event.version.get()).collect()
    };
    assert_eq!(versions(ReadStream::new(stream(1))).await, (1..=24).collect::<Vec<_>>());
    assert_eq!(
        versions(ReadStream::new(stream(1)).backward()).await,
        (1..=24).rev().collect::<Vec<_>>()
    );
    assert_eq!(
        versions(ReadStream::new(stream(1)).from(Version::from(7)).limit(9)).await,
        (7..=15).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn metadata_bounds_a_page_as_data_does() {
    let database = support::database().await;
    let store = support::open(&database).await;
    let mut written: Vec<_> = (0..200).map(event).collect();
    for event in &mut written {
        event.metadata = Some(EventMetadata::default().with("note", "x".repeat(60_000)));
    }
    let append = store.append_events(stream(1), ExpectedVersion::NoStream, written);
    append.await.unwrap();
    let page = store.read_all(ReadAll::after(Position::BEGINNING).limit(4096)).await;
    // 4 MiB, and the event with which they are reached.
    let events = page.unwrap().events.len();
    assert!(events <= (4 << 20) / 60_000 + 1, "{events} events");
    let all: Vec<_> = store
        .read_stream(ReadStream::new(stream(1)))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(all.len(), 200);
}

#[tokio::test]
async fn a_thousand_events_are_one_statement() {
    let database = support::database().await;
    append(&support::open(&database).await, 1, 0..1000).await;
    let application = "counted";
    let options: sqlx::postgres::PgConnectOptions = database.url().parse().unwrap();
    let url = format!("{}&application_name={application}", options.to_url_lossy());
    let store = composable_rust_postgres::PostgresEventStore::options()
        .max_connections(1)
        .connect(&url)
        .await
        .unwrap();
    let loaded = store.load_events(stream(1), None).await.unwrap();
    assert_eq!(loaded.len(), 1000);
    // The last statement of the store's one connection asked for the first version: there was no second page.
    let last =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counted' AND query LIKE '%version >= $2%'";
    assert_eq!(support::scalar::<i64>(&database, last).await, 1);
}

#[tokio::test]
async fn a_row_that_is_no_event_is_an_error_where_it_stands() {
    let database = support::database().await;
    let store = support::open(&database).await;
    append(&store, 1, 0..2).await;
    let torn = "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, metadata) \
                VALUES ('test-1', 3, gen_random_uuid(), 'Torn.v1', 1, '', '{\"actor\": 7}')";
    execute(&database, torn).await;
    let read: Vec<_> = store.read_stream(ReadStream::new(stream(1))).collect().await;
    assert!(matches!(read.last(), Some(Err(ReadError::Backend(_)))));
}

#[tokio::test]
async fn a_connection_that_is_lost_between_pages_is_replaced() {
    let database = support::database().await;
    let store = support::open(&database).await;
    append(&store, 1, 0..5000).await;
    let mut reading = store.read_stream(ReadStream::new(stream(1)));
    assert!(reading.next().await.unwrap().is_ok());
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    support::scalar::<i64>(&database, end).await;
    let rest: Vec<Result<RecordedEvent, ReadError>> = reading.collect().await;
    let failed = rest.iter().filter(|event| event.is_err()).count();
    let failed_last = rest
        .last()
        .is_some_and(|event| matches!(event, Err(ReadError::Unavailable(_))));
    assert!(
        failed == 0 && rest.len() == 4999 || failed == 1 && failed_last,
        "complete, or an error at its end"
    );
    assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 5000);
}

#[tokio::test]
async fn a_snapshot_that_is_too_large_or_ahead_of_its_stream_is_not_stored() {
    let database = support::database().await;
    let store = support::open(&database).await;
    append(&store, 1, 0..3).await;
    let snapshot = |version: u32, bytes: usize| Snapshot {
        version: Version::from(version),
        schema: u32::MAX,
        data: vec![7; bytes],
    };
    let large = store
        .save_snapshot(stream(1), snapshot(1, Snapshot::MAX_BYTES + 1))
        .await;
    assert!(matches!(large, Err(SnapshotError::TooLarge { .. })));
    let outcomes = [
        (4, SnapshotOutcome::Declined),
        (3, SnapshotOutcome::Stored),
        (2, SnapshotOutcome::Declined),
    ];
    for (version, outcome) in outcomes {
        assert_eq!(
            store.save_snapshot(stream(1), snapshot(version, 9)).await.unwrap(),
            outcome
        );
    }
    let whole = snapshot(3, Snapshot::MAX_BYTES);
    assert_eq!(
        store.save_snapshot(stream(1), whole.clone()).await.unwrap(),
        SnapshotOutcome::Stored
    );
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(whole));
}

#[tokio::test]
async fn a_snapshot_that_was_left_ahead_of_its_stream_gives_way() {
    let database = support::database().await;
    let store = support::open(&database).await;
    append(&store, 1, 0..3).await;
    // As it is after the events were restored from a backup that is older than the snapshots.
    let left = "INSERT INTO snapshots (stream_id, version, state_data, schema) \
                SELECT DISTINCT stream_id, 10, '\\x00'::bytea, 1 FROM events";
    execute(&database, left).await;
    let snapshot = Snapshot {
        version: Version::from(3),
        schema: 1,
        data: vec![7],
    };
    let outcome = store.save_snapshot(stream(1), snapshot.clone()).await.unwrap();
    assert_eq!(outcome, SnapshotOutcome::Stored);
    assert_eq!(store.load_snapshot(stream(1)).await.unwrap(), Some(snapshot));
}

#[tokio::test]
async fn a_store_answers_for_its_health_and_counts_what_it_does() {
    let database = support::database().await;
    let options = composable_rust_postgres::PostgresEventStore::options().max_connections(3);
    let store = options.connect(database.url()).await.unwrap();
    store.ping().await.unwrap();
    append(&store, 1, 0..3).await;
    let stats = store.stats();
    assert_eq!((stats.connections_max, stats.connections_lost), (3, 0));
    assert!(
        stats.connections_opened >= 1 && stats.connections_open >= 1,
        "{stats:?}"
    );
    assert_eq!(
        stats.connections_open,
        stats.connections_idle + stats.connections_in_use
    );
    store.close().await;
    assert!(matches!(
        store.ping().await,
        Err(ReadError::Unavailable(unavailable)) if unavailable.reason == UnavailableReason::Closed
    ));
    assert_eq!(store.stats().connections_open, 0);
}
