//! The conformance suite: what every event store promises, a function a promise.
//!
//! [`event_store_conformance!`](crate::event_store_conformance) makes a test of each for a store of yours:
//!
//! ```
//! use composable_rust_testing::{InMemoryEventStore, event_store_conformance};
//!
//! event_store_conformance!(async { InMemoryEventStore::new() });
//! # fn main() {}
//! ```
//!
//! The expression is evaluated for each test and gives a fresh, empty store: any [`EventLog`] that is `Clone`, an
//! `Arc<dyn EventLog>` for example, or a [`Fixture`], which also keeps alive what the store needs (a temporary
//! directory) and lets the suite attack it. The functions need a tokio runtime with several threads and its timer; the
//! macro brings one. They fail by panicking, with a message that says which promise was broken how.
//!
//! What each promise says in prose stands in `specs/event-store.md`, a heading a function.
//!
//! [`EventLog`]: composable_rust_core::EventLog
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a check fails by panicking, as every test does"
)]

mod atomicity;
mod batches;
mod concurrency;
mod drops;
mod events;
mod expected_version;
mod fixture;
mod immutability;
mod limits;
mod log;
mod payloads;
mod reads;
mod repetition;
mod run;
mod snapshots;
mod subject;

pub use atomicity::appends_are_atomic_dense_and_ordered;
pub use batches::batches_are_all_or_nothing;
pub use concurrency::concurrent_writers_lose_nothing;
pub use drops::dropped_appends_are_all_or_nothing;
pub use expected_version::expected_version_matrix_is_exact;
pub use fixture::{Fixture, Tampering};
pub use immutability::recorded_events_never_change;
pub use limits::limits_and_failures_are_typed;
pub use log::the_log_shows_every_event_exactly_once;
pub use payloads::names_and_payloads_come_back_equal;
pub use reads::reads_are_complete_or_fail;
pub use repetition::repeated_appends_are_stored_once;
#[doc(hidden)]
pub use run::run;
pub use snapshots::the_newest_snapshot_wins;

/// Makes a test of every promise for one store; see [`conformance`](crate::conformance).
///
/// ```
/// use composable_rust_testing::{InMemoryEventStore, event_store_conformance};
/// event_store_conformance!(async { InMemoryEventStore::new() });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! event_store_conformance {
    (@promises $then:ident $($fixture:expr)?) => {
        $crate::event_store_conformance! { @$then $($fixture)? ;
            expected_version_matrix_is_exact,
            appends_are_atomic_dense_and_ordered,
            concurrent_writers_lose_nothing,
            batches_are_all_or_nothing,
            repeated_appends_are_stored_once,
            names_and_payloads_come_back_equal,
            reads_are_complete_or_fail,
            the_newest_snapshot_wins,
            the_log_shows_every_event_exactly_once,
            dropped_appends_are_all_or_nothing,
            recorded_events_never_change,
            limits_and_failures_are_typed
        }
    };
    (@names ; $($promise:ident),*) => { &[$(stringify!($promise)),*] };
    (@tests $fixture:expr ; $($first:ident),*) => {
        $crate::event_store_conformance! { @test $fixture ; $($first),* }
    };
    (@test $fixture:expr ; ) => {};
    (@test $fixture:expr ; $promise:ident $(, $rest:ident)*) => {
        #[test]
        fn $promise() {
            $crate::conformance::run($fixture, $crate::conformance::$promise);
        }
        $crate::event_store_conformance! { @test $fixture ; $($rest),* }
    };
    ($fixture:expr $(,)?) => { $crate::event_store_conformance! { @promises tests $fixture } };
}

/// The names of the promises, in the order of the specification.
///
/// ```
/// use composable_rust_testing::conformance::PROMISES;
/// assert_eq!(PROMISES.len(), 12);
/// ```
pub const PROMISES: &[&str] = event_store_conformance!(@promises names);
