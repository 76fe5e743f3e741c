//! Records from before `traceparent` and `tracestate` meant something, on both databases.

use composable_rust::{EventStore, PostgresEventStore, SqliteEventStore, StreamId};
use composable_rust_postgres_fixture::TestDatabase;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, SqliteConnection};

/// What metadata may hold, and whether there is a trace context in it.
fn stored() -> [(Value, bool); 7] {
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    [
        (json!({ "traceparent": traceparent }), true),
        (
            json!({ "traceparent": traceparent, "tracestate": "a=b", "actor": "clerk-7" }),
            true,
        ),
        (json!({ "traceparent": traceparent, "tracestate": ["a"] }), true),
        (json!({ "traceparent": 42 }), false),
        (json!({ "traceparent": null, "tracestate": "a=b" }), false),
        (json!({ "traceparent": "none", "client": "web" }), false),
        (json!({ "traceparent": { "deep": [traceparent] } }), false),
    ]
}

async fn assert_read(store: impl EventStore) {
    let recorded = store.load_events(StreamId::new("old", 1).unwrap(), None).await.unwrap();
    let read = recorded.into_iter().filter_map(|event| event.metadata);
    let read = read.map(|metadata| {
        (
            serde_json::to_value(&metadata).unwrap(),
            metadata.trace_context.is_some(),
        )
    });
    assert_eq!(read.collect::<Vec<_>>(), stored());
}

#[tokio::test]
async fn every_record_in_a_file_is_read_whatever_its_metadata_says_of_a_trace() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.db");
    let store = SqliteEventStore::open(&path).await.unwrap();
    let mut file = SqliteConnection::connect(&path.to_string_lossy()).await.unwrap();
    let insert = "INSERT INTO events (position, stream_id, version, event_id, event_type, encoding, event_data, metadata, \
                  recorded_at) VALUES ($1, 'old-1', $1, randomblob(16), 'Counted.v1', 1, x'', $2, 0)";
    for (version, (metadata, _)) in (1_i64..).zip(stored()) {
        let insert = sqlx::query(insert).bind(version).bind(metadata.to_string());
        insert.execute(&mut file).await.unwrap();
    }
    assert_read(store).await;
}

#[tokio::test]
async fn every_record_on_a_server_is_read_whatever_its_metadata_says_of_a_trace() {
    let database = TestDatabase::empty().await;
    PostgresEventStore::migrate(database.url()).await.unwrap();
    let store = PostgresEventStore::connect(database.url()).await.unwrap();
    let mut server = PgConnection::connect(database.url()).await.unwrap();
    let insert = "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, metadata) \
                  VALUES ('old-1', $1, gen_random_uuid(), 'Counted.v1', 1, '', $2::jsonb)";
    for (version, (metadata, _)) in (1_i64..).zip(stored()) {
        let insert = sqlx::query(insert).bind(version).bind(metadata.to_string());
        insert.execute(&mut server).await.unwrap();
    }
    assert_read(store).await;
}
