//! The embedded, durable event store of composable-rust: one SQLite file, no server, no set-up.
//!
//! **It is** the whole contract of `composable-rust-core`: streams with optimistic concurrency, the log in one order,
//! snapshots. An append that was acknowledged is on the disk: it survives `kill -9` and a power failure, as far as the disk
//! keeps what it says it has synced. Appends that arrive while one is being synced share the next sync (group commit), so
//! that many callers at once cost little more than one.
//!
//! **It is not** a store for many machines: the file must be on a local disk, since write-ahead logging needs shared
//! memory. Processes on one machine may share a file; they write in turns and wait for each other for half of
//! [`SqliteOptions::statement_timeout`].
//!
//! Tables of an application may be in the same file, as long as none is called `events`, `snapshots`, `snapshot_parts` or
//! `event_store_migrations`. Events can be read by any SQLite tool; the database itself refuses to change them.
//!
//! A store works on the tokio runtime that it is opened on, or on that of [`SqliteOptions::handle`]. The runtime must have
//! its timer enabled, and so must any other runtime that calls the store.
//!
//! ```
//! use composable_rust_core::{Encoding, EventId, EventStore, ExpectedVersion, SerializedEvent, StreamId};
//! use composable_rust_sqlite::SqliteEventStore;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let directory = tempfile::tempdir()?;
//! let path = directory.path().join("doors.db");
//! let door = StreamId::new("door", 1)?;
//! let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
//! let opened = SerializedEvent::new(id, "DoorOpened.v1", Encoding::BINCODE, vec![]);
//!
//! let store = SqliteEventStore::open(&path).await?;
//! store.append_events(door.clone(), ExpectedVersion::NoStream, vec![opened]).await?;
//! store.close().await;
//!
//! let reopened = SqliteEventStore::open(&path).await?;
//! assert_eq!(reopened.load_events(door, None).await?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod backup;
mod commit_task;
mod connect_options;
mod deadline;
mod density;
mod error;
mod errors;
mod files;
mod group_commit;
mod group_plan;
mod insert;
mod insert_count;
mod limits;
mod log;
mod log_end;
mod migrate;
mod open;
mod open_failure;
mod open_read_only;
mod options;
mod page_codec;
mod pending_append;
mod pending_snapshot;
mod pool;
mod read;
mod readers;
mod recorded_facts;
mod row;
mod runtime;
mod snapshot;
mod speculative;
mod statements;
mod stats;
mod store;
mod url;
mod writer;

pub use backup::BackupError;
pub use error::{DamagedFile, FileMismatch, FileProblem, ReadOnlyStore, SqliteOpenError};
pub use options::SqliteOptions;
pub use stats::SqliteStats;
pub use store::SqliteEventStore;
