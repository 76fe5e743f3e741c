//! Waiting for the log to grow.

use std::time::Duration;

use composable_rust_core::{EventLog, Position, ReadError};
use composable_rust_postgres::{PostgresEventStore, PostgresOptions};
use composable_rust_postgres_fixture::{Server, TestDatabase, wait_for};
use futures::future::join_all;
use tokio::task::JoinHandle;

use super::reader::{NEVER, PATIENCE, append, in_time, listener, listeners, open_transaction, readable, run};
use crate::support::{database, open, stranger};

fn deaf() -> PostgresOptions {
    PostgresEventStore::options().notifications(false)
}

/// A wait that has begun.
async fn waiting(store: &PostgresEventStore, after: Position) -> JoinHandle<Result<(), ReadError>> {
    let store = store.clone();
    let mut task = tokio::spawn(async move { store.wait_for_events(after).await });
    // The runtime of these tests has one thread: the task runs until it waits.
    tokio::task::yield_now().await;
    assert!(futures::poll!(&mut task).is_pending());
    task
}

async fn wakes(task: JoinHandle<Result<(), ReadError>>) {
    in_time("the end of a wait", task).await.unwrap().unwrap();
}

async fn connect(options: PostgresOptions, database: &TestDatabase) -> PostgresEventStore {
    options.connect(database.url()).await.unwrap()
}

#[tokio::test]
async fn the_stores_own_commit_ends_a_wait_at_once() {
    let database = database().await;
    let store = connect(deaf().idle_poll_interval(NEVER), &database).await;
    let mut after = Position::BEGINNING;
    for id in 0..20 {
        let wait = waiting(&store, after).await;
        after = append(&store, id).await;
        wakes(wait).await;
        readable(&store, after).await;
    }
}

#[tokio::test]
async fn a_commit_elsewhere_ends_a_wait_by_notification() {
    let database = database().await;
    let store = connect(PostgresEventStore::options().idle_poll_interval(NEVER), &database).await;
    let elsewhere = open(&database).await;
    let wait = waiting(&store, Position::BEGINNING).await;
    listener(&mut stranger(&database).await, None).await;
    append(&elsewhere, 1).await;
    wakes(wait).await;
}

#[tokio::test]
async fn a_commit_elsewhere_ends_a_wait_without_notifications() {
    let database = database().await;
    let store = connect(deaf().idle_poll_interval(Duration::from_millis(50)), &database).await;
    let wait = waiting(&store, Position::BEGINNING).await;
    append(&connect(deaf(), &database).await, 1).await;
    wakes(wait).await;
    assert!(listeners(&mut stranger(&database).await).await.is_empty());
}

#[tokio::test]
async fn a_wake_up_is_no_readability_and_the_wait_goes_on_until_it_is() {
    let database = database().await;
    let store = connect(deaf().idle_poll_interval(NEVER), &database).await;
    let mut slow = open_transaction(&database).await;
    let mut wait = waiting(&store, Position::BEGINNING).await;
    append(&store, 1).await;
    for _ in 0..3 {
        // Each of them is a look at the end of the log, after the wake-up.
        assert_eq!(store.head().await.unwrap(), Position::BEGINNING);
        assert!(futures::poll!(&mut wait).is_pending());
    }
    run(&mut slow, "ROLLBACK").await;
    wakes(wait).await;
}

#[tokio::test]
async fn a_listener_that_was_killed_listens_again() {
    let database = database().await;
    let store = connect(PostgresEventStore::options().idle_poll_interval(NEVER), &database).await;
    let elsewhere = open(&database).await;
    let mut stranger = stranger(&database).await;
    let wait = waiting(&store, Position::BEGINNING).await;
    let killed = listener(&mut stranger, None).await;
    run(&mut stranger, format!("SELECT pg_terminate_backend({killed})")).await;
    listener(&mut stranger, Some(killed)).await;
    append(&elsewhere, 1).await;
    wakes(wait).await;
}

