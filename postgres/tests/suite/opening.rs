//! What is looked at before a store opens, and what is said where it can't.

use composable_rust_core::EventStore;
use composable_rust_postgres::{PostgresEventStore, PostgresOpenError};
use composable_rust_postgres_fixture::{DatabaseOptions, TestDatabase, admin_url};
use sqlx::{
    ConnectOptions, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::support::{self, append, execute, ids};

async fn refusal(url: &str) -> PostgresOpenError {
    PostgresEventStore::connect(url).await.unwrap_err()
}

fn options(url: &str) -> PgConnectOptions {
    url.parse().unwrap()
}

#[tokio::test]
async fn an_address_of_something_else_is_told_from_a_server_that_is_away() {
    assert!(matches!(
        refusal("sqlite://orders.db").await,
        PostgresOpenError::InvalidUrl(_)
    ));
    assert!(matches!(
        refusal("postgres://a@127.0.0.1:1/b").await,
        PostgresOpenError::Unreachable(_)
    ));
    assert!(matches!(
        refusal("postgres://a@nowhere.invalid/b").await,
        PostgresOpenError::Unreachable(_)
    ));
}

#[tokio::test]
async fn what_went_wrong_is_said_once() {
    let refused = refusal("postgres://a@127.0.0.1:1/b").await;
    let mut said = vec![refused.to_string()];
    let mut cause = std::error::Error::source(&refused);
    while let Some(error) = cause {
        said.push(error.to_string());
        cause = error.source();
    }
    let chain = said.join(": ");
    assert_eq!(chain.matches("error communicating with database").count(), 1, "{chain}");
}

#[tokio::test]
async fn an_ipv6_address_is_an_address() {
    let refused = refusal("postgres://a@[::1]:1/b").await;
    let PostgresOpenError::Unreachable(source) = &refused else {
        panic!("{refused:?}")
    };
    // Refused by the machine, or there is no IPv6: but looked up it is not.
    let source = source.to_string();
    assert!(!source.contains("lookup") && !source.contains("resolve"), "{source}");
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_database_are_told_apart() {
    let right = options(admin_url().await);
    let wrong = right.clone().password("wrong").to_url_lossy();
    assert!(matches!(refusal(wrong.as_str()).await, PostgresOpenError::Refused(_)));
    let missing = right.database("there_is_no_such_database").to_url_lossy();
    assert!(matches!(
        refusal(missing.as_str()).await,
        PostgresOpenError::MissingDatabase(_)
    ));
}

#[cfg(not(any(
    feature = "tls-rustls-native-roots",
    feature = "tls-rustls-webpki",
    feature = "tls-native"
)))]
#[tokio::test]
async fn tls_that_was_not_built_in_is_asked_for_in_vain() {
    let url = options(admin_url().await)
        .ssl_mode(sqlx::postgres::PgSslMode::Require)
        .to_url_lossy();
    assert!(matches!(
        refusal(url.as_str()).await,
        PostgresOpenError::TlsNotBuiltIn(_)
    ));
}

#[cfg(any(
    feature = "tls-rustls-native-roots",
    feature = "tls-rustls-webpki",
    feature = "tls-native"
))]
#[tokio::test]
async fn a_server_that_offers_no_tls_is_not_spoken_to_without() {
    let url = options(admin_url().await)
        .ssl_mode(sqlx::postgres::PgSslMode::Require)
        .to_url_lossy();
    assert!(matches!(refusal(url.as_str()).await, PostgresOpenError::Tls(_)));
}

