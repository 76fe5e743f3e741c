//! The proxy does what it is told, when it is told.

use std::time::Duration;

use composable_rust_postgres_fixture::{Proxy, TestDatabase, wait_for};
use sqlx::{Connection, Executor, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::connection::{count, execute};

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_commit_arrives_though_its_answer_is_swallowed_and_the_connection_cut() {
    let database = TestDatabase::empty().await;
    execute(database.url(), "CREATE TABLE events (id text)").await;
    let proxy = Proxy::to_server_of(database.url()).await;
    let mut connection = PgConnection::connect(&proxy.url(database.url())).await.unwrap();
    proxy.swallow_answers_after(b"order-42");
    let forwarded = proxy.forwarded(b"order-42");
    let append = tokio::spawn(async move { connection.execute("INSERT INTO events VALUES ('order-42')").await });
    forwarded.await;
    let committed = async || count(database.url()).await == "1";
    wait_for(committed, DEADLINE, "the row, seen from elsewhere").await;
    assert!(!append.is_finished(), "it waits for an answer that never comes");
    proxy.cut().await;
    assert!(append.await.unwrap().is_err());
    proxy.resume();
    let mut again = PgConnection::connect(&proxy.url(database.url())).await.unwrap();
    again.ping().await.unwrap();
}

/// A server that says back what it hears.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn ask(stream: &mut TcpStream, question: &[u8]) -> Option<Vec<u8>> {
    stream.write_all(question).await.ok()?;
    let mut answer = vec![0; question.len()];
    stream.read_exact(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test]
async fn cutting_ends_every_connection_and_no_later_one() {
    let proxy = Proxy::to(echo().await).await;
    let mut one = TcpStream::connect(proxy.address()).await.unwrap();
    let mut two = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut one, b"there?").await.unwrap(), b"there?");
    assert_eq!(ask(&mut two, b"there?").await.unwrap(), b"there?");
    proxy.cut().await;
    assert_eq!(ask(&mut one, b"there?").await, None);
    assert_eq!(ask(&mut two, b"there?").await, None);
    let mut three = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut three, b"there?").await.unwrap(), b"there?");
}

#[tokio::test]
async fn refusing_ends_new_connections_until_it_is_over() {
    let proxy = Proxy::to(echo().await).await;
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut old, b"there?").await.unwrap(), b"there?");
    proxy.refuse();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut new, b"there?").await, None);
    assert_eq!(ask(&mut old, b"there?").await.unwrap(), b"there?");
    proxy.resume();
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut new, b"there?").await.unwrap(), b"there?");
}

#[tokio::test]
async fn swallowing_passes_questions_on_and_answers_never() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut stream, b"there?").await.unwrap(), b"there?");
    proxy.swallow_answers();
    let forwarded = proxy.forwarded(b"still there?");
    stream.write_all(b"still there?").await.unwrap();
    forwarded.await;
    proxy.cut().await;
    let mut nothing = Vec::new();
    let _ = stream.read_to_end(&mut nothing).await;
    assert!(nothing.is_empty());
}

#[tokio::test(start_paused = true)]
async fn delay_holds_back_both_directions() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.delay(Duration::from_secs(3));
    let before = Instant::now();
    assert_eq!(ask(&mut stream, b"there?").await.unwrap(), b"there?");
    assert!(before.elapsed() >= Duration::from_secs(6), "the test's clock says so");
}
