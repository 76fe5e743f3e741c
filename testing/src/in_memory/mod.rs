//! The event store in memory: the contract of every store, written to be read.

mod inspection;
mod log;
mod reading;
mod store;
mod stream;

pub use store::InMemoryEventStore;
