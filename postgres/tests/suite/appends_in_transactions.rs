//! Appends that are part of a transaction of the caller's.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, StreamAppend, Version};
use composable_rust_postgres::{PostgresEventStore, TransactionError};
use composable_rust_postgres_fixture::TestDatabase;
use sqlx::{Executor, PgPool};

use crate::{
    strangers::{insert, number, until_blocked},
    support::{self, append, command, events, ids, open, stranger, stream},
};

/// A store, and a pool for transactions that also write elsewhere.
async fn with_view(database: &TestDatabase) -> (PostgresEventStore, PgPool) {
    support::execute(database, "CREATE TABLE view (n BIGINT NOT NULL)").await;
    (open(database).await, PgPool::connect(database.url()).await.unwrap())
}

fn entry(own: u32, expected: impl Into<ExpectedVersion>, ids: impl IntoIterator<Item = u128>) -> StreamAppend {
    StreamAppend::new(stream(own), expected, events(ids))
}

const VIEW: &str = "SELECT count(*) FROM view";

#[tokio::test(flavor = "multi_thread")]
async fn events_and_what_else_the_transaction_writes_are_there_together_or_not() {
    let database = support::database().await;
    let (store, pool) = with_view(&database).await;
    for commit in [false, true] {
        let mut transaction = pool.begin().await.unwrap();
        let batch = vec![
            entry(1, ExpectedVersion::NoStream, [1, 2]),
            entry(2, ExpectedVersion::Any, [3]),
        ];
        let appended = store.append_in(&mut transaction, batch).await.unwrap();
        transaction.execute("INSERT INTO view VALUES (1)").await.unwrap();
        assert!(ids(&store, 1).await.is_empty());
        if commit {
            transaction.commit().await.unwrap();
            let stored = store.load_events(stream(1), None).await.unwrap();
            assert_eq!(
                (stored[1].version, stored[1].position),
                (appended[0].version, appended[0].position)
            );
        } else {
            transaction.rollback().await.unwrap();
        }
        let mut connection = stranger(&database).await;
        assert_eq!(number(&mut connection, VIEW).await, i64::from(commit));
        assert_eq!(ids(&store, 1).await.len(), 2 * usize::from(commit));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_append_leaves_the_transaction_usable() {
    let database = support::database().await;
    let (store, pool) = with_view(&database).await;
    append(&store, 1, 0..2).await;
    store
        .append_events(stream(1), ExpectedVersion::Any, command(7, events([5])))
        .await
        .unwrap();
    let mut transaction = pool.begin().await.unwrap();
    let mut refused = async |append| store.append_in(&mut transaction, vec![append]).await.unwrap_err();
    let stale = refused(entry(1, Version::from(1), [10])).await;
    assert!(
        matches!(&stale, TransactionError::Append(AppendError::Conflict(conflict)) if conflict.actual.get() == 3),
        "{stale:?}"
    );
    let taken = refused(entry(1, ExpectedVersion::Any, [0])).await;
    assert!(
        matches!(taken, TransactionError::Append(AppendError::DuplicateId { .. })),
        "{taken:?}"
    );
    let again = refused(StreamAppend::new(
        stream(1),
        ExpectedVersion::Any,
        command(7, events([11])),
    ))
    .await;
    assert!(
        matches!(again, TransactionError::Append(AppendError::DuplicateCommand { .. })),
        "{again:?}"
    );
    transaction.execute("INSERT INTO view VALUES (1)").await.unwrap();
    store
        .append_in(&mut transaction, vec![entry(1, Version::from(3), [12])])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(ids(&store, 1).await, [0, 1, 5, 12]);
    assert_eq!(number(&mut stranger(&database).await, VIEW).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_older_than_the_streams_last_event_is_refused() {
    let database = support::database().await;
    let (store, pool) = with_view(&database).await;
    append(&store, 1, 0..1).await;
    let mut transaction = pool.begin().await.unwrap();
    // From here on it has a transaction id.
    transaction.execute("INSERT INTO view VALUES (1)").await.unwrap();
    append(&store, 1, 1..2).await;
    for expected in [ExpectedVersion::Any, Version::from(2).into()] {
        let refused = store.append_in(&mut transaction, vec![entry(1, expected, [10])]).await;
        assert!(
            matches!(&refused, Err(TransactionError::TooOld { stream_id }) if *stream_id == stream(1)),
            "{refused:?}"
        );
    }
    // It is not too old for other streams, and goes on.
    store
        .append_in(&mut transaction, vec![entry(2, ExpectedVersion::NoStream, [11])])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!((ids(&store, 1).await, ids(&store, 2).await), (vec![0, 1], vec![11]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_overtaken_in_the_middle_of_its_append_is_refused() {
    let database = support::database().await;
    let (store, pool) = with_view(&database).await;
    let mut transaction = pool.begin().await.unwrap();
    transaction.execute("INSERT INTO view VALUES (1)").await.unwrap();
    let mut other = stranger(&database).await;
    other.execute("BEGIN").await.unwrap();
    insert(&mut other, &stream(1), 1, 1).await;
    let append = store.append_in(&mut transaction, vec![entry(1, ExpectedVersion::Any, [2])]);
    let overtaken = async {
        until_blocked(&database, 1).await;
        other.execute("COMMIT").await.unwrap();
    };
    let (answer, ()) = futures::join!(append, overtaken);
    assert!(matches!(answer, Err(TransactionError::TooOld { .. })), "{answer:?}");
    assert_eq!(ids(&store, 1).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_appends_of_one_transaction_follow_each_other() {
    let database = support::database().await;
    let (store, pool) = with_view(&database).await;
    let mut transaction = pool.begin().await.unwrap();
    for n in 0..3_u8 {
        let append = vec![entry(1, Version::from(u32::from(n)), [n.into()])];
        store.append_in(&mut transaction, append).await.unwrap();
    }
    let repeated = store
        .append_in(&mut transaction, vec![entry(1, ExpectedVersion::NoStream, [0])])
        .await
        .unwrap();
    assert_eq!((repeated[0].version, repeated[0].repeated), (Version::from(1), true));
    transaction.commit().await.unwrap();
    assert_eq!(ids(&store, 1).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_does_not_see_what_others_commit_is_refused() {
    let database = support::database().await;
    let (store, pool) = with_view(&database).await;
    for begin in [
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
    ] {
        let mut transaction = pool.begin_with(begin).await.unwrap();
        let refused = store
            .append_in(&mut transaction, vec![entry(1, ExpectedVersion::Any, [1])])
            .await;
        assert!(
            matches!(refused, Err(TransactionError::NotReadCommitted { .. })),
            "{refused:?}"
        );
        transaction.execute("INSERT INTO view VALUES (1)").await.unwrap();
        transaction.commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_is_stored_already_says_so_and_a_new_one_does_not() {
    let database = support::database().await;
    let (store, pool) = with_view(&database).await;
    for is_repeated in [false, true] {
        let mut transaction = pool.begin().await.unwrap();
        let batch = vec![
            entry(1, ExpectedVersion::NoStream, [1, 2]),
            entry(2, ExpectedVersion::NoStream, [3]),
        ];
        let appended = store.append_in(&mut transaction, batch).await.unwrap();
        assert!(
            appended.iter().all(|appended| appended.repeated == is_repeated),
            "{appended:?}"
        );
        transaction.commit().await.unwrap();
    }
}

async fn assert_other_log(store: &PostgresEventStore, pool: &PgPool) {
    let mut transaction = pool.begin().await.unwrap();
    let refused = store
        .append_in(&mut transaction, vec![entry(1, ExpectedVersion::Any, [1])])
        .await;
    assert!(matches!(refused, Err(TransactionError::OtherLog { .. })), "{refused:?}");
    // The transaction goes on.
    transaction.execute("SELECT 1").await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_leads_to_another_log_is_refused() {
    let database = support::database().await;
    let options = PostgresEventStore::options().schema("orders").migrate_on_connect(true);
    let orders = options.connect(database.url()).await.unwrap();
    let pool = PgPool::connect(database.url()).await.unwrap();
    assert_other_log(&orders, &pool).await;

    let other = support::database().await;
    let elsewhere = PgPool::connect(other.url()).await.unwrap();
    assert_other_log(&open(&database).await, &elsewhere).await;
    let empty = TestDatabase::empty().await;
    assert_other_log(&open(&database).await, &PgPool::connect(empty.url()).await.unwrap()).await;

    let mut transaction = pool.begin().await.unwrap();
    transaction.execute("SET LOCAL search_path = orders").await.unwrap();
    let append = vec![entry(1, ExpectedVersion::NoStream, [1])];
    orders.append_in(&mut transaction, append).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(ids(&orders, 1).await, [1]);
    for store in [open(&database).await, open(&other).await] {
        assert!(ids(&store, 1).await.is_empty());
    }
}
