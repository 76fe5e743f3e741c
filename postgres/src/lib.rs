//! The event store of composable-rust on PostgreSQL.

mod connection;
mod failure;
