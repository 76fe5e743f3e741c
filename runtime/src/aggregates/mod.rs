//! Hosts the streams of an aggregate and answers their callers.

mod builder;
mod committed;
mod context;
mod entry;
mod error;
mod execution;
mod gate;
mod group;
mod hot;
mod line;
mod load;
mod look;
mod queue;
mod request;
mod saving;
mod serve;
mod share;
mod snapshots;
mod work;

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Aggregate, EventStore, Version};

pub use builder::AggregatesBuilder;
pub use committed::{Committed, Versioned};
pub use context::CommandContext;
pub use error::{ExecuteError, LoadError};

use crate::{envelope, persistent::Persistent, within::within};
use entry::Knock;
use gate::Gate;
use hot::Hot;
use line::Waiting;
use look::Look;
use request::{Caller, Outcome, Progress, Request, Ticket, Unanswered};
use saving::Saving;
use work::answered;

/// Hosts as many streams of an [`Aggregate`] as there are, and answers each caller with the outcome of *its* command.
///
/// `execute` loads, decides, appends, applies; on a conflict it loads what is missing and decides again. Commands of
/// one stream are carried out in the order in which they came, those of different streams at the same time. Commands that
/// pile up on a busy stream are decided one on top of the other and share an append; no caller is answered before all that
/// its answer rests on is stored. What was used lately stays in memory, so that the next command starts with the append.
///
/// Cheap to clone; all clones are the same host. Several hosts, in several processes, may serve the same streams: the
/// store's versions keep them apart, and no command is rejected for what was so before it came.
///
/// ```
/// # use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError, EventStore, Version};
/// # use composable_rust_runtime::{Aggregates, ExecuteError};
/// # use composable_rust_testing::InMemoryEventStore;
/// # use std::sync::Arc;
/// # struct Deposited(u64);
/// # impl Event for Deposited {
/// #     fn event_type(&self) -> &'static str { "Deposited.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Codec::BINCODE.encode(&self.0) }
/// #     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
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

/// What all commands share.
struct Host<A: Aggregate> {
    store: Persistent,
    environment: A::Environment,
    gate: Gate<Knock<A>>,
    hot: Hot<A>,
    saving: Saving<A::State>,
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
    /// Dropping the future leaves the command done or not done, never half. A future that was begun and is not polled any
    /// more holds up nobody else.
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
        mut context: CommandContext,
    ) -> Result<Committed<A::Event>, ExecuteError<A::Rejection>> {
        envelope::complete_here(&mut context.metadata);
        let (metadata, progress) = (context.metadata.clone(), Arc::new(Progress::default()));
        let outcome = self.in_time(id, command, context, &progress).await;
        if let Ok(Committed {
            event_id: Some(last), ..
        }) = outcome
        {
            // What follows belongs to what is stored, also if that was stored when the command was sent before.
            let metadata = progress.first().unwrap_or(&metadata);
            envelope::enter(|| envelope::caused_by(last, Some(metadata)));
        }
        outcome
    }

    async fn in_time(
        &self,
        id: &str,
        command: A::Command,
        context: CommandContext,
        progress: &Arc<Progress>,
    ) -> Outcome<A> {
        let deadline = context.deadline;
        let answer = self.carry_out(id, command, context, progress);
        let Some(deadline) = deadline else {
            return answer.await;
        };
        match within(&*self.host.store.clock, deadline, answer).await {
            Some(outcome) => outcome,
            None if progress.withdraw() => Err(ExecuteError::Expired),
            None => Err(ExecuteError::OutcomeUnknown(Arc::new(Unanswered::Deadline))),
        }
    }

    async fn carry_out(
        &self,
        id: &str,
        command: A::Command,
        context: CommandContext,
        progress: &Arc<Progress>,
    ) -> Outcome<A> {
        let _caller = Caller(progress);
        let (ticket, answer) = Ticket::new(Request::new(command, context, Arc::clone(progress)));
        let alone = self.host.enter(id, ticket)?;
        answered(alone, answer)
            .await
            .unwrap_or_else(|_| Err(progress.unanswered(Unanswered::LetDown)))
    }

    /// The state of the stream `category-id` and its version; never older than the call, also where other processes
    /// write. A stream without events has the default state at version 0.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn state(&self, id: &str) -> Result<Versioned<A::State>, LoadError> {
        let unavailable = |why: Unanswered| LoadError::Unavailable(why.unavailable());
        let (look, seen) = Look::new();
        let slot = self.host.slot(id)?;
        let alone = slot.join(&self.host, Waiting::Look(look), entry::runtime);
        drop(slot);
        answered(alone.map_err(unavailable)?, seen)
            .await
            .unwrap_or_else(|_| Err(unavailable(Unanswered::LetDown)))
    }

    /// The state as it was at `version`: time travel. Nothing stays in memory of it. Version 0 is the default state.
    ///
    /// # Errors
    /// [`LoadError::BeyondStream`] if the stream is not that long; else as [`Aggregates::state`].
    pub async fn state_at(&self, id: &str, version: Version) -> Result<Versioned<A::State>, LoadError> {
        let stream_id = A::stream_id(id)?;
        let session = self.host.load_until(&stream_id, version).await?;
        Ok(Versioned {
            version,
            state: Arc::clone(session.state()),
        })
    }

    /// Brings what is in memory up to date with what other processes have appended, and says which version that is. Not
    /// needed for being right: a stale decision ends as a conflict, and is decided again.
    ///
    /// # Errors
    /// As [`Aggregates::state`].
    pub async fn refresh(&self, id: &str) -> Result<Version, LoadError> {
        Ok(self.state(id).await?.version)
    }

    /// Refuses further commands ([`ExecuteError::Closed`]) from now on, and waits for those that came before, also for
    /// those whose callers do not poll them. Whether all of them were done by the deadline is the answer; of the others,
    /// those that have a place go on by themselves, and those that wait for one are refused.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        self.host.close();
        let done = within(&*self.host.store.clock, deadline, self.host.gate.all_have_left()).await;
        self.host.turn_away();
        done.is_some()
    }

    /// How many streams are in memory.
    #[must_use]
    pub fn hot(&self) -> usize {
        self.host.hot.len()
    }
}

impl<A: Aggregate> Clone for Aggregates<A> {
    fn clone(&self) -> Self {
        Self {
            host: Arc::clone(&self.host),
        }
    }
}
