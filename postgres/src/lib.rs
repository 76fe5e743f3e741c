//! The event store of composable-rust on PostgreSQL: what goes to production with one line changed.
//!
//! **It is** the whole contract of `composable-rust-core`: streams with optimistic concurrency, the log in one order,
//! snapshots. One append is one round trip, whatever it holds; callers at once share commits. The log is immutable by the
//! database's own rules, and its readers miss nothing and repeat nothing, whatever runs beside them.
//!
//! **It is not** a store that sets up a server: a database has to be there, and its schema is brought up to date by
//! [`PostgresEventStore::migrate`], by `scripts/migrate.sh`, or by any tool that applies the files in `migrations/`.
//! `docs/database-setup.md` has the rest: roles, pools, poolers, backups, failover, partitions.
//!
//! Tables of an application may live in the same database, best in another schema: see [`PostgresOptions::schema`].
//!
//! Everything runs on tokio, with its timer and its I/O enabled. A store may be used from several runtimes; each has
//! connections of its own, up to the common limit.
//!
//! ```no_run
//! use composable_rust_core::{Encoding, EventId, EventStore, ExpectedVersion, SerializedEvent, StreamId};
//! use composable_rust_postgres::PostgresEventStore;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let url = "postgres://app@localhost/shop";
//! let door = StreamId::new("door", 1)?;
//! let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
//! let opened = SerializedEvent::new(id, "DoorOpened.v1", Encoding::BINCODE, vec![]);
//!
//! PostgresEventStore::migrate(url).await?;
//! let store = PostgresEventStore::connect(url).await?;
//! store.append_events(door.clone(), ExpectedVersion::NoStream, vec![opened]).await?;
//! assert_eq!(store.load_events(door, None).await?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod advisory_lock;
mod append_queue;
mod append_stats;
mod attempts;
mod blockers;
mod commit_task;
mod connection;
mod deadline;
mod error;
mod errors;
mod group_builder;
mod group_commit;
mod group_recovery;
mod group_writer;
mod identity;
mod insert;
mod json;
mod listen;
mod log;
mod log_target;
mod migrate;
mod notify;
mod open;
mod options;
mod pending_append;
mod read;
mod recorded_facts;
mod row;
mod server;
mod snapshot;
mod statement_error;
mod statements;
mod store;
mod transaction;
mod types;
mod url;
mod watch;
mod watching;

pub use append_stats::AppendStats;
pub use blockers::Blocker;
pub use error::{Foreign, OpenError};
pub use options::PostgresOptions;
pub use store::PostgresEventStore;
pub use transaction::TransactionError;
