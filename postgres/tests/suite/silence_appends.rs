//! Appends and a network that falls silent: each is answered within its limits, and afterwards the store reports as stored
//! everything that the server holds.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, StreamAppend};
use composable_rust_postgres::TransactionError;
use composable_rust_postgres_fixture::{Proxy, wait_for};
use futures::future::join_all;
use sqlx::postgres::PgPoolOptions;

use crate::{
    silence::{behind_proxy, in_time, options, recovers},
    strangers::{Gate, until, until_blocked},
    support::{append, events, ids, open, stream},
};

/// Once the append is known, it is stored once, and the store says so.
async fn is_stored_once(store: &composable_rust_postgres::PostgresEventStore, own: u128) {
    let again = store.append_events(stream(own), ExpectedVersion::NoStream, events([own]));
    again.await.unwrap();
    assert_eq!(ids(store, own).await, [own]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_appends_in_flight_are_answered_and_what_the_server_holds_is_reported() {
    let (database, proxy, store) = behind_proxy(options()).await;
    let gate = Gate::closed(&database).await;
    let appends: Vec<_> = (0..16)
        .map(|own| {
            let store = store.clone();
            tokio::spawn(in_time(async move {
                store
                    .append_events(stream(own), ExpectedVersion::NoStream, events([own]))
                    .await
            }))
        })
        .collect();
    until_blocked(&database, 1).await;
    proxy.freeze();
    gate.open().await;
    for answer in join_all(appends).await {
        let answer = answer.unwrap();
        // Those of a later group may have gone through a new connection.
        assert!(
            matches!(
                answer,
                Ok(_) | Err(AppendError::OutcomeUnknown(_) | AppendError::Unavailable(_))
            ),
            "{answer:?}"
        );
    }
    recovers(&store).await;
    for own in 0..16 {
        in_time(is_stored_once(&store, own)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_on_an_idle_connection_that_died_silently_is_answered_and_another_one_goes_through() {
    let (database, proxy, store) = behind_proxy(options()).await;
    append(&store, 100, 0..1).await;
    proxy.freeze();
    let lost = store.append_events(stream(1), ExpectedVersion::NoStream, events([1]));
    let lost = in_time(lost).await;
    assert!(matches!(lost, Err(AppendError::OutcomeUnknown(_))), "{lost:?}");
    in_time(is_stored_once(&store, 1)).await;
    // The silent one does not hold up other streams either.
    in_time(is_stored_once(&store, 2)).await;
    assert_eq!(ids(&open(&database).await, 1).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_is_unknown_and_the_identical_batch_finds_it() {
    let (database, proxy, store) = behind_proxy(options()).await;
    append(&store, 2, 0..1).await;
    let batch = || {
        vec![
            StreamAppend::new(stream(1), ExpectedVersion::NoStream, events([1])),
            StreamAppend::check(stream(2), ExpectedVersion::StreamExists),
        ]
    };
    // With its semicolon: an isolation level is called READ COMMITTED.
    proxy.freeze_after(b"COMMIT;");
    let answer = in_time(store.append_batch(batch())).await;
    assert!(matches!(answer, Err(AppendError::OutcomeUnknown(_))), "{answer:?}");
    until(&database, "SELECT count(*) FROM events WHERE stream_id = 'test-1'").await;
    recovers(&store).await;
    let again = in_time(store.append_batch(batch())).await.unwrap();
    assert!(again[0].repeated, "{again:?}");
    assert_eq!(ids(&store, 1).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_to_a_server_that_accepts_no_connection_were_not_sent() {
    let (_database, proxy, store) = behind_proxy(options()).await;
    proxy.cut().await;
    proxy.hold_new_connections();
    let append = |own: u128| store.append_events(stream(own), ExpectedVersion::NoStream, events([own]));
    let answers = join_all((0..16).map(|own| in_time(append(own)))).await;
    for answer in answers {
        assert!(
            matches!(
                answer,
                Err(AppendError::Unavailable(_) | AppendError::OutcomeUnknown(_))
            ),
            "{answer:?}"
        );
    }
    proxy.resume();
    recovers(&store).await;
    for own in 0..16 {
        in_time(is_stored_once(&store, own)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_in_a_transaction_ends_in_time() {
    let (database, proxy, store) = behind_proxy(options()).await;
    let pool = sqlx::PgPool::connect(&proxy.url(database.url())).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    proxy.freeze();
    let append = StreamAppend::new(stream(1), ExpectedVersion::NoStream, events([1]));
    let answer = in_time(store.append_in(&mut transaction, vec![append])).await;
    assert!(
        matches!(answer, Err(TransactionError::Append(AppendError::Unavailable(_)))),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_of_an_applications_pool_are_not_relied_on_after_one_was_found_dead() {
    let database = crate::support::database().await;
    let proxy = Proxy::to_server_of(database.url()).await;
    let pool = PgPoolOptions::new().test_before_acquire(false).min_connections(4);
    let pool = pool.connect(&proxy.url(database.url())).await.unwrap();
    let store = options().from_pool(pool.clone()).await.unwrap();
    let idle = async || pool.num_idle() == 4;
    wait_for(idle, std::time::Duration::from_secs(30), "the pool to fill").await;
    proxy.freeze();
    let lost = in_time(store.load_events(stream(1), None)).await;
    assert!(lost.is_err());
    in_time(is_stored_once(&store, 2)).await;
}
