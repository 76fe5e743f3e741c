//! Logs that move: restored, adopted, failed over.

use composable_rust_core::{EventFilter, EventLog, Position, ReadAll, ReadError};
use composable_rust_postgres::{PostgresEventStore, PostgresOpenError};
use composable_rust_postgres_fixture::{Server, TestDatabase, wait_for};
use sqlx::{Connection, PgConnection};

use super::reader::{PATIENCE, append, events, follow, in_time, readable, run};
use crate::support::{database, open, stranger};

fn is_rewound<T: std::fmt::Debug>(answer: &Result<T, ReadError>, at: Position) {
    assert!(
        matches!(answer, Err(ReadError::LogRewound { after }) if *after == at),
        "{answer:?}"
    );
}

/// A log of three events that can be read, and where they stand.
async fn three(database: &TestDatabase) -> (PostgresEventStore, [Position; 3]) {
    let store = open(database).await;
    let positions = [
        append(&store, 1).await,
        append(&store, 2).await,
        append(&store, 3).await,
    ];
    readable(&store, positions[2]).await;
    (store, positions)
}

/// Changes the log behind the back of its rules, as a restored backup would.
async fn tamper(database: &TestDatabase, statement: &str) {
    let mut owner = stranger(database).await;
    run(
        &mut owner,
        format!("ALTER TABLE events DISABLE TRIGGER events_are_immutable; {statement}"),
    )
    .await;
}

async fn assert_rewound(store: &PostgresEventStore, at: Position) {
    is_rewound(&store.read_all(ReadAll::after(at)).await, at);
    let filtered = ReadAll::after(at).filter(EventFilter::all().category("test"));
    is_rewound(&store.read_all(filtered).await, at);
    is_rewound(&in_time("the end of a wait", store.wait_for_events(at)).await, at);
}

#[tokio::test]
async fn going_on_from_an_event_that_is_gone_says_that_the_log_was_rewound() {
    let database = database().await;
    let (store, [first, second, third]) = three(&database).await;
    tamper(&database, "DELETE FROM events WHERE stream_id = 'test-own-2'").await;
    assert_rewound(&store, second).await;
    assert_eq!(follow(&store, first).await, (vec![3], third));
}

#[tokio::test]
async fn going_on_from_an_event_that_another_one_replaced_says_that_the_log_was_rewound() {
    let database = database().await;
    let (store, [_, _, third]) = three(&database).await;
    tamper(
        &database,
        "UPDATE events SET event_id = gen_random_uuid() WHERE stream_id = 'test-own-3'",
    )
    .await;
    assert_rewound(&store, third).await;
}

#[tokio::test]
async fn a_wait_that_has_begun_notices_that_the_log_was_rewound() {
    let database = database().await;
    let (store, [_, _, third]) = three(&database).await;
    let waiting = tokio::spawn(async move { store.wait_for_events(third).await });
    tamper(&database, "DELETE FROM events WHERE stream_id = 'test-own-3'").await;
    is_rewound(&in_time("the end of a wait", waiting).await.unwrap(), third);
}

#[tokio::test]
async fn a_position_without_a_mark_is_taken_as_it_is() {
    let database = database().await;
    let (store, [_, second, third]) = three(&database).await;
    tamper(&database, "DELETE FROM events WHERE stream_id = 'test-own-2'").await;
    let unmarked = Position::from_parts(second.parts());
    assert_eq!(follow(&store, unmarked).await, (vec![3], third));
    in_time("the end of a wait", store.wait_for_events(unmarked))
        .await
        .unwrap();
    let between = Position::from_parts([1, 0, 7]);
    assert_eq!(follow(&store, between).await.0, [1, 3]);
}

#[tokio::test]
async fn where_a_filter_stopped_has_the_mark_of_what_stands_there() {
    let database = database().await;
    let (store, [_, _, third]) = three(&database).await;
    let nothing = ReadAll::after(Position::BEGINNING).filter(EventFilter::all().category("nothing"));
    let page = store.read_all(nothing).await.unwrap();
    assert_eq!(
        (page.events, page.resume_after, store.head().await.unwrap()),
        (vec![], third, third)
    );
    tamper(&database, "DELETE FROM events WHERE stream_id = 'test-own-3'").await;
    assert_rewound(&store, page.resume_after).await;
}

#[tokio::test]
async fn an_acknowledged_position_that_cannot_be_read_yet_is_not_taken_for_lost() {
    let database = database().await;
    let store = open(&database).await;
    let mut older = super::reader::open_transaction(&database).await;
    let appended = append(&store, 1).await;
    assert_eq!(follow(&store, appended).await, (vec![], appended));
    let (behind, waiter) = (append(&store, 2).await, store.clone());
    let waiting = tokio::spawn(async move { waiter.wait_for_events(appended).await });
    run(&mut older, "COMMIT").await;
    in_time("the end of a wait", waiting).await.unwrap().unwrap();
    readable(&store, behind).await;
    assert_eq!(follow(&store, appended).await, (vec![2], behind));
}

