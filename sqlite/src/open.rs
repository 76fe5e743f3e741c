//! Opening a store: what can be said about the path is said before SQLite touches it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    OpenError, SqliteEventStore,
    connection::{self, Connections},
    errors::Kind,
    migrate,
    options::Settings,
};

/// Switching a new file to write-ahead logging needs it alone, and SQLite does not wait for that.
const SWITCH_PAUSE: Duration = Duration::from_millis(5);

pub(crate) async fn file(path: &Path, settings: Settings) -> Result<SqliteEventStore, OpenError> {
    let path = absolute(path)?;
    check(&path)?;
    let database = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let writer = Connections::to_file(connection::writer(database.clone(), &settings), 1);
    prepare(&writer, &settings, true)
        .await
        .map_err(|failed| failed.at(&path))?;
    let readers = Connections::to_file(connection::reader(database, &settings), settings.readers);
    Ok(SqliteEventStore::new(writer, readers, &settings))
}

pub(crate) async fn memory(settings: Settings) -> Result<SqliteEventStore, OpenError> {
    let options = connection::writer(SqliteConnectOptions::new().in_memory(true), &settings);
    let nowhere = Path::new(":memory:");
    let only = Connections::to_memory(&options)
        .await
        .map_err(|error| Failed::from(error).at(nowhere))?;
    prepare(&only, &settings, false)
        .await
        .map_err(|failed| failed.at(nowhere))?;
    Ok(SqliteEventStore::new(Arc::clone(&only), only, &settings))
}

/// Absolute, so that no name is taken for one of SQLite's special ones, such as `file:x` or `:memory:`.
fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    let invalid = || OpenError::InvalidPath { path: path.to_owned() };
    let absolute = std::path::absolute(path).map_err(|_| invalid())?;
    match absolute.to_str() {
        Some(name) if !name.contains('\0') && path.file_name().is_some() => Ok(absolute),
        _ if absolute.is_dir() => Err(OpenError::NotAFile { path: absolute }),
        _ => Err(invalid()),
    }
}

fn check(path: &Path) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(OpenError::NotAFile { path: path.to_owned() }),
        // Also for those whom the system would let write: somebody marked the file.
        Ok(found) if found.permissions().readonly() => Err(OpenError::ReadOnly { path: path.to_owned() }),
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => check_directory(path),
        Err(error) => Err(OpenError::CannotOpen {
            path: path.to_owned(),
            source: Arc::new(error),
        }),
    }
}

/// Whether there is nothing at a path: also where what should be its directory is a file.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn check_directory(path: &Path) -> Result<(), OpenError> {
    match path.parent() {
        Some(directory) if !directory.is_dir() => Err(OpenError::MissingDirectory {
            path: directory.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Why preparing failed; becomes an [`OpenError`] once the path is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Refused(#[from] OpenError),
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
}

impl Failed {
    fn at(self, path: &Path) -> OpenError {
        let error = match self {
            Self::Refused(error) => return error,
            Self::Driver(error) => error,
        };
        let path = path.to_owned();
        // By what SQLite said alone. Trying the file would tell more, but to close it again would end the locks that
        // this process holds on it through other stores.
        match Kind::of(&error) {
            Kind::Busy => OpenError::Busy(Arc::new(error)),
            Kind::ReadOnly => OpenError::ReadOnly { path },
            Kind::Directory => OpenError::NotAFile { path },
            Kind::CannotOpen | Kind::Moved => OpenError::CannotOpen {
                path,
                source: Arc::new(error),
            },
            Kind::NotADatabase => OpenError::NotADatabase {
                path,
                source: Arc::new(error),
            },
            _ => OpenError::Backend(Arc::new(error)),
        }
    }
}

async fn prepare(writer: &Arc<Connections>, settings: &Settings, is_file: bool) -> Result<(), Failed> {
    let mut lease = writer.lease().await?;
    // In write-ahead mode readers and the writer do not wait for each other. Memory has no such mode and needs none.
    if is_file {
        switch_to_wal(lease.connection()?, settings.busy_timeout).await?;
    }
    // Where it fails, the connection is dropped in its transaction.
    migrate::run(lease.transaction()?).await?;
    lease.committed();
    Ok(())
}

async fn switch_to_wal(connection: &mut SqliteConnection, patience: Duration) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + patience;
    loop {
        match connection.execute("PRAGMA journal_mode = WAL").await {
            Err(error) if Kind::of(&error) == Kind::Busy && Instant::now() < deadline => {
                tokio::time::sleep(SWITCH_PAUSE).await;
            }
            switched => return switched.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions;

    use super::*;

    #[tokio::test]
    async fn only_what_may_not_be_written_is_read_only() {
        let memory = SqliteConnectOptions::new().in_memory(true);
        let mut connection = memory.pragma("query_only", "ON").connect().await.unwrap();
        let refused = connection.execute("CREATE TABLE events (day TEXT)").await.unwrap_err();
        let error = Failed::from(refused).at(Path::new("orders.db"));
        assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
        let nowhere = SqliteConnectOptions::new().filename("/nowhere/at/all/orders.db");
        let refused = nowhere.connect().await.unwrap_err();
        let error = Failed::from(refused).at(Path::new("orders.db"));
        assert!(matches!(error, OpenError::CannotOpen { .. }), "{error:?}");
        assert_eq!(error.to_string(), "orders.db could not be opened");
    }
}
