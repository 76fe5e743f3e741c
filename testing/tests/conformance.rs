//! The store in memory keeps what every event store promises.

use composable_rust_testing::{InMemoryEventStore, event_store_conformance};

event_store_conformance!(async { InMemoryEventStore::new() });
