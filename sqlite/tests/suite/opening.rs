//! Opening: what a path can lead to.

use std::{fs, path::Path, process::Command};

use composable_rust_core::{EventLog, EventStore, Position, ReadError};
use composable_rust_sqlite::{SqliteEventStore, SqliteOpenError};
use sqlx::Executor;

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
