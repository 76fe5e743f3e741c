//! Reading a file without writing it.

use std::{fs, path::Path, process::Command};

use composable_rust_core::{AppendError, EventLog, EventStore, ExpectedVersion, Position, Snapshot, SnapshotError};
use composable_rust_sqlite::{ReadOnlyStore, SqliteEventStore, SqliteOpenError};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{self, stream};

#[tokio::test]
async fn a_read_only_store_reads_what_others_write_and_writes_nothing() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let writer = support::open(&path).await;
    support::append(&writer, 1, 0..3).await;
    let reader = support::opened(SqliteEventStore::options().read_only(true).open(&path).await);
    assert_eq!(reader.load_events(stream(1), None).await.unwrap().len(), 3);
    let refused = reader
        .append_events(stream(1), ExpectedVersion::Any, support::events(3..4))
        .await;
    assert!(matches!(refused, Err(AppendError::Backend(source)) if source.is::<ReadOnlyStore>()));
    let snapshot = Snapshot {
        version: 1.into(),
        schema: 1,
        data: vec![],
    };
    let refused = reader.save_snapshot(stream(1), snapshot).await;
    assert!(matches!(refused, Err(SnapshotError::Backend(source)) if source.is::<ReadOnlyStore>()));
    assert!(reader.delete_snapshot(stream(1)).await.is_err());
    let (woken, ()) = futures::join!(
        reader.wait_for_events(Position::from_sequence(3)),
        support::append(&writer, 1, 3..5)
    );
    woken.unwrap();
    assert_eq!(reader.load_events(stream(1), None).await.unwrap().len(), 5);
    reader.ping().await.unwrap();
    reader.close().await;
    writer.close().await;
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_read_only_file_can_be_read_and_is_left_as_it_was() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..3).await;
    store.close().await;
    let before = fs::read(&path).unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let reader = support::opened(SqliteEventStore::options().read_only(true).open(&path).await);
    assert_eq!(reader.load_events(stream(1), None).await.unwrap().len(), 3);
    reader.close().await;
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_database_without_events_is_no_store_to_read() {
    let directory = support::directory();
    let path = directory.path().join("application.db");
    let mut application = support::stranger(&path).await;
    application.execute("CREATE TABLE orders (id INTEGER)").await.unwrap();
    let refused = SqliteEventStore::options().read_only(true).open(&path).await;
    assert!(matches!(refused, Err(SqliteOpenError::NotAnEventStore { path: named }) if named == path));
    let tables = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema");
    assert_eq!(tables.fetch_one(&mut application).await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_of_an_older_release_can_be_read() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let mut old = support::stranger(&path).await;
    for migration in ["0000_migrations.sql", "0001_events.sql"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(migration);
        old.execute(AssertSqlSafe(fs::read_to_string(file).unwrap()))
            .await
            .unwrap();
    }
    old.execute("INSERT INTO event_store_migrations VALUES (1, 'events', 0)")
        .await
        .unwrap();
    let reader = support::opened(SqliteEventStore::options().read_only(true).open(&path).await);
    assert_eq!(reader.load_events(stream(1), None).await.unwrap(), []);
    assert_eq!(reader.load_snapshot(stream(1)).await.unwrap(), None);
}

/// What an unprivileged user does in the test below.
const USER: &str = "EVENT_STORE_OF_AN_UNPRIVILEGED_USER";

/// Does nothing, unless the test below runs it as a user who may not write the directory.
#[tokio::test]
async fn the_unprivileged_user() {
    let Ok(directory) = std::env::var(USER) else { return };
    let directory = Path::new(&directory);
    let (path, with_log) = (directory.join("closed/events.db"), directory.join("open/events.db"));
    // The file may be written; its directory may not.
    for file in [&path, &with_log] {
        let refused = SqliteEventStore::open(file).await;
        let blamed = matches!(&refused, Err(SqliteOpenError::ReadOnly { path }) if path == file.parent().unwrap());
        assert!(blamed, "{refused:?}");
    }
    let read_only = || SqliteEventStore::options().read_only(true);
    let reader = support::opened(read_only().open(&path).await);
    assert_eq!(reader.load_events(stream(1), None).await.unwrap().len(), 3);
    // The file alone would lack what is in the write-ahead log, which can't be read without its index.
    let refused = read_only().open(&with_log).await;
    assert!(
        refused.is_err(),
        "{:?}",
        refused.unwrap().load_events(stream(1), None).await
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_can_not_be_written_is_blamed_and_can_be_read() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let directory = support::directory();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let prepare = async |name: &str| {
        let own = directory.path().join(name);
        fs::create_dir(&own).unwrap();
        let store = support::open(&own.join("events.db")).await;
        support::append(&store, 1, 0..3).await;
        store
    };
    prepare("closed").await.close().await;
    // Left with its write-ahead log, as a crash or a copy leaves it.
    let store = prepare("running").await;
    fs::create_dir(directory.path().join("open")).unwrap();
    for file in ["events.db", "events.db-wal"] {
        let (from, to) = (
            directory.path().join("running").join(file),
            directory.path().join("open").join(file),
        );
        fs::copy(from, to).unwrap();
    }
    store.close().await;
    for own in ["closed", "open"].map(|own| directory.path().join(own)) {
        for file in fs::read_dir(&own).unwrap() {
            mode(&file.unwrap().path(), 0o666);
        }
        mode(&own, 0o555);
    }
    mode(directory.path(), 0o755);
    // The program itself may lie where another user can't reach it.
    let program = directory.path().join("suite");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    mode(&program, 0o755);
    let mut command = Command::new(&program);
    command
        .args(["--exact", "read_only::the_unprivileged_user", "--nocapture"])
        .env(USER, directory.path())
        .current_dir("/");
    // Root may write everything.
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        command.uid(65_534).gid(65_534);
    }
    let child = command.output().unwrap();
    for own in ["closed", "open"] {
        mode(&directory.path().join(own), 0o755);
    }
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{child:?}");
}
