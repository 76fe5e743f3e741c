//! The embedded, durable event store of composable-rust: one SQLite file, no server, no set-up.
//!
//! **It is** the whole contract of `composable-rust-core`: streams with optimistic concurrency, the log in one order,
//! snapshots. An append that was acknowledged is on the disk: it survives `kill -9` and a power errors, as far as the
//! disk keeps what it says it has synced. Appends that arrive while one is being synced share the next sync, so that
//! many callers at once cost little more than one.
//!
//! **It is not** a store for many machines: the file must lie on a local disk, since write-ahead logging needs shared
//! memory. Processes on one machine may share a file; they write in turns and wait for each other as long as
//! [`SqliteOptions::busy_timeout`] says. It is no read-only view either: whoever opens a file must be able to write it.
//!
//! Tables of an application may live in the same file, as long as none is called `events`, `snapshots` or
//! `event_store_migrations`. Events can be read by any SQLite tool; the database itself refuses to change them.
//!
//! Everything runs on tokio; [`EventLog::wait`](composable_rust_core::EventLog::wait) needs its timer to be enabled.
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
mod connection;
mod deadline;
mod error;
mod errors;
mod facts;
mod gap;
mod insert;
mod job;
mod judge;
mod log;
mod migrate;
mod open;
mod options;
mod packed;
mod queue;
mod read;
mod row;
mod snapshot;
mod statements;
mod store;
mod trust;
mod url;

pub use error::OpenError;
pub use options::SqliteOptions;
pub use store::SqliteEventStore;
