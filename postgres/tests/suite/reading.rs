//! What readers do about holes, large events, and connections that are out of date.

use std::time::Duration;

use composable_rust_core::{CommandId, EventStore, ExpectedVersion, ReadError, ReadStream, Version};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::{Server, TestDatabase, wait_for};
use futures::TryStreamExt;
use uuid::Uuid;

use crate::support::{self, append, command, event, events, execute, ids, open, stream};

/// Takes an event out of the log, as a broken disk or a hand would.
async fn lose(database: &TestDatabase, version: u32) {
    let lose = format!(
        "ALTER TABLE events DISABLE TRIGGER events_are_immutable; DELETE FROM events WHERE version = {version}"
    );
    execute(database, lose).await;
}

#[tokio::test]
async fn a_hole_in_a_stream_is_an_error_in_both_directions() {
    let database = support::database().await;
    let store = open(&database).await;
    append(&store, 1, 0..5).await;
    lose(&database, 3).await;
    let read = async |read: ReadStream| store.read_stream(read).try_collect::<Vec<_>>().await;
    for broken in [
        ReadStream::new(stream(1)),
        ReadStream::new(stream(1)).backward(),
        ReadStream::new(stream(1)).from(Version::from(3)),
    ] {
        let answer = read(broken).await;
        let Err(ReadError::Backend(source)) = answer else {
            panic!("{answer:?}")
        };
        assert!(source.to_string().contains("version 3"), "{source}");
    }
    let behind = read(ReadStream::new(stream(1)).from(Version::from(4))).await;
    assert_eq!(behind.unwrap().len(), 2);
    assert!(store.load_events(stream(1), None).await.is_err());
    lose(&database, 1).await;
    assert!(
        read(ReadStream::new(stream(1)).from(Version::from(2)).backward())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_command_of_which_events_are_lost_is_an_error() {
    for lost in [2, 3] {
        let database = support::database().await;
        let store = open(&database).await;
        let append = store.append_events(stream(1), ExpectedVersion::NoStream, command(7, events(0..3)));
        append.await.unwrap();
        let load = async || {
            store
                .load_command(stream(1), CommandId::from_uuid(Uuid::from_u128(7)))
                .await
        };
        assert_eq!(load().await.unwrap().len(), 3);
        lose(&database, lost).await;
        assert!(matches!(load().await, Err(ReadError::Backend(_))));
    }
}

#[tokio::test]
async fn a_large_event_costs_the_events_after_it_a_few_round_trips() {
    let server = Server::start(&[("log_statement", "all")]).await;
    let options = PostgresEventStore::options().migrate_on_connect(true);
    let store = options.connect(&server.url("postgres")).await.unwrap();
    let mut large = event(0);
    large.data = vec![7; 5 << 20];
    let append = store.append_events(stream(1), ExpectedVersion::NoStream, vec![large]);
    append.await.unwrap();
    append_many(&store).await;
    assert_eq!(store.load_events(stream(1), None).await.unwrap().len(), 5001);
    let pages = server.log().await.matches("-- A page of a stream from version").count();
    assert!(pages <= 12, "{pages} pages");
}

async fn append_many(store: &PostgresEventStore) {
    append(store, 1, 1..5001).await;
}

/// All that `pg_restore --clean` replaces: the same tables, and types that are not the same.
const DROP: &str = "
    DROP TABLE events, snapshots, event_log, event_store_migrations CASCADE;
    DROP SEQUENCE events_position;
    DROP DOMAIN event_version, event_count, event_name, event_metadata;";

#[tokio::test]
async fn a_log_that_is_restored_under_a_running_store_is_read_on() {
    let database = support::database().await;
    let store = open(&database).await;
    append(&store, 1, 0..3).await;
    assert_eq!(ids(&store, 1).await, [0, 1, 2]);
    execute(&database, DROP).await;
    execute(&database, include_str!("../../migrations/0001_events.sql")).await;
    append(&open(&database).await, 1, 5..7).await;
    assert_eq!(ids(&store, 1).await, [5, 6]);
    assert_eq!(store.stats().reads_repeated, 1);
    append(&store, 1, 7..8).await;
}

#[tokio::test]
async fn a_read_on_a_connection_that_the_server_has_ended_runs_again() {
    let database = support::database().await;
    let options = PostgresEventStore::options().application_name("ended");
    let store = options.connect(database.url()).await.unwrap();
    append(&store, 1, 0..3).await;
    assert!(database.terminate_backends("ended").await >= 1);
    assert_eq!(ids(&store, 1).await, [0, 1, 2]);
    assert_eq!(store.stats().reads_repeated, 1);
}

#[tokio::test]
async fn a_plan_that_was_made_for_an_empty_log_does_not_walk_through_a_full_one() {
    let database = support::database().await;
    execute(&database, "VACUUM ANALYZE events").await;
    let store = open(&database).await;
    for _ in 0..10 {
        assert!(ids(&store, 1).await.is_empty());
    }
    let fill = "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data)
                SELECT 'test-' || n, 1, gen_random_uuid(), 'Happened.v1', 1, '' FROM generate_series(1, 20000) AS n";
    execute(&database, fill).await;
    let scans = async |column: &str| {
        let query = format!("SELECT coalesce({column}, 0) FROM pg_stat_user_tables WHERE relname = 'events'");
        let query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(query));
        query.fetch_one(&mut support::stranger(&database).await).await.unwrap()
    };
    let (walks, seeks) = (scans("seq_scan").await, scans("idx_scan").await);
    let counted = async || {
        assert_eq!(ids(&store, 1).await.len(), 1);
        scans("idx_scan").await > seeks + 20
    };
    wait_for(counted, Duration::from_secs(30), "the server to count").await;
    // Opening the store has walked through the empty table, which the server may count late.
    assert!(scans("seq_scan").await < walks + 5);
}
