//! How long the server holds on to what its client has given up.

use std::time::Duration;

use composable_rust_core::{EventLog, EventStore, ExpectedVersion, ReadError, StreamAppend, UnavailableReason};
use composable_rust_postgres_fixture::{Server, wait_for};
use sqlx::{Connection, Executor, PgConnection};

use crate::{
    silence::{STATEMENT, behind_proxy, in_time, options},
    strangers::number,
    support::{self, append, event, events, open, stranger, stream},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_head_passes_the_transaction_of_a_client_that_fell_silent() {
    let (database, proxy, store) = behind_proxy(options()).await;
    let direct = open(&database).await;
    append(&direct, 2, 0..1).await;
    // Silence once the events are on their way, in a transaction that has an id and waits for its COMMIT.
    let marker = 0xfeed_beef_dead_cafe_feed_beef_dead_cafe_u128;
    proxy.freeze_after(&event(marker).data);
    let frozen = proxy.forwarded(&event(marker).data);
    let appending = tokio::spawn(async move {
        let batch = vec![
            StreamAppend::new(stream(1), ExpectedVersion::NoStream, events([marker])),
            StreamAppend::check(stream(2), ExpectedVersion::StreamExists),
        ];
        store.append_batch(batch).await
    });
    frozen.await;
    let newest = direct.append_events(stream(3), ExpectedVersion::Any, events([3])).await;
    let newest = newest.unwrap().position;
    let passed = async || direct.head().await.unwrap() >= newest;
    wait_for(passed, STATEMENT + Duration::from_secs(10), "the head to pass").await;
    assert!(support::ids(&direct, 1).await.is_empty(), "it was rolled back");
    appending.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_what_was_committed_ends_and_names_the_transaction_in_the_way() {
    // A server of its own: on a shared one, transactions of other tests may be older.
    let server = Server::start(&[]).await;
    let url = server.url("postgres");
    let store = options().migrate_on_connect(true).connect(&url).await.unwrap();
    let mut idle = PgConnection::connect(&url).await.unwrap();
    idle.execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    let pid = number(&mut idle, "SELECT pg_backend_pid()::bigint").await;
    append(&store, 1, 0..1).await;
    let waited = in_time(store.wait_for_committed()).await;
    let Err(ReadError::Unavailable(unavailable)) = waited else {
        panic!("{waited:?}")
    };
    assert_eq!(unavailable.reason, UnavailableReason::HeldBack);
    let source = unavailable.source.to_string();
    let named = format!("session {pid} in database postgres");
    assert!(source.contains(&named), "{source}");
    idle.execute("COMMIT").await.unwrap();
    assert_eq!(
        in_time(store.wait_for_committed()).await.unwrap(),
        store.head().await.unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_ended_by_the_server_and_costs_no_connection() {
    let database = support::database().await;
    let store = options().connect(database.url()).await.unwrap();
    append(&store, 1, 0..1).await;
    let mut keeper = stranger(&database).await;
    keeper
        .execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let answer = in_time(store.load_events(stream(1), None)).await;
    let Err(ReadError::Unavailable(unavailable)) = answer else {
        panic!("{answer:?}")
    };
    assert!(
        matches!(
            unavailable.reason,
            UnavailableReason::Busy | UnavailableReason::TimedOut
        ),
        "{unavailable:?}"
    );
    keeper.execute("ROLLBACK").await.unwrap();
    assert_eq!(support::ids(&store, 1).await, [0]);
}
