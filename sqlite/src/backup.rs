//! Backups: a consistent copy of the database while the store runs.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use composable_rust_core::ReadError;
use sqlx::{ConnectOptions, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    deadline::Deadline,
    errors::{self, StatementError, StoreStopped},
    readers::Readers,
    statements,
};

/// Why a backup failed. Nothing is left at its path.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is a file at the path, or an incomplete backup beside it. It was not changed: choose another path, or remove
    /// the file.
    #[error("{} exists: a backup overwrites nothing", path.display())]
    Exists {
        /// What is in the way.
        path: PathBuf,
    },
    /// The copy could not be written to the disk: it is full, or the directory is missing or can't be written.
    #[error("the backup could not be written to {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        source: Arc<io::Error>,
    },
    /// The store could not be read, or SQLite could not write the copy. The source has the reason.
    #[error("the store could not be copied")]
    Store(#[source] ReadError),
}

impl BackupError {
    pub(crate) fn stopped(stopped: StoreStopped) -> Self {
        Self::Store(errors::of_read(stopped, Path::new("")))
    }

    fn io(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            _ => Self::Io {
                path,
                source: Arc::new(error),
            },
        }
    }
}

/// Instructions of SQLite's machine between two looks at whether the caller has left.
const STEPS: i32 = 1000;

pub(crate) async fn run(readers: Readers, path: PathBuf) -> Result<(), BackupError> {
    if fs::symlink_metadata(&path).is_ok() {
        return Err(BackupError::Exists { path });
    }
    let copy = Incomplete::beside(&path)?;
    copy_to(&readers, &copy)
        .await
        .map_err(|error| BackupError::Store(errors::of_read(error, readers.path())))?;
    copy.finish(&path).map_err(|error| BackupError::io(&path, error))
}

async fn copy_to(readers: &Readers, copy: &Incomplete) -> Result<(), StatementError> {
    let target = copy
        .path
        .to_str()
        .ok_or(sqlx::Error::Configuration("the path is not Unicode".into()))?;
    let query = sqlx::query(statements::BACKUP).bind(target.to_owned());
    if let Some(files) = &readers.files {
        files.check()?;
        // A connection of its own: those of the pool may not write, not even another file.
        let options = SqliteConnectOptions::new()
            .filename(files.path())
            .create_if_missing(false)
            .busy_timeout(readers.limits.busy())
            .disable_statement_logging();
        let mut connection = Deadline::after(readers.limits.acquire).run(options.connect()).await??;
        stop_when_left(&mut connection, &copy.is_left).await?;
        connection.execute(query).await?;
        return Ok(files.check().map(drop)?);
    }
    let mut lent = Deadline::after(readers.limits.acquire)
        .run(readers.pool.acquire())
        .await??;
    lent.connection()?.execute(query).await?;
    Ok(())
}

async fn stop_when_left(connection: &mut SqliteConnection, is_left: &Arc<AtomicBool>) -> Result<(), sqlx::Error> {
    let is_left = Arc::clone(is_left);
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(STEPS, move || !is_left.load(Ordering::Relaxed));
    Ok(())
}

/// A copy that is not complete; removed when it is dropped.
struct Incomplete {
    path: PathBuf,
    /// Set when the copy is dropped: ends the statement that writes it.
    is_left: Arc<AtomicBool>,
}

impl Incomplete {
    fn beside(path: &Path) -> Result<Self, BackupError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".incomplete");
        let path = PathBuf::from(name);
        // SQLite accepts an empty file. Created here, so that of two backups to one path only one writes.
        File::create_new(&path).map_err(|error| BackupError::io(&path, error))?;
        Ok(Self {
            path,
            is_left: Arc::default(),
        })
    }

    /// Makes the copy durable and gives it its name, unless something has it.
    fn finish(&self, path: &Path) -> io::Result<()> {
        let copy = File::open(&self.path)?;
        if copy.metadata()?.len() == 0 {
            return Err(io::Error::other("SQLite has written nothing"));
        }
        copy.sync_all()?;
        // Not a rename alone: that would replace a file that was created meanwhile.
        match fs::hard_link(&self.path, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => self.rename_to(path)?,
            linked => linked?,
        }
        sync_directory(path).inspect_err(|_| drop(fs::remove_file(path)))
    }

    /// For file systems without links: takes the name with an empty file, and replaces that.
    fn rename_to(&self, path: &Path) -> io::Result<()> {
        File::create_new(path)?;
        fs::rename(&self.path, path).inspect_err(|_| drop(fs::remove_file(path)))
    }
}

impl Drop for Incomplete {
    fn drop(&mut self) {
        self.is_left.store(true, Ordering::Relaxed);
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "an incomplete backup could not be removed");
        }
    }
}

/// Makes the name durable. Only unix has directories that can be synced.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = std::path::absolute(path)?;
    File::open(directory.parent().unwrap_or(&directory))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
