//! The contract of event stores, on a real server, plain and partitioned.

use std::sync::Arc;

use composable_rust_core::EventLog;
use composable_rust_postgres::PostgresEventStore;
use composable_rust_postgres_fixture::TestDatabase;
use composable_rust_testing::{conformance::Fixture, event_store_conformance};

struct OnServer {
    store: PostgresEventStore,
    _database: TestDatabase,
}

impl OnServer {
    async fn fresh() -> Self {
        let database = crate::support::database().await;
        Self {
            store: crate::support::open(&database).await,
            _database: database,
        }
    }
}

impl Fixture for OnServer {
    fn store(&self) -> Arc<dyn EventLog> {
        Arc::new(self.store.clone())
    }
}

event_store_conformance!(OnServer::fresh());
