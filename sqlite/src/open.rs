//! Opens a store: checks what is known of the path before SQLite touches it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{Executor, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::runtime::Handle;

use crate::{
    SqliteEventStore, SqliteOpenError, connect_options,
    deadline::Deadline,
    errors::{ErrorClass, StatementError, StoreStopped},
    files::Files,
    migrate,
    open_failure::OpenFailure,
    open_read_only,
    options::{Access, Settings},
    pool::Pool,
    runtime::StoreRuntime,
    statements,
    store::Parts,
};

/// Switching a new file to write-ahead logging needs exclusive access, and SQLite does not wait for that.
const SWITCH_PAUSE: Duration = Duration::from_millis(5);

pub(crate) async fn file(path: &Path, settings: Settings) -> Result<SqliteEventStore, SqliteOpenError> {
    let path = absolute(path)?;
    check(&path, settings.access)?;
    let runtime = runtime(&settings)?;
    let (target, limits, own) = (path.clone(), settings.limits, runtime.clone());
    let opened = own.run(async move {
        let opening = async {
            if settings.access == Access::Read {
                open_read_only::file(&target, &settings, runtime).await
            } else {
                writable(&target, &settings, runtime).await
            }
        };
        Deadline::after(limits.sum()).run(opening).await
    });
    match opened.await.map_err(stopped)? {
        Ok(Ok(parts)) => Ok(SqliteEventStore::new(parts)),
        Ok(Err(failure)) => Err(failure.at(&path)),
        Err(_) => Err(SqliteOpenError::TimedOut { path }),
    }
}

async fn writable(path: &Path, settings: &Settings, runtime: StoreRuntime) -> Result<Parts, OpenFailure> {
    let before = fs::metadata(path).ok();
    let database = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(settings.access == Access::Create);
    let writer = Pool::writer(connect_options::writer(database.clone(), settings));
    let page_size = prepare(&writer, true, Deadline::after(settings.limits.busy())).await?;
    let files = Files::record(path, true, page_size).map_err(OpenFailure::Files)?;
    // Opened between two looks: a file that was replaced meanwhile is not taken for the one that SQLite has open.
    if let Some(before) = before {
        files.check_unchanged(&before)?;
    }
    let readers = Pool::readers(connect_options::reader(database, settings), settings.readers);
    Ok(Parts::new(Some(writer), readers, Some(files), settings, runtime))
}

pub(crate) async fn memory(settings: Settings) -> Result<SqliteEventStore, SqliteOpenError> {
    let runtime = runtime(&settings)?;
    let own = runtime.clone();
    let opened = own.run(async move {
        // By its name, not by the flag for databases in memory: with that flag, a backup would be in memory, too.
        let options = connect_options::writer(SqliteConnectOptions::new(), &settings);
        let pool = Pool::to_memory(&options).await?;
        prepare(&pool, false, Deadline::after(settings.limits.sum())).await?;
        Ok::<_, OpenFailure>(Parts::new(Some(Arc::clone(&pool)), pool, None, &settings, runtime))
    });
    match opened.await.map_err(stopped)? {
        Ok(parts) => Ok(SqliteEventStore::new(parts)),
        Err(failure) => Err(failure.at(Path::new(":memory:"))),
    }
}

fn runtime(settings: &Settings) -> Result<StoreRuntime, SqliteOpenError> {
    let handle = match &settings.handle {
        Some(handle) => handle.clone(),
        None => Handle::try_current().map_err(|_| SqliteOpenError::NoRuntime)?,
    };
    Ok(StoreRuntime::new(handle, settings.limits.sum()))
}

fn stopped(stopped: StoreStopped) -> SqliteOpenError {
    match stopped {
        StoreStopped::Panicked => SqliteOpenError::Backend(stopped.source()),
        _ => SqliteOpenError::NoRuntime,
    }
}

/// Absolute, so that no name is taken for one of SQLite's special ones, such as `file:x` or `:memory:`.
fn absolute(path: &Path) -> Result<PathBuf, SqliteOpenError> {
    let invalid = || SqliteOpenError::InvalidPath { path: path.to_owned() };
    let absolute = std::path::absolute(path).map_err(|_| invalid())?;
    match absolute.to_str() {
        Some(name) if !name.contains('\0') && path.file_name().is_some() => Ok(absolute),
        _ if absolute.is_dir() => Err(SqliteOpenError::NotAFile { path: absolute }),
        _ => Err(invalid()),
    }
}

fn check(path: &Path, access: Access) -> Result<(), SqliteOpenError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(SqliteOpenError::NotAFile { path: path.to_owned() }),
        // Also if the system would let this user write it: the file is marked.
        Ok(found) if found.permissions().readonly() && access != Access::Read => {
            Err(SqliteOpenError::ReadOnly { path: path.to_owned() })
        }
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => check_missing(path, access),
        Err(error) => Err(SqliteOpenError::CannotOpen {
            path: path.to_owned(),
            source: Arc::new(error),
        }),
    }
}

/// Whether there is nothing at a path: also if what should be its directory is a file.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn check_missing(path: &Path, access: Access) -> Result<(), SqliteOpenError> {
    match path.parent() {
        Some(directory) if !directory.is_dir() => Err(SqliteOpenError::MissingDirectory {
            path: directory.to_owned(),
        }),
        _ if access == Access::Create => Ok(()),
        _ => Err(SqliteOpenError::MissingFile { path: path.to_owned() }),
    }
}

/// Brings the file to write-ahead logging and to the newest schema. Returns the size of its pages.
async fn prepare(writer: &Arc<Pool>, is_file: bool, deadline: Deadline) -> Result<u64, OpenFailure> {
    let mut lent = writer.acquire().await?;
    if is_file {
        switch_to_wal(lent.connection()?, deadline).await?;
    }
    // If it fails, the store is not opened, and the connection is closed in its transaction.
    migrate::run(lent.transaction()?).await?;
    lent.committed();
    Ok(page_size(lent.connection()?).await?)
}

pub(crate) async fn page_size(connection: &mut SqliteConnection) -> Result<u64, StatementError> {
    let row = connection.fetch_one(statements::PAGE_SIZE).await?;
    Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default())
}

async fn switch_to_wal(connection: &mut SqliteConnection, deadline: Deadline) -> Result<(), sqlx::Error> {
    loop {
        match connection.execute(statements::JOURNAL_MODE_WAL).await {
            Err(error) if ErrorClass::of(&error) == ErrorClass::Busy && !deadline.has_passed() => {
                tokio::time::sleep(SWITCH_PAUSE).await;
            }
            switched => return switched.map(|_| ()),
        }
    }
}
