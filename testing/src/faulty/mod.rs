//! A store that fails on purpose, without breaking a promise.

mod call;
mod carried;
mod chances;
mod dice;
mod fault;
mod nth;
mod plan;
mod report;
mod stall;
mod store;

pub use fault::{Fault, FaultKind, Operation};
pub use nth::{NthAppend, NthCall};
pub use store::FaultyEventStore;
