//! The store in memory keeps what every event store promises.

use composable_rust_testing::{
    InMemoryEventStore, conformance::WithoutLog, event_log_conformance, event_store_conformance, snapshot_conformance,
};

event_store_conformance!(async { InMemoryEventStore::new() });
event_log_conformance!(async { InMemoryEventStore::new() });
snapshot_conformance!(async { InMemoryEventStore::new() });

/// A store that has no log is asked for none.
mod streams_alone {
    use super::*;

    event_store_conformance!(async { WithoutLog::new(InMemoryEventStore::new()) });
    snapshot_conformance!(async { WithoutLog::new(InMemoryEventStore::new()) });
}
