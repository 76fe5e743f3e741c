//! Where the tables are found: in the schema that was asked for and in no other one, whatever else a session can see.

use composable_rust_postgres::{PostgresEventStore, PostgresOpenError};
use composable_rust_postgres_fixture::TestDatabase;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::support::{self, append, execute, ids};

/// A pool whose sessions look into these schemas.
async fn pool(database: &TestDatabase, search_path: &str) -> PgPool {
    let options: PgConnectOptions = database.url().parse().unwrap();
    let options = options.options([("search_path", search_path)]);
    PgPoolOptions::new().connect_with(options).await.unwrap()
}

#[tokio::test]
async fn a_log_further_down_the_search_path_is_not_taken_for_the_one_asked_for() {
    let database = support::database().await;
    execute(&database, "CREATE SCHEMA north").await;
    let asked = || PostgresEventStore::options().schema("north");
    let path = "north, public";
    let refused = asked().from_pool(pool(&database, path).await).await;
    assert!(
        matches!(refused, Err(PostgresOpenError::NotMigrated { found: 0, .. })),
        "{refused:?}"
    );
    let north = asked().migrate_on_connect(true);
    let north = north.from_pool(pool(&database, path).await).await.unwrap();
    append(&north, 1, 0..3).await;
    assert!(ids(&support::open(&database).await, 1).await.is_empty());
}

#[tokio::test]
async fn a_table_of_an_application_in_front_of_the_log_is_not_written_to() {
    let database = support::database().await;
    execute(
        &database,
        "CREATE SCHEMA front; CREATE TABLE front.events (LIKE public.events INCLUDING ALL)",
    )
    .await;
    let refused = PostgresEventStore::from_pool(pool(&database, "front, public").await).await;
    assert!(matches!(refused, Err(PostgresOpenError::TableTaken(_))), "{refused:?}");
}

#[tokio::test]
async fn any_name_of_a_schema_is_that_schema_and_nothing_else() {
    let database = TestDatabase::empty().await;
    let in_schema = |name| PostgresEventStore::options().schema(name).migrate_on_connect(true);
    for name in ["a\\ b'\"; --", "Überall", "a,b"] {
        let store = in_schema(name).connect(database.url()).await.unwrap();
        append(&store, 1, 0..1).await;
        assert_eq!(ids(&store, 1).await, [0], "{name:?}");
        store.close().await;
    }
    for name in ["", "a\tb", "a\n-c jit=on", "a\u{b}b", "a\0"] {
        let refused = in_schema(name).connect(database.url()).await;
        assert!(
            matches!(refused, Err(PostgresOpenError::InvalidSchema(_))),
            "{name:?}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_name_that_the_server_would_cut_off_is_refused_before_anything_is_created() {
    let database = TestDatabase::empty().await;
    let in_schema = |name: &str| PostgresEventStore::options().schema(name).migrate_on_connect(true);
    let long = "a".repeat(64);
    let refused = in_schema(&long).connect(database.url()).await;
    assert!(
        matches!(refused, Err(PostgresOpenError::InvalidSchema(_))),
        "{refused:?}"
    );
    let pooled = in_schema(&long).from_pool(pool(&database, "public").await).await;
    assert!(matches!(pooled, Err(PostgresOpenError::InvalidSchema(_))), "{pooled:?}");
    let created = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'aaa%'";
    assert_eq!(support::scalar::<i64>(&database, created).await, 0);
    let longest = in_schema(&long[1..]).connect(database.url()).await.unwrap();
    append(&longest, 1, 0..1).await;
}
