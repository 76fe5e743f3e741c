//! A store under test, with what it needs and how to attack it.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{EventLog, RecordedEvent};
use futures::future::{self, BoxFuture};

/// A fresh store under test, with what has to stay alive for it and how to attack it.
///
/// Every [`EventLog`] that is `Clone` is a fixture of itself. A store with a directory or a server, or one whose
/// tables can be reached behind its back, gets a type of its own:
///
/// ```
/// use std::sync::Arc;
/// use composable_rust_core::{EventLog, RecordedEvent};
/// use composable_rust_testing::{InMemoryEventStore, conformance::{Fixture, Tampering}, event_store_conformance};
/// use futures::future::BoxFuture;
///
/// struct Directory; // as of the crate tempfile: removed when dropped
/// struct OnDisk { store: InMemoryEventStore, _directory: Directory }
///
/// impl Fixture for OnDisk {
///     fn store(&self) -> Arc<dyn EventLog> {
///         Arc::new(self.store.clone())
///     }
///     fn tamper<'a>(&'a self, event: &'a RecordedEvent) -> BoxFuture<'a, Vec<Tampering>> {
///         // For example: sqlx::query("DELETE FROM events WHERE ...").execute(&self.raw).await
///         let answer: Result<(), &str> = Err("events are immutable");
///         Box::pin(async move { vec![Tampering::new("DELETE", &answer)] })
///     }
/// }
///
/// event_store_conformance!(async { OnDisk { store: InMemoryEventStore::new(), _directory: Directory } });
/// # fn main() { assert!(!Tampering::new("UPDATE", &Ok::<(), ()>(())).refused); }
/// ```
pub trait Fixture: Send + Sync + 'static {
    /// The store. Every call gives a handle to the same one.
    fn store(&self) -> Arc<dyn EventLog>;

    /// Tries to change or remove `event` behind the store's back, in every way its medium has, and reports how that
    /// went. Nothing by default: a store in memory has no back door.
    fn tamper<'a>(&'a self, event: &'a RecordedEvent) -> BoxFuture<'a, Vec<Tampering>> {
        let _ = event;
        Box::pin(future::ready(Vec::new()))
    }

    /// Makes all reads fail from now on, those under way included (renames the table, cuts the connection); `false`
    /// where that can't be done, as by default.
    fn break_reads(&self) -> BoxFuture<'_, bool> {
        Box::pin(future::ready(false))
    }

    /// Closes the store; `false` where that can't be done, as by default. The suite makes no handle to it afterwards, and
    /// expects [`UnavailableReason::Closed`](composable_rust_core::UnavailableReason::Closed) of the one it has.
    fn close(&self) -> BoxFuture<'_, bool> {
        Box::pin(future::ready(false))
    }

    /// Whether the store has a log: the promises of streams ask it as a second witness. [`WithoutLog`](super::WithoutLog)
    /// says no.
    fn has_log(&self) -> bool {
        true
    }

    /// How many events the long stream has that is read through. A store whose memory is watched may want a million.
    fn long_stream(&self) -> usize {
        100_000
    }

    /// How long the suite waits for one call before it takes the store for stuck. It measures nothing else.
    fn patience(&self) -> Duration {
        Duration::from_mins(1)
    }
}

impl<L: EventLog + Clone> Fixture for L {
    fn store(&self) -> Arc<dyn EventLog> {
        Arc::new(self.clone())
    }
}

/// One attempt to change or remove a recorded event behind the store's back.
///
/// ```
/// use composable_rust_testing::conformance::Tampering;
/// let answer: Result<(), &str> = Err("events are immutable");
/// assert!(Tampering::new("UPDATE events SET event_data = ''", &answer).refused);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tampering {
    /// What was tried: the statement, for example.
    pub attempt: String,
    /// Whether it was refused.
    pub refused: bool,
}

impl Tampering {
    /// An attempt that ended with `answer`.
    #[must_use]
    pub fn new<T, E>(attempt: impl Into<String>, answer: &Result<T, E>) -> Self {
        Self {
            attempt: attempt.into(),
            refused: answer.is_err(),
        }
    }
}
