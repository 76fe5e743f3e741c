//! Frozen connections are silent, lose nothing, and go on after a thaw.

use std::time::Duration;

use composable_rust_postgres_fixture::{Proxy, TestDatabase, wait_for};
use sqlx::{Connection, Executor, PgConnection, postgres::PgQueryResult};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

use crate::connection::{connect_as, count, execute, text};

const DEADLINE: Duration = Duration::from_secs(30);
const INSERT: &str = "INSERT INTO events VALUES ('order-42')";

type Answer = JoinHandle<Result<PgQueryResult, sqlx::Error>>;

/// A database with a table `events`, and a proxy to it.
async fn database_and_proxy() -> (TestDatabase, Proxy) {
    let database = TestDatabase::empty().await;
    execute(database.url(), "CREATE TABLE events (id text)").await;
    let proxy = Proxy::to_server_of(database.url()).await;
    (database, proxy)
}

/// A connection through the proxy that the server knows by `name`.
async fn connect(proxy: &Proxy, database: &TestDatabase, name: &str) -> Result<PgConnection, sqlx::Error> {
    connect_as(&proxy.url(database.url()), name).await
}

/// Sends a statement; the task ends with its answer.
fn send(mut connection: PgConnection, statement: &'static str) -> Answer {
    tokio::spawn(async move { connection.execute(statement).await })
}

/// The result of `future`, which a broken proxy would keep waiting for ever.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap()
}

/// What the server says about the sessions with this name: `active: SELECT 1`.
async fn sessions(database: &TestDatabase, name: &str) -> String {
    let query = format!(
        "SELECT coalesce(string_agg(state || ': ' || query, ', '), '') FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = '{name}'"
    );
    text(database.url(), &query).await
}

#[tokio::test]
async fn a_frozen_connection_gets_no_answer_and_a_later_one_does() {
    let (database, proxy) = database_and_proxy().await;
    let mut old = connect(&proxy, &database, "frozen").await.unwrap();
    old.execute("SELECT 'before'").await.unwrap();
    proxy.freeze();
    let frozen = send(old, INSERT);
    let mut new = connect(&proxy, &database, "later").await.unwrap();
    new.execute("SELECT 'later'").await.unwrap();
    assert!(!frozen.is_finished());
    assert_eq!(sessions(&database, "frozen").await, "idle: SELECT 'before'");
    assert_eq!(count(database.url()).await, "0");
    proxy.thaw();
    assert_eq!(soon(frozen).await.unwrap().unwrap().rows_affected(), 1);
    assert_eq!(count(database.url()).await, "1");
}

#[tokio::test]
async fn the_server_keeps_a_frozen_session_and_its_locks_until_the_client_closes_after_a_thaw() {
    let (database, proxy) = database_and_proxy().await;
    let mut old = connect(&proxy, &database, "frozen").await.unwrap();
    old.execute("BEGIN; LOCK TABLE events").await.unwrap();
    proxy.freeze();
    drop(old);
    let mut new = connect(&proxy, &database, "later").await.unwrap();
    let refused = new.execute("LOCK TABLE events NOWAIT").await;
    assert!(refused.is_err(), "the server has not seen the close");
    assert_eq!(
        sessions(&database, "frozen").await,
        "idle in transaction: BEGIN; LOCK TABLE events"
    );
    proxy.thaw();
    let is_gone = async || sessions(&database, "frozen").await.is_empty();
    wait_for(is_gone, DEADLINE, "the server to see the close").await;
}

#[tokio::test]
async fn a_client_does_not_see_that_the_server_ended_its_session_before_a_thaw() {
    let (database, proxy) = database_and_proxy().await;
    let old = connect(&proxy, &database, "ended").await.unwrap();
    proxy.freeze();
    assert_eq!(database.terminate_backends("ended").await, 1);
    let frozen = send(old, INSERT);
    connect(&proxy, &database, "later").await.unwrap().ping().await.unwrap();
    assert!(!frozen.is_finished());
    proxy.thaw();
    assert!(soon(frozen).await.unwrap().is_err());
    assert_eq!(count(database.url()).await, "0");
}

#[tokio::test]
async fn held_connections_reach_the_server_after_a_thaw() {
    let (database, proxy) = database_and_proxy().await;
    let mut old = connect(&proxy, &database, "existing").await.unwrap();
    proxy.hold_new_connections();
    // Accepted, although nothing is forwarded.
    let mut accepted = TcpStream::connect(proxy.address()).await.unwrap();
    accepted.write_all(b"no PostgreSQL").await.unwrap();
    let url = proxy.url(database.url());
    let held = tokio::spawn(async move { connect_as(&url, "held").await });
    old.execute("SELECT 'existing'").await.unwrap();
    assert!(!held.is_finished());
    assert_eq!(sessions(&database, "held").await, "");
    proxy.thaw();
    soon(held).await.unwrap().unwrap().ping().await.unwrap();
    connect(&proxy, &database, "later").await.unwrap();
}

