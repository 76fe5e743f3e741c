//! What other programs do to the files of an open store: what is not stored at the path is not acknowledged.

use std::{
    fs,
    path::{Path, PathBuf},
};

use composable_rust_core::{
    AppendError, EventLog, EventStore, ExpectedVersion, Position, ReadAll, ReadError, SharedError, Snapshot,
};
use composable_rust_sqlite::{FileMismatch, FileProblem, SqliteEventStore};
use sqlx::{AssertSqlSafe, Executor};
use tempfile::TempDir;

use crate::support::{self, event, stream};

/// Until the store has nothing more to do: what is written after a pause is checked before.
async fn pause() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

struct Opened {
    store: SqliteEventStore,
    directory: PathBuf,
    path: PathBuf,
    _parent: TempDir,
}

impl Opened {
    /// A store with three events, in a directory that can be renamed.
    async fn fresh() -> Self {
        let parent = support::directory();
        let directory = parent.path().join("data");
        fs::create_dir(&directory).unwrap();
        let path = directory.join("events.db");
        let store = support::open(&path).await;
        support::append(&store, 1, 0..3).await;
        pause().await;
        Self {
            store,
            directory,
            path,
            _parent: parent,
        }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        format!("{}{suffix}", self.path.display()).into()
    }

    /// Every way to write is refused with the same error, which names the file; and so are reads and the next calls.
    async fn assert_refused(&self, problem: FileProblem, file: &Path) {
        let expected = |error: Option<SharedError>| {
            let error = error.unwrap();
            let mismatch = error.downcast_ref::<FileMismatch>().unwrap();
            assert_eq!((mismatch.problem, mismatch.path.as_path()), (problem, file));
        };
        for ids in [10..11, 10..12, 20..1020] {
            let append = self
                .store
                .append_events(stream(1), ExpectedVersion::Any, support::events(ids));
            expected(match append.await {
                Err(AppendError::Backend(source)) => Some(source),
                _ => None,
            });
        }
        let snapshot = Snapshot {
            version: 1.into(),
            schema: 1,
            data: vec![1],
        };
        assert!(self.store.save_snapshot(stream(1), snapshot).await.is_err());
        expected(match self.store.load_events(stream(1), None).await {
            Err(ReadError::Backend(source)) => Some(source),
            _ => None,
        });
        assert!(self.store.read_all(ReadAll::after(Position::BEGINNING)).await.is_err());
        assert!(self.store.ping().await.is_err());
    }

