//! What holds readers back can be asked for; and what does not hold them back does not.

use composable_rust_core::EventLog;
use composable_rust_postgres::{BlockingTransaction, PostgresEventStore};
use composable_rust_postgres_fixture::{Server, wait_for};
use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};

use super::reader::{PATIENCE, append, insert, open_transaction, pid, readable, run};
use crate::support::{database, open, stranger};

async fn blocker(
    store: &PostgresEventStore,
    is_it: impl Fn(&BlockingTransaction) -> bool,
) -> Option<BlockingTransaction> {
    store.blocking_transactions().await.unwrap().into_iter().find(is_it)
}

#[tokio::test]
async fn an_idle_transaction_holds_readers_back_and_is_named() {
    let database = database().await;
    let store = open(&database).await;
    let mut idle = stranger(&database).await;
    let own = pid(&mut idle).await;
    run(
        &mut idle,
        "SET application_name = 'forgotten'; BEGIN; SELECT pg_current_xact_id()",
    )
    .await;
    let newest = append(&store, 1).await;
    assert!(store.head().await.unwrap() < newest);
    let found = blocker(&store, |blocker| blocker.pid == Some(own)).await.unwrap();
    assert_eq!(found.state.as_deref(), Some("idle in transaction"));
    assert_eq!(found.database.as_deref(), Some(database.name()));
    assert_eq!(found.application.as_deref(), Some("forgotten"));
    assert!(found.query.unwrap().contains("pg_current_xact_id"));
    assert!(found.role.is_some() && found.age.is_some() && found.prepared.is_none());
    run(&mut idle, "COMMIT").await;
    readable(&store, newest).await;
    assert_eq!(blocker(&store, |blocker| blocker.pid == Some(own)).await, None);
}

#[tokio::test]
async fn a_session_with_savepoints_is_named_once() {
    let database = database().await;
    let store = open(&database).await;
    let mut idle = open_transaction(&database).await;
    let own = pid(&mut idle).await;
    run(&mut idle, "SAVEPOINT a").await;
    insert(&mut idle, 1).await;
    run(&mut idle, "SAVEPOINT b").await;
    insert(&mut idle, 2).await;
    append(&store, 3).await;
    let blockers = store.blocking_transactions().await.unwrap();
    assert_eq!(blockers.iter().filter(|blocker| blocker.pid == Some(own)).count(), 1);
}

#[tokio::test]
async fn a_prepared_transaction_holds_readers_back_and_is_named() {
    let server = Server::start(&[]).await;
    let store = PostgresEventStore::options()
        .migrate_on_connect(true)
        .connect(&server.url("postgres"))
        .await
        .unwrap();
    let mut session = PgConnection::connect(&server.url("postgres")).await.unwrap();
    run(&mut session, "BEGIN").await;
    insert(&mut session, 1).await;
    run(&mut session, "PREPARE TRANSACTION 'forgotten'").await;
    let newest = append(&store, 2).await;
    assert!(store.head().await.unwrap() < newest);
    let blockers = store.blocking_transactions().await.unwrap();
    assert_eq!(blockers.len(), 1, "{blockers:?}");
    let found = &blockers[0];
    assert_eq!((found.pid, found.prepared.as_deref()), (None, Some("forgotten")));
    assert_eq!(found.database.as_deref(), Some("postgres"));
    assert!(found.age.is_some() && found.role.is_some());
    run(&mut session, "COMMIT PREPARED 'forgotten'").await;
    readable(&store, newest).await;
    assert_eq!(store.blocking_transactions().await.unwrap(), []);
}

#[tokio::test]
async fn readers_dumps_listeners_and_vacuum_hold_nobody_back() {
    // On a server of its own: readable at once, nobody else is there.
    let server = Server::start(&[("autovacuum", "off")]).await;
    let url = server.url("postgres");
    let store = PostgresEventStore::options()
        .migrate_on_connect(true)
        .connect(&url)
        .await
        .unwrap();
    append(&store, 1).await;
    let mut sessions = Vec::new();
    for statement in [
        "BEGIN; SELECT * FROM events",
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; SELECT * FROM events",
        "LISTEN anything",
    ] {
        let mut session = PgConnection::connect(&url).await.unwrap();
        run(&mut session, statement).await;
        sessions.push(session);
    }
    let vacuuming = tokio::spawn(vacuum_slowly(url.clone()));
    let mut watching = PgConnection::connect(&url).await.unwrap();
    let vacuums = async || {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_progress_vacuum")
            .fetch_one(&mut watching)
            .await
            .unwrap();
        count == 1
    };
    wait_for(vacuums, PATIENCE, "VACUUM to be at work").await;
    let newest = append(&store, 2).await;
    assert_eq!(store.head().await.unwrap(), newest);
    assert_eq!(store.blocking_transactions().await.unwrap(), []);
    vacuuming.abort();
}

/// A VACUUM that naps all the time.
async fn vacuum_slowly(url: String) {
    let mut session = PgConnection::connect(&url).await.unwrap();
    run(
        &mut session,
        "CREATE TABLE large AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)",
    )
    .await;
    run(&mut session, "SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1").await;
    run(&mut session, "VACUUM large").await;
}

#[tokio::test]
async fn who_may_not_see_other_sessions_learns_which_it_is() {
    let database = database().await;
    let role = database.name().replace("crtest", "crrole");
    let mut owner = stranger(&database).await;
    run(
        &mut owner,
        format!("CREATE ROLE {role} LOGIN PASSWORD 'reads'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"),
    )
    .await;
    let options: PgConnectOptions = database.url().parse().unwrap();
    let pool = PgPool::connect_with(options.username(&role).password("reads"))
        .await
        .unwrap();
    let store = PostgresEventStore::from_pool(pool).await;
    run(&mut owner, "BEGIN; SELECT pg_current_xact_id()").await;
    let own = pid(&mut owner).await;
    append(&open(&database).await, 1).await;
    let found = match &store {
        Ok(store) => blocker(store, |blocker| blocker.pid == Some(own)).await,
        Err(_) => None,
    };
    run(&mut owner, format!("ROLLBACK; DROP OWNED BY {role}; DROP ROLE {role}")).await;
    let found = found.unwrap();
    assert_eq!(found.database.as_deref(), Some(database.name()));
    assert_eq!((found.state, found.query, found.age), (None, None, None));
}
