//! The schema and how files get to it.

use composable_rust_core::EventStore;
use composable_rust_sqlite::{SqliteEventStore, SqliteOpenError};
use sqlx::Executor;

use crate::support::{self, stream};

/// Of every migration: a released one is never changed, since files that have seen it will not see it again.
const RELEASED: [(&str, &str, u64); 3] = [
    (
        "0000_migrations.sql",
        include_str!("../../migrations/0000_migrations.sql"),
        0x83d3_d61f_8524_7552,
    ),
    (
        "0001_events.sql",
        include_str!("../../migrations/0001_events.sql"),
        0x2778_101a_b9dc_7df8,
    ),
    (
        "0002_snapshot_parts.sql",
        include_str!("../../migrations/0002_snapshot_parts.sql"),
        0xbf54_2112_1a7c_89b5,
    ),
];

/// FNV-1a: it only has to notice an edit.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn released_migrations_are_never_changed() {
    for (name, text, released) in RELEASED {
        assert_eq!(
            hash(text),
            released,
            "{name} was changed: write a new migration instead"
        );
    }
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    let again = support::open(&path).await;
    assert_eq!(again.load_events(stream(1), None).await.unwrap().len(), 3);
    let mut connection = support::stranger(&path).await;
    let applied = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM event_store_migrations");
    assert_eq!(applied.fetch_one(&mut connection).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn five_at_once_migrate_one_new_file() {
    for _ in 0..10 {
        let directory = support::directory();
        let path = directory.path().join("events.db");
        let openers: Vec<_> = (0..5)
            .map(|own| {
                let path = path.clone();
                tokio::spawn(async move {
                    let store = support::open(&path).await;
                    support::append(&store, own, 0..2).await;
                })
            })
            .collect();
        for opener in openers {
            opener.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_of_a_newer_schema_is_refused() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    support::open(&path).await.close().await;
    let mut connection = support::stranger(&path).await;
    connection
        .execute("INSERT INTO event_store_migrations VALUES (99, 'from the future', 0)")
        .await
        .unwrap();
    let refused = SqliteEventStore::open(&path).await;
    assert!(matches!(
        refused,
        Err(SqliteOpenError::NewerSchema { found: 99, known: 2 })
    ));
}
