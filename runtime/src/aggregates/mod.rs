//! Hosts the streams of an aggregate and answers their callers.

mod builder;
mod committed;
mod error;
mod execution;
mod hot;
mod load;
mod snapshots;

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Aggregate, EventMetadata, EventStore, StreamIdError};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

pub use builder::AggregatesBuilder;
pub use committed::{Committed, Versioned};
pub use error::{ExecuteError, LoadError};

use crate::{persistent::Persistent, within::within};
use execution::Execution;
use hot::{Hot, Slot};

/// Hosts as many streams of an [`Aggregate`] as there are, and answers each caller with the outcome of *its* command.
///
/// `execute` loads, decides, appends, applies; on a conflict it loads what is missing and decides again. Commands of
/// one stream are carried out in the order in which they came; those of different streams at the same time. What was
/// used lately stays in memory, so that the next command starts with the append.
///
/// Cheap to clone; all clones are the same host. Several hosts, in several processes, may serve the same streams: the
/// store's versions keep them apart.
///
/// ```
/// # use composable_rust_core::{Aggregate, Codec, Decoded, Encoded, Event, EventError, EventStore, Version};
/// # use composable_rust_runtime::{Aggregates, ExecuteError};
/// # use composable_rust_testing::InMemoryEventStore;
/// # use std::sync::Arc;
/// # struct Deposited(u64);
/// # impl Event for Deposited {
/// #     fn event_type(&self) -> &'static str { "Deposited.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Codec::BINCODE.encode(&self.0) }
/// #     fn decode(stored: Encoded<'_>) -> Result<Decoded<Self>, EventError> {
/// #         Codec::new(stored.encoding).decode(stored.data).map(|amount| Self(amount).into())
/// #     }
/// # }
/// # #[derive(Debug)]
/// # struct NotPositive;
/// # impl std::fmt::Display for NotPositive {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("not positive") }
/// # }
/// # impl std::error::Error for NotPositive {}
/// # struct Account;
/// # impl Aggregate for Account {
/// #     const CATEGORY: &'static str = "account";
/// #     type State = u64;
/// #     type Command = u64;
/// #     type Event = Deposited;
/// #     type Rejection = NotPositive;
/// #     type Environment = ();
/// #     fn decide(_: &u64, amount: &u64, (): &()) -> Result<Vec<Deposited>, NotPositive> {
/// #         if *amount == 0 { Err(NotPositive) } else { Ok(vec![Deposited(*amount)]) }
/// #     }
/// #     fn apply(balance: &mut u64, event: &Deposited) { *balance += event.0; }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let accounts = Aggregates::<Account>::new(Arc::new(InMemoryEventStore::new()), ());
///
/// let committed = accounts.execute("a-1", 50).await?;
/// assert_eq!(committed.version, Version::from(1));
/// assert_eq!(*accounts.state("a-1").await?.state, 50);
///
/// let refused = accounts.execute("a-1", 0).await;
/// assert!(matches!(refused, Err(ExecuteError::Rejected(NotPositive))));
/// # Ok(())
/// # }
/// ```
pub struct Aggregates<A: Aggregate> {
    host: Arc<Host<A>>,
}

/// What is known about a command beyond the command itself.
///
/// ```
/// use composable_rust_core::EventMetadata;
/// use composable_rust_runtime::CommandContext;
/// let context = CommandContext::default().with_metadata(EventMetadata::default().with_actor("clerk-7"));
/// assert_eq!(context.metadata.actor.as_deref(), Some("clerk-7"));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CommandContext {
    /// Recorded with each event of the command.
    pub metadata: EventMetadata,
}

impl CommandContext {
    /// Sets what is recorded with each event.
    #[must_use]
    pub fn with_metadata(mut self, metadata: EventMetadata) -> Self {
        self.metadata = metadata;
        self
    }
}

/// What all commands share.
struct Host<A: Aggregate> {
    store: Persistent,
    environment: A::Environment,
    /// Bounds the commands in progress; taken whole, it means that none is.
    gate: Semaphore,
    capacity: u32,
    /// Rung when a command has left and the gate is closed.
    left: Notify,
    hot: Hot<A>,
}

