//! `docs/guides/sqlite-in-production.md` does what it says. Its Rust code is run as the doctests of the example.

use std::{fs, path::Path};

use composable_rust_core::EventStore;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row, sqlite::SqliteConnectOptions};

use crate::support::{self, stream};

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/sqlite-in-production.md");
    fs::read_to_string(path).unwrap()
}

fn statements() -> Vec<String> {
    let text = text();
    let blocks = text.split("\n```sql\n").skip(1);
    blocks
        .map(|block| block.split("\n```\n").next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn its_statements_copy_and_check_a_store_that_is_running() {
    let directory = support::directory();
    let path = directory.path().join("orders.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    let [copy, check] = statements().try_into().unwrap();
    let by_hand = directory.path().join("orders-by-hand.db");
    let copy = copy.replace("orders-by-hand.db", by_hand.to_str().unwrap());
    let mut tool = support::stranger(&path).await;
    tool.execute(AssertSqlSafe(copy)).await.unwrap();
    let row = tool.fetch_one(AssertSqlSafe(check)).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "ok");
    let copied = support::open(&by_hand).await;
    assert_eq!(copied.load_events(stream(1), None).await.unwrap().len(), 3);
}

/// What it says about restoring: the copy alone, under the old name.
#[tokio::test]
async fn a_copy_is_restored_as_it_says() {
    let directory = support::directory();
    let (path, copy) = (directory.path().join("orders.db"), directory.path().join("copy.db"));
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    store.backup(&copy).await.unwrap();
    support::append(&store, 1, 3..9).await;
    // Killed, so that the other files are left.
    let (log, index) = (
        directory.path().join("orders.db-wal"),
        directory.path().join("orders.db-shm"),
    );
    let left = [fs::read(&log).unwrap(), fs::read(&index).unwrap()];
    store.close().await;
    fs::write(&log, &left[0]).unwrap();
    fs::write(&index, &left[1]).unwrap();
    for file in [&path, &log, &index] {
        fs::remove_file(file).unwrap();
    }
    fs::rename(&copy, &path).unwrap();
    let restored = support::open(&path).await;
    assert_eq!(restored.load_events(stream(1), None).await.unwrap().len(), 3);
    support::append(&restored, 1, 3..4).await;
}

/// Another program's connection, for the table of what a store notices.
#[tokio::test]
async fn its_table_of_what_sqlite_refuses_is_right() {
    let directory = support::directory();
    let path = directory.path().join("orders.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    assert!(other.execute("PRAGMA journal_mode = DELETE").await.is_err());
    for change in ["UPDATE events SET event_data = x'00'", "DELETE FROM events"] {
        assert!(other.execute(AssertSqlSafe(change)).await.is_err(), "{change}");
    }
    other.execute("VACUUM").await.unwrap();
    support::append(&store, 1, 3..4).await;
}
