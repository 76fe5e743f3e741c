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
//! A store works on the tokio runtime that it is opened on, or on the one that is given to [`PostgresOptions::handle`], with
//! its timer and its I/O enabled. Callers may be on any runtime, or on none: they wait for tasks of that one, and each call
//! but [`wait_for_events`](composable_rust_core::EventLog::wait_for_events) ends within a limit:
//! [`acquire_timeout`](PostgresOptions::acquire_timeout) and then
//! [`statement_timeout`](PostgresOptions::statement_timeout).
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
mod blocking_transactions;
mod commit_task;
mod deadline;
mod error;
mod errors;
mod group_builder;
mod group_commit;
mod group_recovery;
mod group_writer;
mod idle;
mod insert;
mod json;
mod listen;
mod log;
mod log_end;
mod log_origin;
mod log_poller;
mod log_target;
mod log_waiters;
mod migrate;
mod notify;
mod open;
mod options;
mod pending_append;
mod pool;
mod pooled_connection;
mod read;
mod recorded_facts;
mod row;
mod run;
mod server_settings;
mod snapshot;
mod statement_error;
mod statements;
mod stats;
mod store;
mod transaction;
mod types;
mod url;

pub use append_stats::AppendStats;
pub use blocking_transactions::BlockingTransaction;
pub use error::{LogOriginMismatch, PostgresOpenError};
pub use options::PostgresOptions;
pub use stats::PostgresStats;
pub use store::PostgresEventStore;
pub use transaction::TransactionError;
