//! Checks that the files that a store has open are still the files at its path.
//!
//! SQLite goes on writing to a file that was deleted or replaced, and says nothing of it in WAL mode. Such a commit is
//! lost, so the store compares the identity of the files before it writes and again before it acknowledges. It never
//! opens them to look: closing any handle of a file ends all locks that the process holds on it.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::{FileMismatch, FileProblem};

/// The files of a store and what they were when it opened them.
#[derive(Debug)]
pub(crate) struct Files {
    /// The path as it was given, if it leads to the file through a link.
    link: Option<Watched>,
    database: Watched,
    /// The write-ahead log and its index; none where nothing is written.
    wal: Option<Watched>,
    shm: Option<Watched>,
    /// The length of the write-ahead log when it was last looked at, after this store had written it.
    wal_bytes: AtomicU64,
    /// When every file was last checked, in microseconds since `opened`; 0 if that is due.
    checked_at: AtomicU64,
    opened: Instant,
    page_size: u64,
    /// The first mismatch. The store refuses everything from then on, even if the file comes back: another process may
    /// have written to the other one meanwhile.
    mismatch: OnceLock<FileMismatch>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    id: FileId,
}

/// Device and inode. Where there are none (not on unix), only that a file is there.
type FileId = (u64, u64);

#[cfg(unix)]
fn id(metadata: &Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn id(_: &Metadata) -> FileId {
    (0, 0)
}

/// While a store writes without a pause, every file is checked this often; the quick check after each commit sees the rest.
///
/// Not before each commit: Linux gives a file whose times were read a new time at its next write, and to sync that takes a
/// commit of the file system's own journal, a quarter of an append. The quick check reads the times of the database only,
/// which a commit does not write.
const CHECK_INTERVAL_MICROS: u64 = 100_000;

/// A header, and before each page a header of its own.
const WAL_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

impl Files {
    /// Remembers the files at `path`, which a connection has just opened. `writes` says whether the store needs the files
    /// of the write-ahead log.
    pub(crate) fn record(path: &Path, writes: bool, page_size: u64) -> io::Result<Arc<Self>> {
        // SQLite follows links, and keeps the other files beside the one that they lead to.
        let database = fs::canonicalize(path)?;
        let link = (database != path).then(|| Watched::at(path.to_owned(), fs::metadata(path)));
        let beside = |suffix: &str| {
            let mut name = database.clone().into_os_string();
            name.push(suffix);
            Watched::at(name.clone().into(), fs::symlink_metadata(name))
        };
        let files = Self {
            link: link.transpose()?,
            wal: writes.then(|| beside("-wal")).transpose()?,
            shm: writes.then(|| beside("-shm")).transpose()?,
            database: Watched::at(database.clone(), fs::symlink_metadata(&database))?,
            wal_bytes: AtomicU64::new(0),
            checked_at: AtomicU64::new(0),
            opened: Instant::now(),
            page_size,
            mismatch: OnceLock::new(),
        };
        Ok(Arc::new(files))
    }

    /// Checks that the database is the file that was at the path before it was opened.
    pub(crate) fn check_unchanged(&self, before: &Metadata) -> Result<(), FileMismatch> {
        if id(before) == self.database.id {
            return Ok(());
        }
        self.database.problem(FileProblem::Replaced)
    }

    /// The path of the database file.
    pub(crate) fn path(&self) -> &Path {
        &self.database.path
    }

    /// Checks the database file, for a reader: what it reads is what the path holds.
    pub(crate) fn check_database(&self) -> Result<(), FileMismatch> {
        self.unless_mismatched(|| self.database.check().map(drop))
    }

    /// Checks every file, and returns the length of the write-ahead log.
    pub(crate) fn check(&self) -> Result<u64, FileMismatch> {
        let wal_bytes = self.unless_mismatched(|| {
            self.link.as_ref().map_or(Ok(()), Watched::check_target)?;
            self.database.check()?;
            self.shm.as_ref().map_or(Ok(0), Watched::check)?;
            self.wal.as_ref().map_or(Ok(0), Watched::check)
        })?;
        self.checked_at.store(self.micros().max(1), Ordering::Relaxed);
        Ok(wal_bytes)
    }

    /// Whether every file is to be checked before the next write: the store has paused, or was checked long ago.
    pub(crate) fn is_check_due(&self) -> bool {
        let checked_at = self.checked_at.load(Ordering::Relaxed);
        checked_at == 0
            || self.mismatch.get().is_some()
            || self.micros().saturating_sub(checked_at) > CHECK_INTERVAL_MICROS
    }

    /// Checks, after a commit of this store, that the database is the file at the path and that the others are there.
    pub(crate) fn check_after_commit(&self) -> Result<(), FileMismatch> {
        self.unless_mismatched(|| {
            self.database.check()?;
            self.wal.as_ref().map_or(Ok(()), Watched::check_present)?;
            self.shm.as_ref().map_or(Ok(()), Watched::check_present)
        })
    }

    /// Notes, while nothing is to be written, how long the write-ahead log is, for the check before the next write.
    pub(crate) fn note_pause(&self) {
        if let Ok(wal_bytes) = self.check() {
            self.wal_bytes.store(wal_bytes, Ordering::Relaxed);
        }
        self.checked_at.store(0, Ordering::Relaxed);
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Whether the write-ahead log is shorter than it was. Another process may have started it over.
    pub(crate) fn has_shrunk(&self, wal_bytes: u64) -> bool {
        wal_bytes < self.wal_bytes.load(Ordering::Relaxed)
    }

    /// Checks that a write-ahead log of this length holds the `frames` that SQLite counts in it. If it does, it was
    /// started over by the rules.
    pub(crate) fn check_frames(&self, wal_bytes: u64, frames: u64) -> Result<(), FileMismatch> {
        let needed = WAL_HEADER + frames * (FRAME_HEADER + self.page_size);
        if frames > 0 && wal_bytes < needed {
            return self.unless_mismatched(|| {
                self.wal
                    .as_ref()
                    .map_or(Ok(()), |wal| wal.problem(FileProblem::Truncated))
            });
        }
        self.wal_bytes.store(wal_bytes, Ordering::Relaxed);
        Ok(())
    }

    fn unless_mismatched<T>(&self, check: impl FnOnce() -> Result<T, FileMismatch>) -> Result<T, FileMismatch> {
        if let Some(mismatch) = self.mismatch.get() {
            return Err(mismatch.clone());
        }
        let checked = check();
        if let Err(mismatch) = &checked
            && mismatch.problem.is_final()
        {
            tracing::error!(%mismatch, "the event store refuses everything until it is opened again");
            return Err(self.mismatch.get_or_init(|| mismatch.clone()).clone());
        }
        checked
    }
}

impl Watched {
    fn at(path: PathBuf, metadata: io::Result<Metadata>) -> io::Result<Self> {
        let id = id(&metadata?);
        Ok(Self { path, id })
    }

    /// Checks the file, without following a link that has taken its place, and returns its length.
    fn check(&self) -> Result<u64, FileMismatch> {
        self.compare(fs::symlink_metadata(&self.path))
    }

    /// Checks that a file is there, and no link, without reading its times: it is no link that could be read.
    #[cfg(unix)]
    fn check_present(&self) -> Result<(), FileMismatch> {
        match fs::read_link(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            Ok(_) => self.problem(FileProblem::Replaced),
            Err(error) => self.compare(Err(error)).map(drop),
        }
    }

    #[cfg(not(unix))]
    fn check_present(&self) -> Result<(), FileMismatch> {
        self.check().map(drop)
    }

    /// Checks the file that a link leads to.
    fn check_target(&self) -> Result<(), FileMismatch> {
        self.compare(fs::metadata(&self.path)).map(drop)
    }

    fn compare(&self, found: io::Result<Metadata>) -> Result<u64, FileMismatch> {
        match found {
            Ok(found) if id(&found) == self.id => Ok(found.len()),
            Ok(_) => self.problem(FileProblem::Replaced),
            Err(error) => self.problem(match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileProblem::Missing,
                other => FileProblem::Inaccessible(other),
            }),
        }
    }

    fn problem<T>(&self, problem: FileProblem) -> Result<T, FileMismatch> {
        let path = self.path.clone();
        Err(FileMismatch { path, problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_system_does_not_show_may_come_back() {
        assert!(
            FileProblem::Missing.is_final() && FileProblem::Replaced.is_final() && FileProblem::Truncated.is_final()
        );
        assert!(!FileProblem::Inaccessible(io::ErrorKind::PermissionDenied).is_final());
        let file = Watched {
            path: "orders.db".into(),
            id: (1, 2),
        };
        let denied = file.compare(Err(io::ErrorKind::PermissionDenied.into())).unwrap_err();
        assert_eq!(denied.to_string(), "orders.db can't be checked: permission denied");
        let gone = file.compare(Err(io::ErrorKind::NotFound.into())).unwrap_err();
        assert_eq!(
            gone.to_string(),
            "orders.db is missing: it was deleted or moved while the store had it open"
        );
    }

    #[test]
    fn a_log_that_was_started_over_is_no_loss_and_one_that_was_cut_off_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        for suffix in ["", "-wal", "-shm"] {
            fs::write(format!("{}{suffix}", path.display()), "x").unwrap();
        }
        let files = Files::record(&path, true, 4096).unwrap();
        assert!(files.check_frames(32 + 4120, 1).is_ok() && files.check_frames(0, 0).is_ok());
        let cut_off = files.check_frames(32 + 4119, 1).unwrap_err();
        assert_eq!(cut_off.problem, FileProblem::Truncated);
        assert_eq!(files.check_database().unwrap_err(), cut_off, "until it is opened again");
    }
}
