//! Event sourcing for Rust in one loop: reducers, effects, a store, and events as the only truth.
//!
//! Business logic is pure functions. An [`Aggregate`] decides commands into events and is whatever its events say; a
//! [`Reducer`] changes state and returns an [`Effect`], a value that says what should happen next. The [`Store`] and
//! [`Aggregates`] run them: versions, conflicts, retries and half-applied state are their business, not yours.
//!
//! [`examples/account.rs`](https://docs.rs/crate/composable-rust/latest/source/examples/account.rs) is the smallest whole
//! application; `examples/order-processing` in the repository is a real one, on a command line.
//!
//! # Where things are
//!
//! Everything is at the root of this crate; [`prelude`] imports what most files need.
//!
//! | for | look at |
//! |---|---|
//! | events and how they are stored | [`Event`], [`Encoding`], [`SerializedEvent`], [`RecordedEvent`] |
//! | stores and their promises | [`EventStore`], [`EventLog`], [`AppendError`] |
//! | aggregates | [`Aggregate`], [`Aggregates`], [`EventSourced`] |
//! | the loop | [`Reducer`], [`ReducerExt`], [`Effect`], [`Store`] |
//!
//! ```
//! # #[cfg(feature = "macros")] {
//! use composable_rust::prelude::*;
//!
//! #[derive(Debug, PartialEq, Event)]
//! enum DoorEvent {
//!     #[event("DoorOpened.v1")]
//!     Opened,
//!     #[event("DoorLocked.v1")]
//!     Locked { code: u32 },
//! }
//!
//! let locked = DoorEvent::Locked { code: 7 };
//! let stored = composable_rust::SerializedEvent::encode(&locked, SystemIds.event_id())?;
//! assert_eq!(stored.event_type, "DoorLocked.v1");
//! assert_eq!(DoorEvent::decode(stored.encoded())?.as_slice(), [locked]);
//! # }
//! # Ok::<(), composable_rust::EventError>(())
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `macros` (default) | `#[derive(Event)]` |
//! | `sqlite` | `SqliteEventStore`: one file, no server, durable |
//! | `postgres` | `PostgresEventStore`: the production store; `postgres-tls-…` encrypt its connections |
//! | `testing` | scenarios, `TestStore`, `InMemoryEventStore`, faults, test clocks, the conformance suite |
//! | `proptest` | `testing::strategies` |
//! | `json` | [`Encoding::JSON`] |
//! | `opentelemetry` | the trace of the current span, recorded with events ([`TraceContext`]) |

pub use composable_rust_core::*;
#[cfg(feature = "macros")]
pub use composable_rust_macros::Event;
/// The store on PostgreSQL, with its options and errors.
#[cfg(feature = "postgres")]
pub use composable_rust_postgres as postgres;
#[cfg(feature = "postgres")]
pub use composable_rust_postgres::PostgresEventStore;
pub use composable_rust_runtime::*;
/// The store in a SQLite file, with its options and errors.
#[cfg(feature = "sqlite")]
pub use composable_rust_sqlite as sqlite;
#[cfg(feature = "sqlite")]
pub use composable_rust_sqlite::SqliteEventStore;
/// In-memory store, test clocks, and the conformance suite of event stores.
#[cfg(feature = "testing")]
pub use composable_rust_testing as testing;

#[doc(hidden)]
pub use composable_rust_core::__private;

/// The examples of the README.
#[cfg(all(doctest, feature = "testing", feature = "macros"))]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The examples of the guide to the words.
#[cfg(all(doctest, feature = "testing", feature = "macros"))]
#[doc = include_str!("../../docs/concepts.md")]
struct Concepts;

/// What most files of an application import.
///
/// ```
/// use composable_rust::prelude::*;
/// assert_eq!(Version::INITIAL, Version::default());
/// ```
pub mod prelude {
    #[cfg(feature = "postgres")]
    pub use crate::PostgresEventStore;
    #[cfg(feature = "sqlite")]
    pub use crate::SqliteEventStore;
    #[cfg(feature = "testing")]
    pub use crate::testing::InMemoryEventStore;
    pub use crate::{
        Aggregate, Aggregates, AppendError, Clock, CommandContext, Committed, Effect, Event, EventError, EventId,
        EventLog, EventMetadata, EventSourced, EventSourcedAction, EventSourcedEnvironment, EventSourcedState,
        EventStore, ExecuteError, ExpectedVersion, IdGenerator, Position, ReadAll, Reducer, ReducerExt,
        SerializedEvent, SnapshotPolicy, Store, StreamAppend, StreamId, SystemClock, SystemIds, Version, prism,
    };
}