#[tokio::test]
async fn freezing_all_silences_existing_and_later_connections() {
    let (database, proxy) = database_and_proxy().await;
    let old = connect(&proxy, &database, "frozen").await.unwrap();
    proxy.freeze_all();
    let frozen = send(old, INSERT);
    let url = proxy.url(database.url());
    let held = tokio::spawn(async move { connect_as(&url, "held").await });
    // Each count is a round trip to the server beside the proxy.
    assert_eq!(count(database.url()).await, "0");
    assert!(!frozen.is_finished() && !held.is_finished());
    assert_eq!(sessions(&database, "held").await, "");
    proxy.thaw();
    soon(frozen).await.unwrap().unwrap();
    soon(held).await.unwrap().unwrap().ping().await.unwrap();
    assert_eq!(count(database.url()).await, "1");
}

#[tokio::test]
async fn after_resume_later_connections_are_served_and_frozen_ones_stay_silent_until_cut() {
    let (database, proxy) = database_and_proxy().await;
    let old = connect(&proxy, &database, "frozen").await.unwrap();
    proxy.freeze_all();
    proxy.resume();
    let frozen = send(old, INSERT);
    connect(&proxy, &database, "later").await.unwrap().ping().await.unwrap();
    assert!(!frozen.is_finished());
    proxy.cut().await;
    assert!(soon(frozen).await.unwrap().is_err());
    let is_gone = async || sessions(&database, "frozen").await.is_empty();
    wait_for(is_gone, DEADLINE, "the server to see the cut").await;
    assert_eq!(count(database.url()).await, "0");
}

#[tokio::test]
async fn a_commit_arrives_and_its_answer_is_held_until_a_thaw() {
    let (database, proxy) = database_and_proxy().await;
    let mut one = connect(&proxy, &database, "one").await.unwrap();
    let mut other = connect(&proxy, &database, "other").await.unwrap();
    one.execute("BEGIN").await.unwrap();
    one.execute(INSERT).await.unwrap();
    proxy.freeze_after(b"COMMIT");
    let frozen = proxy.forwarded(b"COMMIT");
    let commit = send(one, "COMMIT");
    soon(frozen).await;
    let committed = async || count(database.url()).await == "1";
    wait_for(committed, DEADLINE, "the commit").await;
    other.execute("BEGIN; COMMIT").await.unwrap();
    assert!(!commit.is_finished());
    assert_eq!(sessions(&database, "one").await, "idle: COMMIT");
    proxy.thaw();
    soon(commit).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_statement_goes_on_at_the_server_while_its_client_hears_nothing() {
    let (database, proxy) = database_and_proxy().await;
    let mut blocker = PgConnection::connect(database.url()).await.unwrap();
    blocker.execute("BEGIN; LOCK TABLE events").await.unwrap();
    let one = connect(&proxy, &database, "one").await.unwrap();
    proxy.freeze_after(b"order-42");
    let frozen = proxy.forwarded(b"order-42");
    let insert = send(one, INSERT);
    soon(frozen).await;
    let is_active = async || sessions(&database, "one").await == format!("active: {INSERT}");
    wait_for(is_active, DEADLINE, "the statement at the server").await;
    blocker.execute("COMMIT").await.unwrap();
    let inserted = async || count(database.url()).await == "1";
    wait_for(inserted, DEADLINE, "the row").await;
    assert!(!insert.is_finished());
    proxy.thaw();
    soon(insert).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_held_arrives_whole_and_in_order_before_a_close() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap().to_string()).await;
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    proxy.freeze();
    let request = sent.clone();
    let writes = tokio::spawn(async move { client.write_all(&request).await });
    // The proxy serves a later connection meanwhile.
    let mut later = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut new, _) = soon(listener.accept()).await.unwrap();
    later.write_all(b"later").await.unwrap();
    soon(new.read_exact(&mut [0; 5])).await.unwrap();
    let nothing = server.try_read(&mut [0; 1]);
    assert_eq!(nothing.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    proxy.thaw();
    let mut received = Vec::new();
    soon(server.read_to_end(&mut received)).await.unwrap();
    soon(writes).await.unwrap().unwrap();
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
}

#[tokio::test]
async fn a_held_connection_is_opened_at_the_server_after_a_thaw() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap().to_string()).await;
    let connect = async |name: &[u8; 5]| {
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_all(name).await.unwrap();
        client
    };
    let hear = async |server: &mut TcpStream| {
        let mut name = [0; 5];
        soon(server.read_exact(&mut name)).await.unwrap();
        name
    };
    let mut first = connect(b"first").await;
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    assert_eq!(hear(&mut server).await, *b"first");
    proxy.hold_new_connections();
    let _held = connect(b"held.").await;
    // When these bytes have passed, the proxy has accepted the connection before them.
    first.write_all(b"again").await.unwrap();
    assert_eq!(hear(&mut server).await, *b"again");
    proxy.resume();
    let _later = connect(b"later").await;
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    assert_eq!(hear(&mut server).await, *b"later");
    proxy.thaw();
    let (mut server, _) = soon(listener.accept()).await.unwrap();
    assert_eq!(hear(&mut server).await, *b"held.");
}
