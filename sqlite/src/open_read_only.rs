//! Opens a file for reading only.

use std::{path::Path, sync::Arc};

use sqlx::sqlite::SqliteConnectOptions;

use crate::{
    SqliteOpenError, connect_options,
    errors::ErrorClass,
    files::Files,
    migrate,
    open::page_size,
    open_failure::{OpenFailure, unwritable_directory},
    options::Settings,
    pool::Pool,
    runtime::StoreRuntime,
    store::Parts,
};

/// Opens the file as SQLite does, which follows what other processes write. Only if it can't, because nothing can be
/// created beside the file, as an immutable one, which ignores other processes: it is right as long as none writes.
pub(crate) async fn file(path: &Path, settings: &Settings, runtime: StoreRuntime) -> Result<Parts, OpenFailure> {
    let database = SqliteConnectOptions::new().filename(path).create_if_missing(false);
    let followed = connect_options::reader(database.clone(), settings);
    match open(path, followed, settings, runtime.clone()).await {
        Err(OpenFailure::Driver(error)) if is_unwritable(&error) && has_no_log(path) => {
            let alone = connect_options::reader(database.immutable(true).read_only(true), settings);
            open(path, alone, settings, runtime).await
        }
        opened => opened,
    }
}

/// Whether SQLite could not create the files that it keeps beside the database.
fn is_unwritable(error: &sqlx::Error) -> bool {
    let class = ErrorClass::of(error);
    matches!(class, ErrorClass::CannotOpen | ErrorClass::ReadOnly)
}

/// Whether the database file alone has every event: no write-ahead log was left beside it, and none can be created.
fn has_no_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let is_empty = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
    is_empty && unwritable_directory(path).is_some()
}

async fn open(
    path: &Path,
    options: SqliteConnectOptions,
    settings: &Settings,
    runtime: StoreRuntime,
) -> Result<Parts, OpenFailure> {
    let readers = Pool::readers(options, settings.readers);
    let (page_size, schema) = check_schema(path, &readers).await?;
    let files = Files::record(path, false, page_size).map_err(OpenFailure::Files)?;
    let parts = Parts::new(None, readers, Some(files), settings, runtime);
    Ok(parts.with_snapshots(migrate::is_newest(schema)))
}

async fn check_schema(path: &Path, readers: &Arc<Pool>) -> Result<(u64, i64), OpenFailure> {
    let mut lent = readers.acquire().await?;
    let connection = lent.connection()?;
    match migrate::schema(connection).await? {
        0 => Err(SqliteOpenError::NotAnEventStore { path: path.to_owned() }.into()),
        schema => Ok((page_size(connection).await?, schema)),
    }
}
