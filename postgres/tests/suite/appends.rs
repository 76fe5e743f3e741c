//! What an append answers: conflicts with the truth, repetitions with the first result.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, Position, StreamAppend, Version};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::{DatabaseOptions, Proxy, TestDatabase};
use sqlx::Executor;

use crate::{
    strangers::{insert, until},
    support::{self, actual, append, command, event, events, ids, open, stream},
};

const AHEAD: ExpectedVersion = ExpectedVersion::Exact(match Version::new(9) {
    Some(version) => version,
    None => Version::INITIAL,
});

/// A lone event, several, and a batch take three statements; each must tell the truth.
async fn every_path_tells_the_truth(database: &TestDatabase) {
    let store = open(database).await;
    append(&store, "old", 0..3).await;
    for (expected, own, truth) in [
        (ExpectedVersion::NoStream, "old", 3),
        (AHEAD, "old", 3),
        (AHEAD, "new", 0),
        (ExpectedVersion::StreamExists, "new", 0),
    ] {
        let one = store.append_events(stream(own), expected, events([100])).await;
        assert_eq!(actual(one), truth);
        let many = store.append_events(stream(own), expected, events(100..105)).await;
        assert_eq!(actual(many), truth);
        let entry = |events| StreamAppend::new(stream(own), expected, events);
        let other = || StreamAppend::new(stream("other"), ExpectedVersion::Any, events([200]));
        assert_eq!(
            actual(store.append_batch(vec![other(), entry(events([100]))]).await),
            truth
        );
        assert_eq!(actual(store.append_batch(vec![other(), entry(vec![])]).await), truth);
        assert_eq!(actual(store.append_batch(vec![entry(vec![])]).await), truth);
    }
    assert!(ids(&store, "other").await.is_empty());
    assert_eq!(ids(&store, "old").await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_names_the_true_version_whatever_the_statement() {
    every_path_tells_the_truth(&support::database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_names_the_true_version_on_partitions() {
    every_path_tells_the_truth(&support::partitioned_database().await).await;
}

/// A race that is lost to an open transaction: first an index says so, by the name of a partition's index.
async fn a_lost_race_is_a_conflict(database: &TestDatabase) {
    let store = open(database).await;
    let mut winner = support::stranger(database).await;
    winner.execute("BEGIN").await.unwrap();
    insert(&mut winner, &stream(1), 1, 1).await;
    let loser = store.append_events(stream(1), ExpectedVersion::NoStream, events([2]));
    let ended = async {
        crate::strangers::until_blocked(database, 1).await;
        winner.execute("COMMIT").await.unwrap();
    };
    let (answer, ()) = futures::join!(loser, ended);
    assert_eq!(actual(answer), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_lost_in_an_index_is_a_conflict() {
    a_lost_race_is_a_conflict(&support::database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_lost_in_the_index_of_a_partition_is_a_conflict() {
    a_lost_race_is_a_conflict(&support::partitioned_database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_another_language_is_understood() {
    // Messages are translated where the server has the language; whether it has, its codes are what is read.
    let database = support::database_with(DatabaseOptions::default().set("lc_messages", "C.UTF-8")).await;
    a_lost_race_is_a_conflict(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_won_against_a_transaction_that_rolls_back_is_an_append() {
    let database = support::database().await;
    let store = open(&database).await;
    let mut other = support::stranger(&database).await;
    other.execute("BEGIN").await.unwrap();
    insert(&mut other, &stream(1), 1, 1).await;
    let append = store.append_events(stream(1), ExpectedVersion::NoStream, events([2]));
    let ended = async {
        crate::strangers::until_blocked(&database, 1).await;
        other.execute("ROLLBACK").await.unwrap();
    };
    let (answer, ()) = futures::join!(append, ended);
    assert_eq!(answer.unwrap().version, Version::from(1));
    assert_eq!(ids(&store, 1).await, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identical_append_answers_its_first_result_whoever_wrote_since() {
    let database = support::database().await;
    let store = open(&database).await;
    let first = store
        .append_events(stream(1), ExpectedVersion::NoStream, events(0..3))
        .await
        .unwrap();
    append(&store, 1, 10..20).await;
    for store in [&store, &open(&database).await] {
        let again = store
            .append_events(stream(1), ExpectedVersion::NoStream, events(0..3))
            .await;
        assert_eq!(again.unwrap(), first.as_repeated());
        let part = store
            .append_events(stream(1), ExpectedVersion::NoStream, events(0..2))
            .await
            .unwrap();
        assert_eq!(part.version, Version::from(2));
    }
    let other = store
        .append_events(stream(1), ExpectedVersion::NoStream, events([0, 99]))
        .await;
    assert!(matches!(other, Err(AppendError::DuplicateId { id, .. }) if id == event(0).id));
    assert_eq!(ids(&store, 1).await.len(), 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identical_batch_answers_its_first_results() {
    let database = support::database().await;
    let store = open(&database).await;
    append(&store, "checked", 0..4).await;
    let batch = || {
        vec![
            StreamAppend::new(stream(1), ExpectedVersion::NoStream, events(10..12)),
            StreamAppend::check(stream("checked"), Version::from(4)),
            StreamAppend::check(stream("nowhere"), ExpectedVersion::NoStream),
            StreamAppend::new(stream(2), ExpectedVersion::NoStream, events([12])),
        ]
    };
    let first = store.append_batch(batch()).await.unwrap();
    let versions: Vec<u64> = first.iter().map(|appended| appended.version.get()).collect();
    assert_eq!(versions, [2, 4, 0, 1]);
    assert_eq!(first[2].position, Position::BEGINNING);
    let stored = store.load_events(stream("checked"), None).await.unwrap();
    assert_eq!(first[1].position, stored[3].position);
    let again: Vec<_> = first.iter().map(|appended| appended.as_repeated()).collect();
    assert_eq!(store.append_batch(batch()).await.unwrap(), again);
    let half = vec![
        StreamAppend::new(stream(1), ExpectedVersion::NoStream, events(10..12)),
        StreamAppend::new(stream(3), ExpectedVersion::NoStream, events([13])),
    ];
    assert_eq!(actual(store.append_batch(half).await), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_that_was_lost_is_found_by_sending_the_append_again() {
    let database = support::database().await;
    let proxy = Proxy::to_server_of(database.url()).await;
    let store = PostgresEventStore::connect(&proxy.url(database.url())).await.unwrap();
    append(&store, "warm", 0..1).await;
    proxy.swallow_answers_after(b"test-lost");
    let cut = async {
        until(&database, "SELECT count(*) FROM events WHERE stream_id = 'test-lost'").await;
        proxy.cut().await;
        proxy.resume();
    };
    let append = || store.append_events(stream("lost"), ExpectedVersion::NoStream, events([7]));
    let (answer, ()) = futures::join!(append(), cut);
    assert!(matches!(answer, Err(AppendError::OutcomeUnknown(_))), "{answer:?}");
    let again = append().await.unwrap();
    let stored = store.load_events(stream("lost"), None).await.unwrap();
    assert_eq!((stored.len(), stored[0].position), (1, again.position));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_repeated_by_itself_when_a_connection_is_lost() {
    let database = support::database().await;
    let proxy = Proxy::to_server_of(database.url()).await;
    let store = PostgresEventStore::connect(&proxy.url(database.url())).await.unwrap();
    append(&store, "warm", 0..1).await;
    proxy.swallow_answers_after(b"test-lost");
    let cut = async {
        until(&database, "SELECT count(*) FROM events WHERE stream_id = 'test-lost'").await;
        proxy.cut().await;
        proxy.resume();
    };
    let (answer, ()) = futures::join!(
        store.append_events(stream("lost"), ExpectedVersion::Any, events([7])),
        cut
    );
    assert!(matches!(answer, Err(AppendError::OutcomeUnknown(_))), "{answer:?}");
    assert_eq!(ids(&store, "lost").await, [7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_can_not_be_reached_makes_appends_unavailable() {
    let database = support::database().await;
    let proxy = Proxy::to_server_of(database.url()).await;
    let store = PostgresEventStore::connect(&proxy.url(database.url())).await.unwrap();
    proxy.refuse();
    proxy.cut().await;
    let lost = store.append_events(stream(1), ExpectedVersion::Any, events([1])).await;
    assert!(
        matches!(lost, Err(AppendError::OutcomeUnknown(_) | AppendError::Unavailable(_))),
        "{lost:?}"
    );
    let refused = store.append_events(stream(1), ExpectedVersion::Any, events([1])).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    proxy.resume();
    append(&store, 1, 2..3).await;
    assert_eq!(ids(&store, 1).await, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_stored_once_and_named_with_its_last_event() {
    let database = support::database().await;
    let store = open(&database).await;
    append(&store, 1, 0..2).await;
    let first = store
        .append_events(stream(1), ExpectedVersion::Any, command(5, events(10..13)))
        .await
        .unwrap();
    append(&store, 1, 20..22).await;
    for expected in [ExpectedVersion::Any, AHEAD, ExpectedVersion::Exact(Version::from(7))] {
        let again = store
            .append_events(stream(1), expected, command(5, events(30..31)))
            .await;
        assert!(
            matches!(again, Err(AppendError::DuplicateCommand { first: found, .. }) if found == first),
            "{again:?}"
        );
    }
}
