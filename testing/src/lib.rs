//! What tests of composable-rust applications stand on: scenarios for the rules of aggregates, an exhaustive test store
//! for reducers, an event store in memory, stores that fail on purpose, clocks that tests move, ids that are the same in
//! every run, and the conformance suite that every event store passes. `docs/testing.md` is the guide to all of it.
//!
//! Nothing here sleeps, reads the wall clock or draws a random number: a test that passes once passes always.
//!
//! | to prove | use |
//! |---|---|
//! | the rules of an aggregate | [`Scenario`] |
//! | a reducer and its effects | [`TestStore`] |
//! | what is in a store | [`History`], [`assert_stream!`], [`assert_events!`] |
//! | that what was stored once is still read | [`golden_events!`], [`golden_snapshots!`] |
//! | that the worst is survived | [`FaultyEventStore`], [`RecordingEventStore`] |
//! | that a store keeps the contract | [`conformance`] |
//! | what holds for everything | `strategies` (feature `proptest`) |
//!
//! ```
//! use composable_rust_core::{Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent, StreamId};
//! use composable_rust_testing::{InMemoryEventStore, SequentialIds};
//!
//! # futures::executor::block_on(async {
//! let (store, ids) = (InMemoryEventStore::new(), SequentialIds::new());
//! let door = StreamId::new("door", 1)?;
//! let opened = SerializedEvent::new(ids.event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
//!
//! store.append_events(door.clone(), ExpectedVersion::NoStream, vec![opened]).await?;
//! assert_eq!(store.events(&door).len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

#[doc(hidden)]
pub mod asserts;
mod clock;
pub mod conformance;
mod diff;
mod failed;
mod faulty;
mod fixtures;
#[doc(hidden)]
pub mod golden;
mod ids;
mod in_memory;
mod recording;
mod scenario;
mod test_store;

pub use clock::{FixedClock, ImmediateClock, TestClock, TestTime, UnimplementedClock};
pub use faulty::{Fault, FaultKind, FaultyEventStore, NthAppend, NthCall, Operation};
#[cfg(feature = "proptest")]
pub use fixtures::strategies;
pub use fixtures::{History, SnapshotFixture};
pub use golden::{GoldenEvents, GoldenSnapshots};
pub use ids::SequentialIds;
pub use in_memory::InMemoryEventStore;
pub use recording::{Answer, RecordedCall, RecordingEventStore, Request};
pub use scenario::{Fixed, FixedEnvironment, Outcome, Scenario, Setting};
pub use test_store::{EventSourcedTest, Exhaustivity, HostedState, TestStore, TestStoreBuilder};
