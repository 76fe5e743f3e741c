//! The event store in memory, and the readable reference of the contract.

mod inspection;
mod log;
mod reading;
mod store;
mod stream;

pub use store::InMemoryEventStore;
