//! The reference application of composable-rust: orders, from the command line, in an event store.
//!
//! [`order`] is the business: pure functions over commands, events and state. [`Orders`] carries commands out and
//! answers questions, on whatever event store it is given. The rest is a command-line program around them.
//!
//! ```
//! use composable_rust::{SystemClock, prelude::InMemoryEventStore};
//! use order_processing::{Orders, order::OrderCommand};
//! use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let orders = Orders::new(Arc::new(InMemoryEventStore::new()), Arc::new(SystemClock));
//! let ship = OrderCommand::ShipOrder { order_id: "o-1".parse()?, tracking: "T1".to_owned() };
//!
//! let refused = orders.execute(ship).await.map(|_| ()).map_err(|failure| failure.to_string());
//! assert_eq!(refused, Err("order o-1 has not been placed".to_owned()));
//! # Ok(())
//! # }
//! ```

mod apply;
mod arguments;
mod demo;
mod failure;
mod history;
mod list;
mod one_line;
pub mod order;
mod orders;
mod overview;
mod program;
mod storage;
mod task;

pub use apply::{Apply, Tally};
pub use arguments::{Arguments, Subcommand};
pub use failure::Failure;
pub use history::Entry;
pub use orders::Orders;
pub use overview::{Overview, Status};
pub use program::run;
pub use storage::{Storage, StoreUrl};

/// The examples of the guide to testing.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing.md")]
struct TestingGuide;

/// The examples of the guide to event sourcing.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/event-sourcing.md")]
struct EventSourcingGuide;

/// The examples of the guide to SQLite in production.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/sqlite-in-production.md")]
struct SqliteGuide;