#[tokio::test]
async fn a_log_whose_newer_generation_has_lower_transaction_ids_is_read_whole_and_goes_on() {
    let database = database().await;
    let mut another = stranger(&database).await;
    for id in 1..=5 {
        let transaction = 1_000_000_000_000_u64 + id;
        let insert = format!(
            "INSERT INTO events (stream_id, version, event_id, event_type, encoding, event_data, transaction_id)
             VALUES ('test-{id}', 1, '{}', 'Happened.v1', 1, '', '{transaction}')",
            uuid::Uuid::from_u128(id.into())
        );
        run(&mut another, insert).await;
    }
    let foreign = PostgresEventStore::connect(database.url()).await;
    assert!(
        matches!(foreign, Err(PostgresOpenError::LogOriginMismatch(_))),
        "{foreign:?}"
    );
    PostgresEventStore::options().adopt(database.url()).await.unwrap();
    let store = open(&database).await;
    readable(&store, append(&store, 6).await).await;
    let (ids, after) = follow(&store, Position::BEGINNING).await;
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    readable(&store, append(&store, 7).await).await;
    assert_eq!(follow(&store, after).await.0, [7]);
}

#[tokio::test]
async fn a_dump_restored_into_a_fresh_cluster_is_adopted_with_its_order_and_its_checkpoints() {
    let old = Server::start(&[]).await;
    let options = PostgresEventStore::options().migrate_on_connect(true);
    let store = options.clone().connect(&old.url("postgres")).await.unwrap();
    // The old cluster is far older than the new one.
    let mut session = PgConnection::connect(&old.url("postgres")).await.unwrap();
    run(
        &mut session,
        "DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$",
    )
    .await;
    for id in 1..=20 {
        append(&store, id).await;
    }
    let (before, end) = events(&store, Position::BEGINNING, 7).await;
    assert_eq!(before.len(), 20);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dump.sql");
    old.dump("postgres", &file).await;
    let new = old.another(&[]).await;
    new.restore("moved", &file).await;
    let url = new.url("moved");
    let foreign = PostgresEventStore::connect(&url).await;
    assert!(
        matches!(foreign, Err(PostgresOpenError::LogOriginMismatch(_))),
        "{foreign:?}"
    );
    options.adopt(&url).await.unwrap();
    let store = PostgresEventStore::connect(&url).await.unwrap();
    assert_eq!(events(&store, Position::BEGINNING, 7).await, (before.clone(), end));
    append(&store, 21).await;
    assert_eq!(
        follow(&store, before[9].position).await.0,
        (11..=21).collect::<Vec<_>>()
    );
    assert_eq!(follow(&store, end).await.0, [21]);
}

async fn scalar<T>(url: &str, query: &'static str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

/// Cuts a standby off from its primary: it keeps what it has.
async fn cut_off(standby: &str) {
    let mut session = PgConnection::connect(standby).await.unwrap();
    run(&mut session, "ALTER SYSTEM SET primary_conninfo = ''").await;
    run(&mut session, "SELECT pg_reload_conf()").await;
    let alone = async || scalar::<i64>(standby, "SELECT count(*) FROM pg_stat_wal_receiver").await == 0;
    wait_for(alone, PATIENCE, "the standby to be cut off").await;
}

#[tokio::test]
async fn a_reader_that_knows_of_a_tail_lost_in_a_failover_is_told() {
    let primary = Server::start(&[]).await;
    let (old, options) = (primary.url("postgres"), PostgresEventStore::options());
    let store = options.migrate_on_connect(true).connect(&old).await.unwrap();
    let kept = append(&store, 1).await;
    let standby = primary.standby().await;
    let new = standby.url("postgres");
    let arrived = async || scalar::<i64>(&new, "SELECT count(*) FROM events").await == 1;
    wait_for(arrived, PATIENCE, "the standby to have the first event").await;
    cut_off(&new).await;
    let mut lost = kept;
    for id in 2..=9 {
        lost = append(&store, id).await;
    }
    // A reader of the standby is ahead of it: what it knows may still come.
    let replica = PostgresEventStore::connect(&new).await.unwrap();
    assert_eq!(follow(&replica, Position::BEGINNING).await, (vec![1], kept));
    assert_eq!(follow(&replica, lost).await, (vec![], lost));
    drop(replica);
    primary.kill().await;
    standby.promote().await;
    let store = PostgresEventStore::connect(&new).await.unwrap();
    assert_rewound(&store, lost).await;
    for id in 10..=30 {
        append(&store, id).await;
    }
    assert_rewound(&store, lost).await;
    assert_eq!(follow(&store, kept).await.0, (10..=30).collect::<Vec<_>>());
}
