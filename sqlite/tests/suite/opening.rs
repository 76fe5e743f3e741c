//! Opening: what a path can lead to.

use std::{fs, path::Path, process::Command};

use composable_rust_core::{
    AppendError, EventLog, EventStore, ExpectedVersion, Position, ReadError, Snapshot, SnapshotError,
};
use composable_rust_sqlite::{ReadOnlyStore, SqliteEventStore, SqliteOpenError};
use sqlx::{AssertSqlSafe, Executor};

use crate::support::{self, stream};

#[tokio::test]
async fn a_missing_file_is_created_and_a_missing_directory_is_not() {
    let directory = support::directory();
    let url = format!("sqlite://{}", directory.path().join("new.db").display());
    let store = SqliteEventStore::connect(&url).await.unwrap();
    assert_eq!(store.head().await.unwrap(), Position::BEGINNING);
    let missing = directory.path().join("missing");
    let refused = SqliteEventStore::open(missing.join("new.db")).await;
    assert!(matches!(refused, Err(SqliteOpenError::MissingDirectory { path }) if path == missing));
}

#[tokio::test]
async fn a_directory_is_no_store() {
    let directory = support::directory();
    let refused = SqliteEventStore::open(directory.path()).await;
    assert!(matches!(refused, Err(SqliteOpenError::NotAFile { .. })));
    assert!(matches!(
        SqliteEventStore::open("").await,
        Err(SqliteOpenError::InvalidPath { .. })
    ));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_as_it_was() {
    let directory = support::directory();
    let path = directory.path().join("letter.txt");
    let letter = "Dear Sir or Madam, ".repeat(100);
    fs::write(&path, &letter).unwrap();
    let refused = SqliteEventStore::open(&path).await;
    assert!(matches!(refused, Err(SqliteOpenError::NotADatabase { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), letter);
}

#[tokio::test]
async fn a_read_only_file_is_a_typed_error() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    support::open(&path).await.close().await;
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let refused = SqliteEventStore::open(&path).await;
    assert!(matches!(refused, Err(SqliteOpenError::ReadOnly { .. })));
}

#[tokio::test]
async fn a_file_where_a_directory_should_be_is_a_missing_directory() {
    let directory = support::directory();
    let file = directory.path().join("letter.txt");
    fs::write(&file, "Dear Sir or Madam").unwrap();
    let refused = SqliteEventStore::open(file.join("events.db")).await;
    assert!(matches!(refused, Err(SqliteOpenError::MissingDirectory { path }) if path == file));
}

fn assert_cannot_open(refused: Result<SqliteEventStore, SqliteOpenError>, file: &Path) {
    let refused = refused.unwrap_err();
    let told = matches!(&refused, SqliteOpenError::CannotOpen { path, .. } if path == file);
    assert!(told, "{refused:?}");
}

#[tokio::test]
async fn a_directory_in_place_of_the_write_ahead_log_is_no_matter_of_permission() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    support::open(&path).await.close().await;
    fs::create_dir(directory.path().join("events.db-wal")).unwrap();
    assert_cannot_open(SqliteEventStore::open(&path).await, &path);
    fs::remove_dir(directory.path().join("events.db-wal")).unwrap();
    support::open(&path).await.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_nowhere_is_no_matter_of_permission() {
    let directory = support::directory();
    let (astray, circle) = (directory.path().join("astray.db"), directory.path().join("circle.db"));
    std::os::unix::fs::symlink(directory.path().join("missing/events.db"), &astray).unwrap();
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    for path in [astray, circle] {
        assert_cannot_open(SqliteEventStore::open(&path).await, &path);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_the_system_only_pretends_is_no_store() {
    // It may be written, but nothing can be created beside it: for root there is no such place, for others no permission.
    let path = Path::new("/proc/self/comm");
    let before = fs::read_to_string(path).unwrap();
    let refused = SqliteEventStore::open(path).await;
    let told = matches!(
        refused,
        Err(SqliteOpenError::CannotOpen { .. } | SqliteOpenError::ReadOnly { .. })
    );
    assert!(told, "{refused:?}");
    assert_eq!(fs::read_to_string(path).unwrap(), before);
}

/// Where the process that has no file handles left finds its store.
const ROLE: &str = "EVENT_STORE_WITHOUT_HANDLES";

/// Does nothing, unless the test below runs it in a process of its own, which may have few files open.
#[tokio::test]
async fn the_process_without_file_handles() {
    let Ok(path) = std::env::var(ROLE) else { return };
    let path = Path::new(&path);
    let mut taken = Vec::new();
    while let Ok(handle) = fs::File::open("/dev/null") {
        taken.push(handle);
    }
    assert_cannot_open(SqliteEventStore::open(path).await, path);
    taken.clear();
    support::open(path).await.close().await;
}

#[cfg(unix)]
#[test]
fn a_process_without_file_handles_is_told_no_tale_of_permissions() {
    let directory = support::directory();
    let test = "opening::the_process_without_file_handles";
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(ROLE, directory.path().join("events.db"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{child:?}");
}

#[tokio::test]
async fn a_store_shares_a_file_with_an_application() {
    let directory = support::directory();
    let path = directory.path().join("application.db");
    let mut application = support::stranger(&path).await;
    application.execute("PRAGMA user_version = 7").await.unwrap();
    application.execute("CREATE TABLE orders (id INTEGER)").await.unwrap();
    support::open(&path).await.close().await;
    let version = sqlx::query_scalar::<_, i64>("PRAGMA user_version");
    assert_eq!(version.fetch_one(&mut application).await.unwrap(), 7);
    application.execute("INSERT INTO orders VALUES (1)").await.unwrap();
}

#[tokio::test]
async fn a_table_of_an_application_is_not_taken_for_the_log() {
    let directory = support::directory();
    for (file, create, name) in [
        ("calendar.db", "CREATE TABLE events (day TEXT)", "events"),
        ("capitals.db", "CREATE TABLE Events (day TEXT)", "Events"),
    ] {
        let path = directory.path().join(file);
        let mut application = support::stranger(&path).await;
        application.execute(create).await.unwrap();
        let refused = SqliteEventStore::open(&path).await;
        assert!(matches!(refused, Err(SqliteOpenError::TableTaken { table }) if table == name));
    }
}

#[tokio::test]
async fn a_name_that_sqlite_finds_special_is_a_file() {
    let directory = support::directory();
    let path = directory.path().join(":memory:");
    support::open(&path).await.close().await;
    assert!(path.is_file());
}

#[tokio::test]
async fn closing_leaves_one_file() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..500).await;
    store.close().await;
    store.close().await;
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let read = store.head().await;
    assert!(matches!(read, Err(ReadError::Unavailable(_))));
}

#[tokio::test]
async fn opening_without_creating_never_creates() {
    let directory = support::directory();
    let path = directory.path().join("typo.db");
    for mode in ["ro", "rw"] {
        let refused = SqliteEventStore::connect(&format!("sqlite://{}?mode={mode}", path.display())).await;
        assert!(matches!(refused, Err(SqliteOpenError::MissingFile { path: named }) if named == path));
    }
    for options in [
        SqliteEventStore::options().create_if_missing(false),
        SqliteEventStore::options().read_only(true),
        SqliteEventStore::options().create_if_missing(false).read_only(true),
    ] {
        let refused = options.open(&path).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("there is no file {}", path.display()));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    support::open(&path).await.close().await;
    let existing = SqliteEventStore::options().create_if_missing(false).open(&path).await;
    support::append(&existing.unwrap(), 1, 0..1).await;
}

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
        .args(["--exact", "opening::the_unprivileged_user", "--nocapture"])
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

#[tokio::test]
async fn a_damaged_file_is_named() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, 1, 0..2000).await;
    store.close().await;
    let mut bytes = fs::read(&path).unwrap();
    // Everything but the first page, which has the schema.
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let told = match SqliteEventStore::open(&path).await {
        Err(error) => error.to_string(),
        Ok(store) => match store.load_events(stream(1), None).await {
            Err(ReadError::Backend(source)) => source.to_string(),
            other => format!("{other:?}"),
        },
    };
    assert_eq!(told, format!("{} is damaged or can't be accessed", path.display()));
}
