//! Faults within the contract: the whole suite passes around a store that is slow, and around one that is recorded.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use composable_rust_core::{Clock, EventLog};
use composable_rust_testing::{
    FaultyEventStore, FixedClock, InMemoryEventStore, RecordingEventStore, conformance::Fixture,
};
use futures::future::BoxFuture;

/// Whoever sleeps lets the others go first.
struct Yielding;

impl Clock for Yielding {
    fn now(&self) -> DateTime<Utc> {
        FixedClock::START
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }
}

struct Around<L>(L);

impl<L: EventLog + Clone> Fixture for Around<L> {
    fn store(&self) -> Arc<dyn EventLog> {
        Arc::new(self.0.clone())
    }

    fn long_stream(&self) -> usize {
        1000
    }
}

mod slow {
    use super::*;

    fn store() -> Around<FaultyEventStore<InMemoryEventStore>> {
        let store = FaultyEventStore::seeded(InMemoryEventStore::new(), 7);
        Around(store.delays(0.3, Duration::from_secs(1), Arc::new(Yielding)))
    }

    composable_rust_testing::event_store_conformance!(async { store() });
    composable_rust_testing::event_log_conformance!(async { store() });
    composable_rust_testing::snapshot_conformance!(async { store() });
}

mod recorded {
    use super::*;

    fn store() -> Around<RecordingEventStore<InMemoryEventStore>> {
        Around(RecordingEventStore::new(InMemoryEventStore::new()))
    }

    composable_rust_testing::event_store_conformance!(async { store() });
    composable_rust_testing::event_log_conformance!(async { store() });
    composable_rust_testing::snapshot_conformance!(async { store() });
}
