//! Copies of a store that is running.

use std::fs;

use composable_rust_core::{EventLog, EventStore, Position, ReadAll, ReadError, Snapshot};
use composable_rust_sqlite::{BackupError, FileMismatch, SqliteEventStore};
use sqlx::Executor;

use crate::support::{self, stream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_consistent_while_the_store_is_written() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..5000).await;
    let large = Snapshot {
        version: 5000.into(),
        schema: 1,
        data: vec![7; 3 << 20],
    };
    store.save_snapshot(stream(1), large.clone()).await.unwrap();
    let mut application = support::stranger(&path).await;
    application.execute("CREATE TABLE orders (id INTEGER)").await.unwrap();
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for n in (5000..6000).step_by(2) {
                support::append(&store, 1, n..n + 2).await;
            }
        }
    });
    for round in 0..3 {
        let copy = directory.path().join(format!("backup-{round}.db"));
        let before = store.head().await.unwrap();
        store.backup(&copy).await.unwrap();
        let restored = support::open(&copy).await;
        let head = restored.head().await.unwrap();
        assert!(
            head >= before && head.parts()[2].is_multiple_of(2),
            "an append is whole or not there"
        );
        let events = restored.load_events(stream(1), None).await.unwrap();
        assert_eq!(events.len() as u64, head.parts()[2]);
        let originals = store.load_events(stream(1), None).await.unwrap();
        assert!(originals.starts_with(&events));
        assert_eq!(restored.load_snapshot(stream(1)).await.unwrap().as_ref(), Some(&large));
        // It guards itself like any store, has the application's table, and can be appended to.
        let mut copied = support::stranger(&copy).await;
        assert!(copied.execute("DELETE FROM events").await.is_err());
        copied.execute("INSERT INTO orders VALUES (1)").await.unwrap();
        support::append(&restored, 2, 0..1).await;
        restored.close().await;
    }
    writing.await.unwrap();
    let page = store.read_all(ReadAll::after(Position::BEGINNING)).await.unwrap();
    assert_eq!(page.events.len(), ReadAll::after(Position::BEGINNING).limit.min(6000));
}

#[tokio::test]
async fn a_store_in_memory_can_be_kept() {
    let directory = support::directory();
    let copy = directory.path().join("kept.db");
    let store = SqliteEventStore::in_memory().await.unwrap();
    support::append(&store, 1, 0..3).await;
    store.backup(&copy).await.unwrap();
    assert_eq!(
        support::open(&copy)
            .await
            .load_events(stream(1), None)
            .await
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_leaves_nothing_behind() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    let (taken, incomplete) = (
        directory.path().join("taken.db"),
        directory.path().join("new.db.incomplete"),
    );
    for file in [&taken, &incomplete] {
        fs::write(file, "a letter").unwrap();
    }
    for (target, named) in [
        (&taken, &taken),
        (&directory.path().join("new.db"), &incomplete),
        (&path, &path),
    ] {
        let refused = store.backup(target).await;
        assert!(
            matches!(&refused, Err(BackupError::Exists { path }) if path == named),
            "{refused:?}"
        );
    }
    for file in [&taken, &incomplete] {
        assert_eq!(fs::read_to_string(file).unwrap(), "a letter");
    }
    let missing = directory.path().join("missing/backup.db");
    assert!(matches!(store.backup(&missing).await, Err(BackupError::Io { .. })));
    let before = fs::read_dir(directory.path()).unwrap().count();
    store.close().await;
    fs::remove_file(&path).unwrap();
    assert!(store.backup(directory.path().join("late.db")).await.is_err());
    assert!(fs::read_dir(directory.path()).unwrap().count() < before);
}

#[tokio::test]
async fn a_file_that_was_replaced_is_not_backed_up() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    fs::remove_file(&path).unwrap();
    let refused = store.backup(directory.path().join("backup.db")).await;
    let told = matches!(&refused, Err(BackupError::Store(ReadError::Backend(source))) if source.is::<FileMismatch>());
    assert!(told, "{refused:?}");
    assert!(!directory.path().join("backup.db").exists());
}

#[tokio::test]
async fn a_read_only_store_can_be_backed_up() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    let reader = support::opened(SqliteEventStore::options().read_only(true).open(&path).await);
    let copy = directory.path().join("backup.db");
    reader.backup(&copy).await.unwrap();
    assert_eq!(
        support::open(&copy)
            .await
            .load_events(stream(1), None)
            .await
            .unwrap()
            .len(),
        3
    );
}