    async fn assert_goes_on(&self) {
        support::append(&self.store, 1, 3..5).await;
        support::append(&self.store, 1, 5..6).await;
        assert_eq!(self.store.load_events(stream(1), None).await.unwrap().len(), 6);
        self.store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_file_is_not_written() {
    let opened = Opened::fresh().await;
    fs::remove_file(&opened.path).unwrap();
    opened.assert_refused(FileProblem::Missing, &opened.path).await;
    // A store that is opened again starts anew, and the old one stays refused.
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(opened.beside(suffix)).unwrap();
    }
    let again = support::open(&opened.path).await;
    support::append(&again, 1, 0..1).await;
    opened.assert_refused(FileProblem::Missing, &opened.path).await;
    opened.store.close().await;
    assert_eq!(again.load_events(stream(1), None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_renamed_file_is_not_written() {
    let opened = Opened::fresh().await;
    fs::rename(&opened.path, opened.beside(".moved")).unwrap();
    opened.assert_refused(FileProblem::Missing, &opened.path).await;
    // Nor when it comes back: another process may have created one meanwhile.
    fs::rename(opened.beside(".moved"), &opened.path).unwrap();
    opened.assert_refused(FileProblem::Missing, &opened.path).await;
    opened.store.close().await;
    let again = support::open(&opened.path).await;
    assert_eq!(again.load_events(stream(1), None).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_replaced_file_is_not_written() {
    let opened = Opened::fresh().await;
    let other = opened.beside(".other");
    support::open(&other).await.close().await;
    fs::rename(&other, &opened.path).unwrap();
    opened.assert_refused(FileProblem::Replaced, &opened.path).await;
}

#[tokio::test]
async fn a_renamed_or_deleted_directory_is_not_written() {
    for delete in [true, false] {
        let opened = Opened::fresh().await;
        if delete {
            fs::remove_dir_all(&opened.directory).unwrap();
        } else {
            fs::rename(&opened.directory, opened.directory.with_extension("old")).unwrap();
        }
        opened.assert_refused(FileProblem::Missing, &opened.path).await;
    }
}

#[tokio::test]
async fn a_write_ahead_log_that_was_deleted_or_replaced_is_not_written() {
    for suffix in ["-wal", "-shm"] {
        let opened = Opened::fresh().await;
        let file = opened.beside(suffix);
        fs::remove_file(&file).unwrap();
        opened.assert_refused(FileProblem::Missing, &file).await;
        let opened = Opened::fresh().await;
        let file = opened.beside(suffix);
        fs::copy(&file, opened.beside(".copy")).unwrap();
        fs::rename(opened.beside(".copy"), &file).unwrap();
        opened.assert_refused(FileProblem::Replaced, &file).await;
    }
}

#[tokio::test]
async fn a_write_ahead_log_that_was_truncated_is_not_written() {
    let opened = Opened::fresh().await;
    let log = opened.beside("-wal");
    fs::File::options().write(true).open(&log).unwrap().set_len(32).unwrap();
    opened.assert_refused(FileProblem::Truncated, &log).await;
}

#[tokio::test]
async fn a_write_ahead_log_that_another_process_started_over_is_no_loss() {
    let opened = Opened::fresh().await;
    let mut other = support::stranger(&opened.path).await;
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    assert_eq!(fs::metadata(opened.beside("-wal")).unwrap().len(), 0);
    opened.assert_goes_on().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_in_place_of_the_file_is_another_file() {
    let opened = Opened::fresh().await;
    let moved = opened.beside(".moved");
    fs::rename(&opened.path, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &opened.path).unwrap();
    // Another process would look for the write-ahead log beside the file that the link leads to.
    opened.assert_refused(FileProblem::Replaced, &opened.path).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_was_turned_elsewhere_is_not_written() {
    let parent = support::directory();
    let [file, other, link] = ["file.db", "other.db", "link.db"].map(|name| parent.path().join(name));
    support::open(&other).await.close().await;
    support::open(&file).await.close().await;
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let store = support::open(&link).await;
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&other, &link).unwrap();
    let refused = store
        .append_events(stream(1), ExpectedVersion::Any, vec![event(3)])
        .await;
    let told = matches!(&refused, Err(AppendError::Backend(source))
        if source.downcast_ref::<FileMismatch>().is_some_and(|mismatch| mismatch.path == link));
    assert!(told, "{refused:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn permissions_that_are_taken_away_change_nothing_for_files_that_are_open() {
    use std::os::unix::fs::PermissionsExt;
    let opened = Opened::fresh().await;
    for suffix in ["", "-wal", "-shm"] {
        fs::set_permissions(opened.beside(suffix), fs::Permissions::from_mode(0o000)).unwrap();
    }
    opened.assert_goes_on().await;
}

#[tokio::test]
async fn another_connection_can_not_take_durability_away() {
    let opened = Opened::fresh().await;
    let mut other = support::stranger(&opened.path).await;
    // Its own affair: the setting is a connection's.
    other.execute("PRAGMA synchronous = OFF").await.unwrap();
    for mode in ["DELETE", "MEMORY", "OFF"] {
        // Needs the file alone, which the store's connections prevent.
        let switched = other
            .execute(AssertSqlSafe(format!("PRAGMA journal_mode = {mode}")))
            .await;
        assert!(switched.is_err(), "{mode}");
    }
    other.execute("VACUUM").await.unwrap();
    opened.assert_goes_on().await;
}

#[tokio::test]
async fn a_file_that_is_deleted_between_the_check_and_the_commit_leaves_the_outcome_unknown() {
    let opened = Opened::fresh().await;
    let mut holder = support::lock(&opened.path).await;
    let append = opened
        .store
        .append_events(stream(1), ExpectedVersion::Any, support::events(3..5));
    let delete = async {
        // Taken, and checked before it waits for the lock.
        while opened.store.stats().queued > 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        fs::remove_file(&opened.path).unwrap();
        holder.execute("ROLLBACK").await.unwrap();
    };
    let (appended, ()) = futures::join!(append, delete);
    assert!(matches!(&appended, Err(AppendError::OutcomeUnknown(source)) if source.is::<FileMismatch>()));
    opened.assert_refused(FileProblem::Missing, &opened.path).await;
}

/// An application's trigger that drops rows silently, here the last one of each append.
#[tokio::test]
async fn events_that_a_trigger_drops_are_not_acknowledged() {
    let opened = Opened::fresh().await;
    let mut other = support::stranger(&opened.path).await;
    let trigger = "CREATE TRIGGER drops BEFORE INSERT ON events WHEN NEW.event_data = x'0d' \
                   BEGIN SELECT RAISE(IGNORE); END";
    other.execute(trigger).await.unwrap();
    let mut dropped = event(13);
    dropped.data = vec![0x0d];
    for expected in [ExpectedVersion::Any, ExpectedVersion::Exact(3.into())] {
        for events in [vec![dropped.clone()], vec![event(10), event(11), dropped.clone()]] {
            let refused = opened.store.append_events(stream(1), expected, events).await;
            assert!(matches!(refused, Err(AppendError::Backend(_))), "{refused:?}");
            assert_eq!(opened.store.load_events(stream(1), None).await.unwrap().len(), 3);
        }
    }
    opened.assert_goes_on().await;
}
