//! A network that falls silent: connections that stay open and bring nothing. Each call is answered within its limits, and
//! the store works again without a restart. At a tenth of the default limits.

use std::time::{Duration, Instant};

use composable_rust_core::{EventLog, EventStore, Position, ReadError, UnavailableReason};
use composable_rust_postgres::{PostgresEventStore, PostgresOpenError, PostgresOptions};
use composable_rust_postgres_fixture::{Proxy, TestDatabase, wait_for};
use futures::future::join_all;
use sqlx::{Executor, PgConnection};

use crate::{
    strangers::until_blocked,
    support::{self, append, ids, open, stranger, stream},
};

pub(crate) const ACQUIRE: Duration = Duration::from_millis(300);
pub(crate) const STATEMENT: Duration = Duration::from_secs(1);

/// What a machine with many other tests may take on top.
pub(crate) const SLACK: Duration = Duration::from_secs(3);

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn options() -> PostgresOptions {
    // Without notifications, which use a connection after each append: here only calls use them.
    PostgresEventStore::options()
        .notifications(false)
        .acquire_timeout(ACQUIRE)
        .statement_timeout(STATEMENT)
}

/// A database, a proxy to it, and a store behind the proxy.
pub(crate) async fn behind_proxy(options: PostgresOptions) -> (TestDatabase, Proxy, PostgresEventStore) {
    let database = support::database().await;
    let proxy = Proxy::to_server_of(database.url()).await;
    let store = options.connect(&proxy.url(database.url())).await.unwrap();
    (database, proxy, store)
}

/// The answer of a call, which has to come within the limits of a call.
pub(crate) async fn in_time<T>(call: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let answer = call.await;
    let took = begun.elapsed();
    assert!(took < ACQUIRE + STATEMENT + SLACK, "it took {took:?}");
    answer
}

fn reason<T: std::fmt::Debug>(answer: Result<T, ReadError>) -> UnavailableReason {
    match answer {
        Err(ReadError::Unavailable(unavailable)) => unavailable.reason,
        other => panic!("unavailable was expected, not {other:?}"),
    }
}

/// Waits until the store answers again: of itself.
pub(crate) async fn recovers(store: &PostgresEventStore) {
    let answers = async || store.ping().await.is_ok();
    wait_for(answers, PATIENCE, "the store to work again").await;
}

/// Holds everything up that reads or writes the log.
async fn lock(database: &TestDatabase) -> PgConnection {
    let mut keeper = stranger(database).await;
    keeper
        .execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    keeper
}

type Loads = Vec<tokio::task::JoinHandle<Result<usize, ReadError>>>;

fn sixteen_loads(store: &PostgresEventStore) -> Loads {
    let load = |_| {
        let store = store.clone();
        tokio::spawn(in_time(
            async move { Ok(store.load_events(stream(1), None).await?.len()) },
        ))
    };
    (0..16).map(load).collect()
}

/// Opens all eight connections, and leaves them idle.
async fn open_all_connections(store: &PostgresEventStore) {
    let all_idle = async || {
        join_all(sixteen_loads(store)).await;
        store.stats().connections_idle == 8
    };
    wait_for(all_idle, PATIENCE, "eight connections").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_loads_in_flight_are_answered_and_the_store_works_again() {
    let (database, proxy, store) = behind_proxy(options()).await;
    append(&store, 1, 0..3).await;
    open_all_connections(&store).await;
    let before = store.stats();
    let mut keeper = lock(&database).await;
    let loads = sixteen_loads(&store);
    until_blocked(&database, 8).await;
    proxy.freeze();
    keeper.execute("ROLLBACK").await.unwrap();
    for answer in join_all(loads).await {
        assert_eq!(reason(answer.unwrap()), UnavailableReason::TimedOut);
    }
    let after = store.stats();
    assert_eq!(after.statement_timeouts - before.statement_timeouts, 8, "{after:?}");
    assert_eq!(after.acquire_timeouts - before.acquire_timeouts, 8, "{after:?}");
    recovers(&store).await;
    for loaded in join_all(sixteen_loads(&store)).await {
        assert_eq!(loaded.unwrap().unwrap(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_that_died_silently_cost_one_call_and_not_one_each() {
    let (_database, proxy, store) = behind_proxy(options()).await;
    append(&store, 1, 0..3).await;
    open_all_connections(&store).await;
    proxy.freeze();
    // It relies on a connection that was used a moment ago.
    let lost = in_time(store.load_events(stream(1), None)).await;
    assert_eq!(reason(lost), UnavailableReason::TimedOut);
    assert_eq!(
        in_time(ids(&store, 1)).await,
        [0, 1, 2],
        "the next one has a new connection"
    );
    let stats = store.stats();
    assert_eq!(
        (stats.connections_idle, stats.connections_lost),
        (1, 8),
        "the dead ones are gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_hears_nothing_listens_again() {
    let never = Duration::from_hours(1);
    let (database, proxy, store) = behind_proxy(options().notifications(true).idle_poll_interval(never)).await;
    let elsewhere = open(&database).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.wait_for_events(Position::BEGINNING).await }
    });
    let listening = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND query LIKE 'LISTEN %'";
    let count = async || support::scalar::<i64>(&database, listening).await;
    wait_for(async || count().await == 1, PATIENCE, "a session that listens").await;
    proxy.freeze();
    wait_for(async || count().await == 2, PATIENCE, "another session that listens").await;
    append(&elsewhere, 1, 0..1).await;
    let woken = tokio::time::timeout(PATIENCE, waiting).await;
    woken.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_accepts_no_connection_is_unreachable_in_time() {
    let (database, proxy, store) = behind_proxy(options()).await;
    append(&store, 1, 0..3).await;
    proxy.cut().await;
    proxy.hold_new_connections();
    let answers = join_all((0..16).map(|_| in_time(store.load_events(stream(1), None)))).await;
    for answer in answers {
        let reason = reason(answer);
        // Half of them wait for their turn to connect.
        assert!(
            matches!(reason, UnavailableReason::Unreachable | UnavailableReason::TimedOut),
            "{reason:?}"
        );
    }
    let opened = in_time(options().connect(&proxy.url(database.url()))).await;
    assert!(matches!(opened, Err(PostgresOpenError::Unreachable(_))), "{opened:?}");
    proxy.resume();
    recovers(&store).await;
    assert_eq!(ids(&store, 1).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_is_unavailable_to_every_call_until_it_comes_back() {
    let (_database, proxy, store) = behind_proxy(options()).await;
    append(&store, 1, 0..3).await;
    proxy.freeze_all();
    let unavailable = |answer: Result<(), ReadError>| {
        let reason = reason(answer);
        assert!(
            matches!(reason, UnavailableReason::Unreachable | UnavailableReason::TimedOut),
            "{reason:?}"
        );
    };
    unavailable(in_time(store.head()).await.map(drop));
    unavailable(in_time(store.wait_for_committed()).await.map(drop));
    unavailable(in_time(store.blocking_transactions()).await.map(drop));
    unavailable(in_time(store.ping()).await);
    assert!(in_time(store.load_snapshot(stream(1))).await.is_err());
    let closing = store.clone();
    proxy.thaw();
    recovers(&store).await;
    assert_eq!(ids(&store, 1).await, [0, 1, 2]);
    proxy.freeze_all();
    in_time(closing.close()).await;
}
