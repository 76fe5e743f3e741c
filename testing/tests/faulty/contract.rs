//! Faults within the contract: the whole suite passes around a store that is slow, and around one that is recorded.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use composable_rust_core::{Clock, EventLog};
use composable_rust_testing::{
    FaultyEventStore, FixedClock, InMemoryEventStore, RecordingEventStore, conformance::Fixture,
};
use futures::future::BoxFuture;

/// A sleep lets other tasks go first.
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

/// A store of streams that can be closed: from then on, each call is answered as a closed store answers it.
mod closing {
    use composable_rust_core::UnavailableReason;
    use composable_rust_testing::{Operation, conformance::limits_and_failures_are_typed};

    use super::*;

    struct Closing(FaultyEventStore<InMemoryEventStore>);

    impl Fixture for Closing {
        fn store(&self) -> Arc<dyn EventLog> {
            Arc::new(self.0.clone())
        }

        fn close(&self) -> BoxFuture<'_, bool> {
            for call in 1..=2 {
                let nth = self.0.made(Operation::Append) + call;
                let _closed = self.0.nth_append(nth).is_unavailable(UnavailableReason::Closed);
                for operation in [Operation::Read, Operation::Save, Operation::Load] {
                    let nth = self.0.made(operation) + call;
                    let _closed = self.0.nth(operation, nth).is_unavailable(UnavailableReason::Closed);
                }
            }
            Box::pin(async { true })
        }

        /// Its log can't be closed: the end of a log does not fail.
        fn has_log(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_store_that_says_that_it_is_closed_passes() {
        let store = FaultyEventStore::new(InMemoryEventStore::new());
        let fixture = async { Closing(store) };
        composable_rust_testing::conformance::run(fixture, limits_and_failures_are_typed);
    }
}
