//! The schema, and how databases get to it.

use std::{path::Path, process::Command};

use composable_rust_postgres::{PostgresEventStore, PostgresOpenError};
use composable_rust_postgres_fixture::TestDatabase;
use sqlx::Executor;

use crate::support::{self, append, execute, ids, scalar};

/// Of every migration: a released one is never changed, since databases that have seen it will not see it again. Until
/// the first release this is only a reminder: whoever edits the file edits the number.
const RELEASED: [(&str, &str, u64); 1] = [(
    "0001_events.sql",
    include_str!("../../migrations/0001_events.sql"),
    0x0fc3_7152_7b4c_b49e,
)];

#[test]
fn released_migrations_are_never_changed() {
    for (name, text, released) in RELEASED {
        let hash = support::hash(text);
        assert_eq!(
            hash, released,
            "{name} was changed to {hash:#x}: write a new migration instead"
        );
    }
}

#[tokio::test]
async fn five_processes_migrate_at_once() {
    let database = TestDatabase::empty().await;
    let migrating = (0..5).map(|_| PostgresEventStore::migrate(database.url()));
    futures::future::try_join_all(migrating).await.unwrap();
    assert_eq!(
        scalar::<i64>(&database, "SELECT count(*) FROM event_store_migrations").await,
        1
    );
    append(&support::open(&database).await, 1, 0..3).await;
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let database = support::database().await;
    append(&support::open(&database).await, 1, 0..3).await;
    PostgresEventStore::migrate(database.url()).await.unwrap();
    execute(&database, include_str!("../../migrations/0001_events.sql")).await;
    let store = PostgresEventStore::options()
        .migrate_on_connect(true)
        .connect(database.url())
        .await
        .unwrap();
    assert_eq!(ids(&store, 1).await, [0, 1, 2]);
}

const INDEX_ON_TYPE: &str = "SELECT to_regclass('events_by_type') IS NOT NULL";

#[tokio::test]
async fn the_index_on_event_type_can_be_left_out() {
    let database = TestDatabase::empty().await;
    let options = PostgresEventStore::options().event_type_index(false);
    options.migrate(database.url()).await.unwrap();
    PostgresEventStore::migrate(database.url()).await.unwrap();
    execute(&database, include_str!("../../migrations/0001_events.sql")).await;
    assert!(!scalar::<bool>(&database, INDEX_ON_TYPE).await);
    assert!(scalar::<bool>(&support::database().await, INDEX_ON_TYPE).await);
}

#[tokio::test]
async fn what_no_reader_could_take_is_refused_to_whoever_writes_sql() {
    let database = support::database().await;
    let mut connection = support::stranger(&database).await;
    let unfit = [
        "('', 1, 'A.v1', NULL, NULL)",
        "('test-1', 1, '', NULL, NULL)",
        "('test-1', 0, 'A.v1', NULL, NULL)",
        "('test-1', 1, 'A.v1', '[]', NULL)",
        "('test-1', 1, 'A.v1', NULL, 0)",
    ];
    for row in unfit {
        let insert = format!(
            "INSERT INTO events (event_id, encoding, event_data, stream_id, version, event_type, metadata, command_events)
             SELECT gen_random_uuid(), 1, '', stream_id, version, event_type, metadata::jsonb, command_events::integer
               FROM (VALUES {row}) AS unfit (stream_id, version, event_type, metadata, command_events)"
        );
        let refused = connection.execute(sqlx::AssertSqlSafe(insert)).await.unwrap_err();
        let error = refused.into_database_error().unwrap();
        assert_eq!(error.code().as_deref(), Some("23514"), "{row}: {error}");
    }
}

#[tokio::test]
async fn an_applications_own_table_is_left_alone() {
    let database = TestDatabase::empty().await;
    execute(&database, "CREATE TABLE events (id text, happened_at date)").await;
    let refused = PostgresEventStore::migrate(database.url()).await;
    assert!(matches!(refused, Err(PostgresOpenError::TableTaken(_))));
    assert!(!scalar::<bool>(&database, "SELECT to_regclass('event_store_migrations') IS NOT NULL").await);
}

fn script(arguments: &[&str]) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/migrate.sh");
    let output = Command::new(script)
        .args(arguments)
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn the_script_migrates_as_the_library_does_in_any_order() {
    let database = TestDatabase::empty().await;
    for _ in 0..2 {
        let (done, said) = script(&[database.url()]);
        assert!(done, "{said}");
        PostgresEventStore::migrate(database.url()).await.unwrap();
    }
    append(&support::open(&database).await, 1, 0..3).await;
    let (done, said) = script(&["--schema", "Own one", database.url()]);
    assert!(done, "{said}");
    let own = PostgresEventStore::options()
        .schema("Own one")
        .connect(database.url())
        .await
        .unwrap();
    assert!(ids(&own, 1).await.is_empty());
}

#[tokio::test]
async fn the_script_says_what_it_needs_and_what_failed() {
    let (done, said) = script(&[]);
    assert!(
        !done && said.contains("Usage:") && said.contains("DATABASE_URL"),
        "{said}"
    );
    let (done, said) = script(&["postgres://nobody@127.0.0.1:1/nothing"]);
    assert!(!done && said.contains("migrate.sh:"), "{said}");
}
