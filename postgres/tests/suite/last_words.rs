//! What a server says when it goes down in mid-append: its code alone does not tell whether the commit is on disk.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use composable_rust_core::{AppendError, EventStore, ExpectedVersion};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::{DatabaseOptions, wait_for};
use sqlx::{ConnectOptions, Connection, Executor, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

use crate::{
    strangers::number,
    support::{self, events, stream},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Between a client and a server: what holds `last` is answered with `words`, and the connection closed.
async fn speak(listener: TcpListener, server: SocketAddr, last: &'static [u8], words: Vec<u8>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, words) = (TcpStream::connect(server).await.unwrap(), words.clone());
        tokio::spawn(async move {
            let (mut questions, mut answers) = client.into_split();
            let (mut back, mut forth) = server.into_split();
            let never = AtomicBool::new(false);
            tokio::select! {
                _ = ask(&mut questions, &mut forth, last, &never) => drop(answers.write_all(&words).await),
                _ = copy(&mut back, &mut answers) => {}
            }
        });
    }
}

/// Passes questions on until one holds `last`, unless one did before, or they end. Whether one does.
async fn ask(
    questions: &mut (impl AsyncRead + Unpin),
    server: &mut (impl AsyncWrite + Unpin),
    last: &[u8],
    was_asked: &AtomicBool,
) -> bool {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = questions.read(&mut buffer).await {
        let question = &buffer[..length];
        let is_last = question.windows(last.len()).any(|part| part == last);
        if is_last && !was_asked.swap(true, Ordering::SeqCst) {
            return true;
        }
        server.write_all(question).await.unwrap();
    }
    false
}

/// <https://www.postgresql.org/docs/current/protocol-error-fields.html>
fn error(severity: &str, code: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0Mthese are its last words\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [&b"E"[..], &length.to_be_bytes(), fields.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_down_over_an_append_leaves_its_outcome_unknown_whatever_its_code() {
    let database = support::database().await;
    let options: PgConnectOptions = database.url().parse().unwrap();
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let server = tokio::net::lookup_host(server).await.unwrap().next().unwrap();
    for (severity, code) in [
        ("PANIC", "53100"),
        ("FATAL", "53200"),
        ("FATAL", "57P01"),
        ("FATAL", "25006"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = options
            .clone()
            .host("127.0.0.1")
            .port(listener.local_addr().unwrap().port());
        let between = tokio::spawn(speak(listener, server, b"test-1", error(severity, code)));
        let store = PostgresEventStore::connect(here.to_url_lossy().as_str()).await.unwrap();
        let answer = store
            .append_events(stream(1), ExpectedVersion::NoStream, events([1]))
            .await;
        assert!(
            matches!(answer, Err(AppendError::OutcomeUnknown(_))),
            "{severity} {code}: {answer:?}"
        );
        between.abort();
    }
}

const NOBODY: &str = "SELECT (count(*) = 1)::int::bigint FROM pg_stat_activity
                      WHERE datname = current_database() AND backend_type = 'client backend'";

/// A connection that outlives the store's sessions, and sees them end.
async fn until_nobody(patient: &mut sqlx::PgConnection) {
    let is_gone = async || number(patient, NOBODY).await > 0;
    wait_for(is_gone, PATIENCE, "the end of the store's session").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_on_a_session_that_was_ended_for_its_idleness_is_written_on_another() {
    let impatient = DatabaseOptions::default().set("idle_session_timeout", "100ms");
    let database = support::database_with(impatient).await;
    let store = support::open(&database).await;
    let mut patient = sqlx::PgConnection::connect(database.url()).await.unwrap();
    patient.execute("SET idle_session_timeout = 0").await.unwrap();
    until_nobody(&mut patient).await;
    let append = store.append_events(stream(1), ExpectedVersion::NoStream, events([1]));
    append.await.unwrap();
    assert_eq!(support::ids(&store, 1).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_on_a_session_that_was_ended_while_idle_is_written_on_another() {
    let database = support::database().await;
    let quiet = PostgresEventStore::options().notifications(false);
    let store = quiet.connect(database.url()).await.unwrap();
    let mut patient = sqlx::PgConnection::connect(database.url()).await.unwrap();
    for (id, expected) in [(1, ExpectedVersion::NoStream), (2, ExpectedVersion::Any)] {
        // Several connections, all of which are ended.
        futures::future::join_all((0..4).map(|own| support::ids(&store, own))).await;
        let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        assert!(number(&mut patient, ended).await >= 1);
        until_nobody(&mut patient).await;
        store.append_events(stream(1), expected, events([id])).await.unwrap();
    }
    assert_eq!(support::ids(&store, 1).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_was_stored_when_its_session_ended_is_found() {
    let database = support::database().await;
    let options: PgConnectOptions = database.url().parse().unwrap();
    let server = format!("{}:{}", options.get_host(), options.get_port());
    let server = tokio::net::lookup_host(server).await.unwrap().next().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let here = options.clone().host("127.0.0.1").port(here.port());
    // As if the answer to the append had been overtaken by the end of the session.
    let other = support::open(&database).await;
    let between = tokio::spawn(speak_once(listener, server, b"test-1", error("FATAL", "57P01"), other));
    let store = PostgresEventStore::connect(here.to_url_lossy().as_str()).await.unwrap();
    support::append(&store, 2, 0..1).await;
    let answer = store.append_events(stream(1), ExpectedVersion::Any, events([1])).await;
    assert_eq!(answer.unwrap().version.get(), 1);
    assert_eq!(support::ids(&store, 1).await, [1]);
    between.abort();
}

/// As [`speak`], but once; the append that holds `last` is written by another store.
async fn speak_once(
    listener: TcpListener,
    server: SocketAddr,
    last: &'static [u8],
    words: Vec<u8>,
    other: PostgresEventStore,
) {
    let spoken = Arc::new(AtomicBool::new(false));
    while let Ok((client, _)) = listener.accept().await {
        let (server, words) = (TcpStream::connect(server).await.unwrap(), words.clone());
        let (spoken, other) = (Arc::clone(&spoken), other.clone());
        tokio::spawn(async move {
            let (mut questions, mut answers) = client.into_split();
            let (mut back, mut forth) = server.into_split();
            let asked = async {
                if ask(&mut questions, &mut forth, last, &spoken).await {
                    support::append(&other, 1, 1..2).await;
                }
            };
            tokio::select! {
                () = asked => drop(answers.write_all(&words).await),
                _ = copy(&mut back, &mut answers) => {}
            }
        });
    }
}