/// A command in progress.
struct Place<'a, A: Aggregate> {
    host: &'a Host<A>,
    permit: Option<SemaphorePermit<'a>>,
}

impl<A: Aggregate> Host<A> {
    async fn enter(&self) -> Option<Place<'_, A>> {
        let permit = self.gate.acquire().await.ok();
        permit.is_some().then_some(Place { host: self, permit })
    }

    /// Lets nobody in any more after those that came before, and waits until the last has left.
    async fn leave_all(&self) {
        // Fair: behind those that came before. Closed already: only those inside are waited for.
        drop(self.gate.acquire_many(self.capacity).await);
        self.gate.close();
        loop {
            let left = self.left.notified();
            if self.gate.available_permits() == self.capacity as usize {
                return;
            }
            left.await;
        }
    }
}

impl<A: Aggregate> Drop for Place<'_, A> {
    fn drop(&mut self) {
        self.permit = None;
        if self.host.gate.is_closed() {
            self.host.left.notify_waiters();
        }
    }
}

impl<A: Aggregate> Aggregates<A> {
    /// A host with the system's clock and ids, and the builder's defaults.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, environment: A::Environment) -> Self {
        Self::builder(store, environment).build()
    }

    /// A host with settings of your own.
    #[must_use]
    pub fn builder(store: Arc<dyn EventStore>, environment: A::Environment) -> AggregatesBuilder<A> {
        AggregatesBuilder::new(store, environment)
    }

    /// Carries out `command` on the stream `category-id`.
    ///
    /// Dropping the future leaves the command done or not done, never half.
    ///
    /// # Errors
    /// See [`ExecuteError`]. Only [`ExecuteError::OutcomeUnknown`] leaves open whether events were stored; a rejection
    /// and all others mean that none were.
    pub async fn execute(
        &self,
        id: &str,
        command: A::Command,
    ) -> Result<Committed<A::Event>, ExecuteError<A::Rejection>> {
        self.execute_with(id, command, CommandContext::default()).await
    }

    /// [`Aggregates::execute`], with what is known about the command.
    ///
    /// # Errors
    /// As [`Aggregates::execute`].
    pub async fn execute_with(
        &self,
        id: &str,
        command: A::Command,
        context: CommandContext,
    ) -> Result<Committed<A::Event>, ExecuteError<A::Rejection>> {
        let _place = self.host.enter().await.ok_or(ExecuteError::Closed)?;
        let slot = self.slot(id)?;
        let mut session = slot.session.lock().await;
        Execution::new(&self.host, &slot.stream_id, &command, context)
            .run(&mut session)
            .await
    }

    /// The state of the stream `category-id` and its version; never older than the call, also where other processes
    /// write. A stream without events has the default state at version 0.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn state(&self, id: &str) -> Result<Versioned<A::State>, LoadError> {
        let slot = self.slot(id)?;
        let mut hot = slot.session.lock().await;
        // Taken out while it is worked with: a future that is dropped leaves nothing half done behind.
        let session = match hot.take() {
            Some(session) => self.host.catch_up(&slot.stream_id, session).await?,
            None => self.host.load(&slot.stream_id).await?,
        };
        let versioned = Versioned {
            version: session.version(),
            state: Arc::clone(session.state()),
        };
        *hot = Some(session);
        Ok(versioned)
    }

    /// Refuses further commands ([`ExecuteError::Closed`]) once those that came before are done, or at the deadline.
    /// Whether all of them were done in time is the answer; those that were not go on by themselves.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let done = within(&*self.host.store.clock, deadline, self.host.leave_all()).await;
        self.host.gate.close();
        done.is_some()
    }

    /// How many streams are in memory.
    #[must_use]
    pub fn hot(&self) -> usize {
        self.host.hot.len()
    }

    fn slot(&self, id: &str) -> Result<Arc<Slot<A>>, StreamIdError> {
        self.host.hot.slot(id, self.host.store.clock.now())
    }
}

impl<A: Aggregate> Clone for Aggregates<A> {
    fn clone(&self) -> Self {
        Self {
            host: Arc::clone(&self.host),
        }
    }
}
