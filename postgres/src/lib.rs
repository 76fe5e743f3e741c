//! The event store of composable-rust on PostgreSQL.

mod append;
mod connection;
mod error;
mod facts;
mod failure;
mod insert;
mod job;
mod judge;
mod lane;
mod locked;
mod log;
mod open;
mod options;
mod queue;
mod read;
mod row;
mod snapshot;
mod statements;
mod store;
mod types;
mod url;

pub use error::OpenError;
pub use options::PostgresOptions;
pub use store::PostgresEventStore;
