//! Why opening failed, before the path is known.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process,
    sync::Arc,
};

use crate::{
    DamagedFile, FileMismatch, SqliteOpenError,
    errors::{ErrorClass, StatementError, StoreStopped},
};

/// Why opening failed. Becomes a [`SqliteOpenError`] once the path is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenFailure {
    #[error(transparent)]
    Refused(#[from] SqliteOpenError),
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
    #[error(transparent)]
    Files(io::Error),
}

impl From<StatementError> for OpenFailure {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Driver(error) => Self::Driver(error),
            StatementError::Files(mismatch) => Self::Refused(mismatch.into()),
            StatementError::Stopped(stopped) => Self::Refused(SqliteOpenError::Backend(stopped.source())),
            StatementError::ReadOnly(_) => Self::Refused(SqliteOpenError::Backend(StoreStopped::Closed.source())),
        }
    }
}

impl From<FileMismatch> for OpenFailure {
    fn from(mismatch: FileMismatch) -> Self {
        Self::Refused(mismatch.into())
    }
}

impl OpenFailure {
    pub(crate) fn at(self, path: &Path) -> SqliteOpenError {
        let error = match self {
            Self::Refused(error) => return error,
            Self::Files(error) => {
                return SqliteOpenError::CannotOpen {
                    path: path.to_owned(),
                    source: Arc::new(error),
                };
            }
            Self::Driver(error) => error,
        };
        // By SQLite's code alone. Opening the file to find out more, and closing it again, would end the locks that this
        // process holds on it through other stores.
        match ErrorClass::of(&error) {
            ErrorClass::Busy => SqliteOpenError::Busy(Arc::new(error)),
            ErrorClass::Directory => SqliteOpenError::NotAFile { path: path.to_owned() },
            ErrorClass::ReadOnly => read_only(path),
            ErrorClass::CannotOpen | ErrorClass::Moved => cannot_open(path, error),
            ErrorClass::NotADatabase => SqliteOpenError::NotADatabase {
                path: path.to_owned(),
                source: Arc::new(error),
            },
            ErrorClass::Damaged => DamagedFile::new(path, Arc::new(error)).into(),
            _ => SqliteOpenError::Backend(Arc::new(error)),
        }
    }
}

fn cannot_open(path: &Path, error: sqlx::Error) -> SqliteOpenError {
    match unwritable_directory(path) {
        Some(directory) => SqliteOpenError::ReadOnly {
            path: directory.to_owned(),
        },
        None => SqliteOpenError::CannotOpen {
            path: path.to_owned(),
            source: Arc::new(error),
        },
    }
}

fn read_only(path: &Path) -> SqliteOpenError {
    let path = unwritable_directory(path).unwrap_or(path).to_owned();
    SqliteOpenError::ReadOnly { path }
}

/// The directory of a file, if nothing can be created in it: SQLite does not say that it is not the file that it could not
/// write. Found out by trying, since permission bits are not all that decides.
pub(crate) fn unwritable_directory(path: &Path) -> Option<&Path> {
    let directory = path.parent()?;
    let probe = directory.join(format!(".event-store-probe-{}", process::id()));
    match File::create_new(&probe) {
        Ok(_) => {
            // Nothing depends on it; at worst an empty file is left.
            let _ = fs::remove_file(&probe);
            None
        }
        Err(error) => {
            let kinds = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
            kinds.contains(&error.kind()).then_some(directory)
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};

    use super::*;

    #[tokio::test]
    async fn only_what_may_not_be_written_is_read_only() {
        let memory = SqliteConnectOptions::new().in_memory(true);
        let mut connection = memory.pragma("query_only", "ON").connect().await.unwrap();
        let refused = connection.execute("CREATE TABLE events (day TEXT)").await.unwrap_err();
        let error = OpenFailure::from(refused).at(Path::new("orders.db"));
        assert!(matches!(error, SqliteOpenError::ReadOnly { .. }), "{error:?}");
        let nowhere = SqliteConnectOptions::new().filename("/nowhere/at/all/orders.db");
        let refused = nowhere.connect().await.unwrap_err();
        let error = OpenFailure::from(refused).at(Path::new("orders.db"));
        assert!(matches!(error, SqliteOpenError::CannotOpen { .. }), "{error:?}");
        assert_eq!(error.to_string(), "orders.db could not be opened");
    }
}
