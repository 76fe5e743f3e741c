//! Many writers at once, of one process and of several.

use composable_rust_core::{AppendError, EventStore, ExpectedVersion, StreamAppend, Version};
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::{DatabaseOptions, TestDatabase};
use sqlx::Row;
use tokio::task::JoinSet;

use crate::{
    strangers::number,
    support::{self, command, events, ids, open, stranger, stream},
};

/// Several stores, as if they were several processes.
async fn processes(database: &TestDatabase, count: usize) -> Vec<PostgresEventStore> {
    let mut stores = Vec::new();
    for _ in 0..count {
        let options = PostgresEventStore::options().max_connections(2);
        stores.push(options.connect(database.url()).await.unwrap());
    }
    stores
}

/// Whether a stream is 1, 2, 3, with these ids in any order.
async fn assert_dense(database: &TestDatabase, count: u128) {
    let store = open(database).await;
    let mut found = ids(&store, 1).await;
    let versions = store.load_events(stream(1), None).await.unwrap();
    let versions: Vec<u128> = versions.iter().map(|event| event.version.get().into()).collect();
    assert_eq!(versions, (1..=count).collect::<Vec<_>>());
    found.sort_unstable();
    assert_eq!(found, (0..count).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_many_processes_who_expect_nothing_all_succeed() {
    let database = support::database().await;
    let mut writers = JoinSet::new();
    for (writer, store) in (0_u128..).zip(processes(&database, 20).await) {
        writers.spawn(async move {
            for n in 0..100 {
                let appended = store.append_events(stream(1), ExpectedVersion::Any, events([writer * 100 + n]));
                appended.await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_dense(&database, 2_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_writers_who_expect_the_same_version_one_wins_and_the_others_learn_the_truth() {
    let database = support::database().await;
    let stores = processes(&database, 8).await;
    for round in 0..50_u64 {
        let expected = ExpectedVersion::Exact(Version::try_from(round.cast_signed()).unwrap());
        let mut writers = JoinSet::new();
        for (writer, store) in (0_u128..).zip(stores.iter().cloned()) {
            let id = u128::from(round) * 100 + writer;
            writers.spawn(async move { store.append_events(stream(1), expected, events([id])).await });
        }
        let (won, lost): (Vec<_>, Vec<_>) = writers.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for answer in lost {
            assert_eq!(support::actual(answer), round + 1);
        }
    }
}

/// 8 racers, 100 commands of 2 events: one first result each, and the others name it.
async fn race_for_commands(database: &TestDatabase) {
    let mut racers = JoinSet::new();
    for (racer, store) in (0_u128..).zip(processes(database, 8).await) {
        racers.spawn(async move {
            let mut answers = Vec::new();
            for n in 0..100 {
                let own = events([racer * 1_000 + 2 * n, racer * 1_000 + 2 * n + 1]);
                let append = store.append_events(stream(1), ExpectedVersion::Any, command(n, own));
                answers.push(append.await);
            }
            answers
        });
    }
    let all = racers.join_all().await;
    for n in 0..100 {
        let of_command: Vec<_> = all.iter().map(|answers| &answers[n]).collect();
        let mut firsts = of_command.iter().filter_map(|answer| answer.as_ref().ok());
        let first = firsts.next().unwrap();
        assert!(firsts.next().is_none());
        for answer in of_command {
            match answer {
                Ok(_) => {}
                Err(AppendError::DuplicateCommand { first: found, .. }) => assert_eq!(found, first),
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    assert_eq!(ids(&open(database).await, 1).await.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn racers_for_a_command_store_it_once() {
    race_for_commands(&support::database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racers_for_a_command_store_it_once_on_partitions() {
    race_for_commands(&support::partitioned_database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_in_opposite_orders_never_deadlock() {
    let database = support::database().await;
    let stores = processes(&database, 4).await;
    let mut writers = JoinSet::new();
    for (writer, store) in (0_u128..).zip(stores) {
        writers.spawn(async move {
            for n in 0..100 {
                let id = 2 * (writer * 100 + n);
                let mut streams = [1, 2];
                if writer % 2 == 1 {
                    streams.reverse();
                }
                let [one, other] = streams.map(stream);
                let batch = vec![
                    StreamAppend::new(one, ExpectedVersion::Any, events([id])),
                    StreamAppend::new(other, ExpectedVersion::Any, events([id + 1])),
                ];
                store.append_batch(batch).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let store = open(&database).await;
    assert_eq!((ids(&store, 1).await.len(), ids(&store, 2).await.len()), (400, 400));
    let mut connection = stranger(&database).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(number(&mut connection, deadlocks).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_batches_that_check_what_the_other_writes_one_wins() {
    let database = support::database().await;
    let stores = processes(&database, 2).await;
    let batch = |race: u32, own: &str, other: &str| {
        let name = |side: &str| stream(format!("{race}-{side}"));
        vec![
            StreamAppend::new(name(own), ExpectedVersion::NoStream, events([1])),
            StreamAppend::check(name(other), ExpectedVersion::NoStream),
        ]
    };
    for race in 0..300 {
        let (left, right) = futures::join!(
            stores[0].append_batch(batch(race, "a", "b")),
            stores[1].append_batch(batch(race, "b", "a")),
        );
        assert!(left.is_ok() != right.is_ok(), "race {race}: {left:?} {right:?}");
        let lost = if left.is_ok() { right } else { left };
        assert_eq!(support::actual(lost), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_serializable_by_default_disturbs_nobody() {
    let options = DatabaseOptions::default().set("default_transaction_isolation", "serializable");
    let database = support::database_with(options).await;
    let store = open(&database).await;
    let mut writers = JoinSet::new();
    for writer in 0..32_u128 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0..20 {
                store
                    .append_events(stream(writer), ExpectedVersion::Any, events([n]))
                    .await
                    .unwrap();
            }
        });
    }
    writers.join_all().await;
    let mut connection = stranger(&database).await;
    assert_eq!(number(&mut connection, "SELECT count(*) FROM events").await, 32 * 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_serve_a_hundred_callers() {
    let database = support::database().await;
    let store = PostgresEventStore::options()
        .max_connections(2)
        .connect(database.url())
        .await
        .unwrap();
    let mut callers = JoinSet::new();
    for caller in 0..100_u128 {
        let store = store.clone();
        callers.spawn(async move {
            for n in 0..10_u64 {
                let expected = ExpectedVersion::Exact(Version::try_from(n.cast_signed()).unwrap());
                store
                    .append_events(stream(caller), expected, events([u128::from(n)]))
                    .await
                    .unwrap();
                store.load_events(stream(caller), None).await.unwrap();
            }
        });
    }
    callers.join_all().await;
    let mut connection = stranger(&database).await;
    let rows = sqlx::query("SELECT count(*), count(DISTINCT stream_id) FROM events")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!((rows.get::<i64, _>(0), rows.get::<i64, _>(1)), (1_000, 100));
}
