//! The conformance suite: what every event store promises, a function a promise.
//!
//! Three macros make the tests for a store of yours, a test a promise:
//!
//! | macro | makes a test of promise |
//! |---|---|
//! | [`event_store_conformance!`](crate::event_store_conformance) | 1 to 7 and 10 to 12: streams |
//! | [`event_log_conformance!`](crate::event_log_conformance) | 9: the log, and waiting for more of it |
//! | [`snapshot_conformance!`](crate::snapshot_conformance) | 8: snapshots |
//!
//! ```
//! use composable_rust_testing::{
//!     InMemoryEventStore, event_log_conformance, event_store_conformance, snapshot_conformance,
//! };
//!
//! event_store_conformance!(async { InMemoryEventStore::new() });
//! event_log_conformance!(async { InMemoryEventStore::new() });
//! snapshot_conformance!(async { InMemoryEventStore::new() });
//! # fn main() {}
//! ```
//!
//! The expression is evaluated for each test and gives a fresh, empty store: any [`EventLog`] that is `Clone`, an
//! `Arc<dyn EventLog>` for example, or a [`Fixture`], which also keeps alive what the store needs (a temporary
//! directory) and lets the suite attack it. A store without a log is wrapped into [`WithoutLog`] and leaves the second
//! macro out; one that declines all snapshots leaves out the third. The functions need a tokio runtime with several
//! threads and its timer; the macros bring one. They fail by panicking, with a message that says which promise was
//! broken how.
//!
//! What each promise says in prose stands in `specs/event-store.md`, a heading a function and in the order of their
//! numbers. `docs/guides/your-own-store.md` builds a store over a file and has it pass.
//!
//! [`EventLog`]: composable_rust_core::EventLog
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a check fails by panicking, as every test does"
)]

mod atomicity;
mod batches;
mod closed;
mod concurrency;
mod drops;
mod events;
mod expected_version;
mod fixture;
mod immutability;
mod limits;
mod log;
mod parts;
mod payloads;
mod reads;
mod repetition;
mod run;
mod snapshots;
mod subject;
mod without_log;

pub use atomicity::appends_are_atomic_dense_and_ordered;
pub use batches::batches_are_all_or_nothing;
pub use concurrency::concurrent_writers_lose_nothing;
pub use drops::dropped_appends_are_all_or_nothing;
pub use expected_version::expected_version_matrix_is_exact;
pub use fixture::{Fixture, Tampering};
pub use immutability::recorded_events_never_change;
pub use limits::limits_and_failures_are_typed;
pub use log::the_log_shows_every_event_exactly_once;
pub use parts::PROMISES;
pub use payloads::names_and_payloads_come_back_equal;
pub use reads::reads_are_complete_or_fail;
pub use repetition::repeated_appends_are_stored_once;
#[doc(hidden)]
pub use run::run;
pub use snapshots::the_newest_snapshot_wins;
pub use without_log::WithoutLog;
