//! The event store of composable-rust on PostgreSQL.

mod append;
mod blockers;
mod connection;
mod error;
mod facts;
mod failure;
mod identity;
mod insert;
mod job;
mod json;
mod judge;
mod lane;
mod listen;
mod locked;
mod log;
mod migrate;
mod notify;
mod open;
mod options;
mod queue;
mod read;
mod row;
mod server;
mod snapshot;
mod statements;
mod store;
mod transaction;
mod types;
mod url;
mod watch;
mod watching;

pub use blockers::Blocker;
pub use error::{Foreign, OpenError};
pub use options::PostgresOptions;
pub use store::PostgresEventStore;
pub use transaction::TransactionError;