#[tokio::test]
async fn what_is_committed_while_nobody_listens_is_found_when_somebody_does_again() {
    let database = database().await;
    let store = connect(PostgresEventStore::options().idle_poll_interval(NEVER), &database).await;
    let mute = connect(deaf(), &database).await;
    let mut stranger = stranger(&database).await;
    let wait = waiting(&store, Position::BEGINNING).await;
    let killed = listener(&mut stranger, None).await;
    // Nobody can connect, and so nobody listen again, before the commit. Said from another database: it is a rule.
    let next_door = TestDatabase::empty().await;
    let mut stranger = crate::support::stranger(&next_door).await;
    let connections = |allowed| format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allowed}", database.name());
    run(&mut stranger, connections(false)).await;
    run(&mut stranger, format!("SELECT pg_terminate_backend({killed})")).await;
    append(&mute, 1).await;
    run(&mut stranger, connections(true)).await;
    wakes(wait).await;
}

#[tokio::test]
async fn a_wait_survives_a_restart_of_the_server() {
    let server = Server::start(&[]).await;
    let url = server.url("postgres");
    let options = PostgresEventStore::options().migrate_on_connect(true);
    let store = options
        .clone()
        .idle_poll_interval(Duration::from_millis(100))
        .connect(&url)
        .await
        .unwrap();
    let wait = waiting(&store, Position::BEGINNING).await;
    server.stop().await;
    server.start_again().await;
    append(&options.connect(&url).await.unwrap(), 1).await;
    wakes(wait).await;
}

#[tokio::test]
async fn a_thousand_waits_share_their_looks() {
    let server = Server::start(&[("log_statement", "all")]).await;
    let options = deaf()
        .idle_poll_interval(NEVER)
        .max_connections(2)
        .migrate_on_connect(true);
    let store = options.connect(&server.url("postgres")).await.unwrap();
    let waits = join_all((0..1000).map(|_| waiting(&store, Position::BEGINNING))).await;
    append(&store, 1).await;
    join_all(waits.into_iter().map(wakes)).await;
    let looks = server.log().await.matches("The readable end of the log").count();
    assert!((1..100).contains(&looks), "{looks} looks at the log for 1000 waits");
}

#[tokio::test]
async fn waits_that_are_dropped_leave_no_session_and_no_store_behind() {
    let database = database().await;
    let store = connect(PostgresEventStore::options().idle_poll_interval(NEVER), &database).await;
    let mut stranger = stranger(&database).await;
    let wait = waiting(&store, Position::BEGINNING).await;
    listener(&mut stranger, None).await;
    wait.abort();
    assert!(wait.await.unwrap_err().is_cancelled());
    drop(store);
    let alone = async || {
        let sessions =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let sessions: i64 = sqlx::query_scalar(sessions).fetch_one(&mut stranger).await.unwrap();
        sessions == 0
    };
    wait_for(alone, PATIENCE, "the sessions of a dropped store to end").await;
}

#[tokio::test]
async fn a_store_that_is_closed_ends_its_waits() {
    let database = database().await;
    let store = connect(PostgresEventStore::options().idle_poll_interval(NEVER), &database).await;
    let wait = waiting(&store, Position::BEGINNING).await;
    store.close().await;
    let ended = in_time("the end of a wait", wait).await.unwrap();
    assert!(matches!(ended, Err(ReadError::Unavailable(_))), "{ended:?}");
    let after = store.wait_for_events(Position::BEGINNING).await;
    assert!(matches!(after, Err(ReadError::Unavailable(_))), "{after:?}");
}

#[tokio::test]
async fn a_wait_that_can_never_end_says_why() {
    let database = database().await;
    let store = connect(deaf().idle_poll_interval(Duration::from_millis(10)), &database).await;
    let wait = waiting(&store, Position::BEGINNING).await;
    run(&mut stranger(&database).await, "ALTER TABLE events RENAME TO gone").await;
    let ended = in_time("the end of a wait", wait).await.unwrap();
    assert!(matches!(ended, Err(ReadError::Backend(_))), "{ended:?}");
}

#[test]
fn a_wait_outlives_the_runtime_of_another_one() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let (database, store) = second.block_on(async {
        let database = database().await;
        let store = connect(deaf().idle_poll_interval(NEVER), &database).await;
        (database, store)
    });
    first.block_on(async { drop(waiting(&store, Position::BEGINNING).await) });
    drop(first);
    second.block_on(async {
        let wait = waiting(&store, Position::BEGINNING).await;
        append(&store, 1).await;
        wakes(wait).await;
        drop((store, database));
    });
}
