//! The event store of composable-rust on PostgreSQL.

mod connection;
mod error;
mod failure;
mod log;
mod open;
mod options;
mod read;
mod row;
mod snapshot;
mod statements;
mod store;
mod types;
mod url;

pub use error::OpenError;
pub use options::PostgresOptions;
pub use store::PostgresEventStore;

/// Until `append.rs` and `queue.rs` are here: a queue that takes nothing.
mod queue {
    use std::sync::Arc;

    use composable_rust_core::{AppendError, Appended, StreamAppend};
    use tokio::sync::watch;

    use crate::{connection::Connections, failure::Stopped};

    #[derive(Debug)]
    pub(crate) struct Queue(watch::Sender<u64>);

    impl Queue {
        pub(crate) fn new(_connections: Arc<Connections>) -> Arc<Self> {
            Arc::new(Self(watch::Sender::new(0)))
        }

        pub(crate) fn committed(&self) -> watch::Receiver<u64> {
            self.0.subscribe()
        }

        pub(crate) async fn append(&self, _appends: Vec<StreamAppend>) -> Result<Vec<Appended>, AppendError> {
            Err(AppendError::Unavailable(Stopped::Closed.source()))
        }

        pub(crate) async fn close(&self) {}
    }
}
