//! The log of another cluster, and how it is taken over.

use crate::support::{self, append, execute, ids, scalar};
use composable_rust_core::{AppendError, EventLog, EventStore, ExpectedVersion, Position};
use composable_rust_postgres::{LogOriginMismatch, PostgresEventStore, PostgresOpenError};

/// Pretends that another cluster gave the transaction ids of the log.
const MOVED: &str = "UPDATE event_log SET system_identifier = system_identifier + 1";

async fn refusal(url: &str) -> PostgresOpenError {
    PostgresEventStore::connect(url).await.unwrap_err()
}

#[tokio::test]
async fn a_log_of_another_cluster_is_refused_until_it_is_adopted() {
    let database = support::database().await;
    let store = support::open(&database).await;
    append(&store, 1, 0..3).await;
    let before = store.load_events(support::stream(1), None).await.unwrap();
    execute(&database, MOVED).await;
    let error = refusal(database.url()).await;
    assert!(matches!(
        error,
        PostgresOpenError::LogOriginMismatch(LogOriginMismatch::Cluster { .. })
    ));
    assert!(error.to_string().contains("run PostgresEventStore::adopt once"));

    let adopting = (0..4).map(|_| PostgresEventStore::adopt(database.url()));
    futures::future::try_join_all(adopting).await.unwrap();
    assert_eq!(scalar::<i16>(&database, "SELECT generation FROM event_log").await, 2);
    let adopted = support::open(&database).await;
    append(&adopted, 1, 3..4).await;
    let after = adopted.load_events(support::stream(1), None).await.unwrap();
    assert_eq!(after[..3], before, "what was stored keeps its place");
    assert_eq!(
        after[3].position.parts()[0],
        2,
        "what follows belongs to a new generation"
    );
    assert!(after[3].position > before[2].position);
}

const END_ITS_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test]
async fn a_log_that_moves_under_a_running_store_is_refused_with_the_next_connection() {
    let database = support::database().await;
    let store = support::open(&database).await;
    append(&store, 1, 0..1).await;
    execute(&database, format!("{MOVED}; {END_ITS_SESSIONS}")).await;
    let write = async || {
        let append = || store.append_events(support::stream(1), ExpectedVersion::StreamExists, support::events([1]));
        match append().await {
            Err(AppendError::OutcomeUnknown(_)) => append().await,
            answer => answer,
        }
    };
    let refused = write().await;
    assert!(matches!(refused, Err(AppendError::Backend(_))), "{refused:?}");
    assert!(format!("{refused:?}").contains("LogOriginMismatch"), "{refused:?}");
    assert!(store.head().await.is_err());
    PostgresEventStore::adopt(database.url()).await.unwrap();
    write().await.unwrap();
    assert_eq!(ids(&store, 1).await, [0, 1]);
}

#[tokio::test]
async fn a_partitioned_log_is_adopted_too() {
    let database = support::partitioned_database().await;
    append(&support::open(&database).await, 1, 0..1).await;
    execute(&database, MOVED).await;
    PostgresEventStore::adopt(database.url()).await.unwrap();
    let adopted = support::open(&database).await;
    append(&adopted, 2, 1..2).await;
    let stored = adopted.load_events(support::stream(2), None).await.unwrap();
    assert_eq!(stored[0].position.parts()[0], 2);
}

#[tokio::test]
async fn transactions_that_this_cluster_has_yet_to_give_are_another_ones() {
    let database = support::database().await;
    let forge = "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, transaction_id) \
                 VALUES ('test-1', 1, gen_random_uuid(), 'Happened.v1', 1, '', '4000000000000')";
    execute(&database, forge).await;
    let refused = refusal(database.url()).await;
    assert!(matches!(
        refused,
        PostgresOpenError::LogOriginMismatch(LogOriginMismatch::Transactions {
            newest: 4_000_000_000_000,
            ..
        })
    ));
    PostgresEventStore::adopt(database.url()).await.unwrap();
    let store = support::open(&database).await;
    append(&store, 1, 1..2).await;
    assert_eq!(store.load_events(support::stream(1), None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_log_that_is_this_clusters_is_adopted_without_a_trace() {
    let database = support::database().await;
    append(&support::open(&database).await, 1, 0..3).await;
    PostgresEventStore::adopt(database.url()).await.unwrap();
    assert_eq!(scalar::<i16>(&database, "SELECT generation FROM event_log").await, 1);
}

#[tokio::test]
async fn a_log_that_a_subscription_fills_is_not_read_here() {
    let database = support::database().await;
    let subscribe = "CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere.invalid' PUBLICATION feed
                         WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false);
                     SET allow_system_table_mods = on;
                     INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)
                     SELECT oid, 'events'::regclass, 'r' FROM pg_subscription WHERE subname = 'feed'";
    let subscribed = support::try_execute(
        &database,
        format!("{subscribe} AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"),
    )
    .await;
    let refused = PostgresEventStore::connect(database.url()).await;
    execute(&database, "DROP SUBSCRIPTION IF EXISTS feed").await;
    subscribed.unwrap();
    assert!(matches!(refused, Err(PostgresOpenError::Subscriber)));
    assert_eq!(
        support::open(&database).await.head().await.unwrap(),
        Position::BEGINNING
    );
}