#[tokio::test]
async fn a_database_without_the_schema_says_how_to_get_it() {
    let database = TestDatabase::empty().await;
    let error = refusal(database.url()).await;
    assert!(matches!(error, PostgresOpenError::NotMigrated { found: 0, needed: 1 }));
    assert!(
        error
            .to_string()
            .ends_with("run PostgresEventStore::migrate or scripts/migrate.sh")
    );
    PostgresEventStore::migrate(database.url()).await.unwrap();
    append(&support::open(&database).await, 1, 0..3).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = support::database().await;
    execute(
        &database,
        "INSERT INTO event_store_migrations (version, name) VALUES (99, 'of tomorrow')",
    )
    .await;
    let newer = |error: PostgresOpenError| matches!(error, PostgresOpenError::NewerSchema { found: 99, known: 1 });
    assert!(newer(refusal(database.url()).await));
    assert!(newer(PostgresEventStore::migrate(database.url()).await.unwrap_err()));
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    let database = TestDatabase::empty().await;
    let name = format!("{}_ascii", database.name());
    let create = format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    execute(&database, create).await;
    let ascii = options(database.url()).database(&name).to_url_lossy();
    let refused = PostgresEventStore::migrate(ascii.as_str()).await;
    execute(&database, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    assert!(matches!(refused, Err(PostgresOpenError::Encoding { found }) if found == "SQL_ASCII"));
}

#[tokio::test]
async fn a_database_that_is_serializable_by_default_still_works() {
    let serializable = DatabaseOptions::default().set("default_transaction_isolation", "serializable");
    let database = support::database_with(serializable).await;
    append(&support::open(&database).await, 1, 0..3).await;
    let pool = PgPool::connect(database.url()).await.unwrap();
    let refused = PostgresEventStore::from_pool(pool).await;
    assert!(matches!(refused, Err(PostgresOpenError::Isolation { found }) if found == "serializable"));
}

#[tokio::test]
async fn a_server_that_forgets_is_refused_where_durability_is_demanded() {
    let database = support::database_with(DatabaseOptions::default().set("synchronous_commit", "off")).await;
    let refused = PostgresEventStore::options()
        .require_durability(true)
        .connect(database.url())
        .await;
    assert!(matches!(
        refused,
        Err(PostgresOpenError::NotDurable {
            setting: "synchronous_commit",
            ..
        })
    ));
    append(&support::open(&database).await, 1, 0..3).await;
}

#[tokio::test]
async fn stores_of_two_schemas_know_nothing_of_each_other() {
    let database = TestDatabase::empty().await;
    let open = async |schema: &str| {
        let options = PostgresEventStore::options().schema(schema).migrate_on_connect(true);
        options.connect(database.url()).await.unwrap()
    };
    let (north, south) = (open("north").await, open("The \"south\"").await);
    append(&north, 1, 0..3).await;
    append(&south, 1, 5..6).await;
    assert_eq!((ids(&north, 1).await, ids(&south, 1).await), (vec![0, 1, 2], vec![5]));
    let missing = PostgresEventStore::options()
        .schema("east")
        .connect(database.url())
        .await;
    assert!(matches!(
        missing,
        Err(PostgresOpenError::MissingSchema { found: None, .. })
    ));
}

#[tokio::test]
async fn the_smallest_settings_are_enough() {
    let database = support::database().await;
    let options = PostgresEventStore::options()
        .max_connections(0)
        .statement_cache(0)
        .notifications(false);
    let store = options.connect(database.url()).await.unwrap();
    append(&store, 1, 0..2500).await;
    assert_eq!(ids(&store, 1).await.len(), 2500);
}

#[tokio::test]
async fn a_pool_of_one_is_shared_and_left_open() {
    let database = support::database().await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect(database.url())
        .await
        .unwrap();
    let store = PostgresEventStore::from_pool(pool.clone()).await.unwrap();
    append(&store, 1, 0..3).await;
    assert_eq!(ids(&store, 1).await.len(), 3);
    store.close().await;
    assert_eq!(
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM events")
            .fetch_one(&pool)
            .await
            .unwrap(),
        3
    );
}

#[tokio::test]
async fn a_closed_store_answers_unavailable() {
    let database = support::database().await;
    let store = support::open(&database).await;
    store.close().await;
    store.close().await;
    let refused = store.load_events(support::stream(1), None).await;
    assert!(matches!(refused, Err(composable_rust_core::ReadError::Unavailable(_))));
}
