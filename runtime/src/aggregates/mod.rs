//! Hosts the streams of an aggregate and answers their callers.

mod admission;
mod batch;
mod builder;
mod cache;
mod committed;
mod context;
mod error;
mod load;
mod request;
mod snapshots;
mod stream;
mod waiting;
mod worker;

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use composable_rust_core::{Aggregate, EventStore, StreamIdError, Version};
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

pub use builder::AggregatesBuilder;
pub use committed::{Committed, Versioned};
pub use context::CommandContext;
pub use error::{ExecuteError, LoadError};

use crate::{envelope, retrying::RetryingStore, timeout::within, wait_group::WaitGroup};
use admission::Admission;
use cache::StreamCache;
use request::{CommandReply, CommandStatus, NoReply, PendingCommand, Request, WithdrawOnDrop};
use stream::CachedStream;

/// Hosts any number of streams of an [`Aggregate`], and returns to each caller the outcome of *its* command.
///
/// `execute` loads the stream (or takes it from the cache), decides, appends with optimistic concurrency, and applies the events;
/// on a conflict it reads what is missing and decides again. Commands of one stream are carried out in the order in which
/// they came, those of different streams at the same time. Commands that wait for a busy stream are decided one on top of the
/// other and share an append; no caller is answered before all events that its answer rests on are stored. The states of
/// streams that were used lately are cached, so that the next command of one costs a single append.
///
/// Cheap to clone; all clones are the same host. Several hosts, in several processes, may serve the same streams: the
/// store's versions keep them apart. A rejection is always based on state at least as new as the command.
///
/// A host needs no runtime to be built. A stream with work has one task, on the runtime of the caller whose command found the
/// stream idle, and the task ends when the stream's queue is empty: a caller that is dropped, or is not polled, delays no
/// other. If that runtime ends, callers on other runtimes get [`ExecuteError::Unavailable`], or
/// [`ExecuteError::OutcomeUnknown`] if their append was sent. Outside of a tokio runtime, the caller does the stream's work while
/// it is polled.
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
    store: RetryingStore,
    command_timeout: Duration,
    environment: A::Environment,
    admission: Admission<A>,
    cache: StreamCache<A>,
    /// Snapshots that are being saved.
    saves: Arc<WaitGroup>,
}

impl<A: Aggregate> Host<A> {
    fn stream(&self, id: &str) -> Result<Arc<CachedStream<A>>, StreamIdError> {
        self.cache.stream(id, self.store.clock.now())
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

    /// Carries out `command` on the stream `category-id`: loads the stream (or takes it from the cache), runs `decide`, appends
    /// the events with the version that they were decided at, and decides again after a conflict, by default up to 10
    /// times in all (see [`RetryPolicy`](crate::RetryPolicy)). Returns once the events are durable, by default within 60 s
    /// (see [`command_timeout`](AggregatesBuilder::command_timeout)).
    ///
    /// Dropping the future leaves the command done or not done, never half done. A future that was polled once and is not
    /// polled any more delays no other caller.
    ///
    /// # Errors
    /// [`ExecuteError::Rejected`] is the aggregate's own refusal. After [`ExecuteError::OutcomeUnknown`] the events may be
    /// stored or not; after every other error nothing was stored by this call. [`ExecuteError::Unavailable`],
    /// [`ExecuteError::Conflict`] and [`ExecuteError::NotStarted`] may succeed later;
    /// [`is_final`](ExecuteError::is_final) says so.
    pub async fn execute(
        &self,
        id: &str,
        command: A::Command,
    ) -> Result<Committed<A::Event>, ExecuteError<A::Rejection>> {
        self.execute_with(id, command, CommandContext::default()).await
    }

    /// [`Aggregates::execute`], with a command id, an expected version, a timeout or metadata.
    ///
    /// # Errors
    /// As [`Aggregates::execute`]. [`ExecuteError::Conflict`] also if the stream is not at the expected version.
    pub async fn execute_with(
        &self,
        id: &str,
        command: A::Command,
        mut context: CommandContext,
    ) -> Result<Committed<A::Event>, ExecuteError<A::Rejection>> {
        envelope::complete_here(&mut context.metadata);
        let metadata = context.metadata.clone();
        let Some(pending) = self.host.admission.enter() else {
            return Err(ExecuteError::Closed);
        };
        let (status, caller) = CommandStatus::new(pending);
        let CommandReply {
            outcome,
            first_metadata,
        } = self.carry_out(id, command, context, status, &caller).await?;
        if let Ok(Committed {
            event_id: Some(last), ..
        }) = outcome
        {
            // What follows belongs to what is stored, also if that was stored when the command was sent before.
            let metadata = first_metadata.as_ref().unwrap_or(&metadata);
            envelope::enter(|| envelope::caused_by(last, Some(metadata)));
        }
        outcome
    }

    async fn carry_out(
        &self,
        id: &str,
        command: A::Command,
        context: CommandContext,
        status: CommandStatus,
        caller: &WithdrawOnDrop,
    ) -> Result<CommandReply<A>, ExecuteError<A::Rejection>> {
        let limit = self.host.command_timeout;
        let limit = context.timeout.map_or(limit, |timeout| timeout.min(limit));
        let (command, reply) = PendingCommand::new(command, context, status);
        let reply = async {
            let work = self.host.submit(id, command).await?;
            let reply = replied(work, reply).await;
            reply.ok_or_else(|| caller.unanswered(NoReply::WorkerGone))
        };
        match within(&*self.host.store.clock, limit, reply).await {
            Some(reply) => reply,
            None if caller.withdraw() => Err(ExecuteError::NotStarted),
            None => Err(caller.unanswered(NoReply::Timeout)),
        }
    }

    /// The state of the stream `category-id` and its version; never older than the call, also where other processes
    /// write. A stream without events has the default state at version 0.
    ///
    /// # Errors
    /// [`LoadError::Unavailable`]: ask again later, if its reason is worth a retry. [`LoadError::Decode`]: declare the stored
    /// name. [`LoadError::Panicked`]: fix `apply`. [`LoadError::Read`]: the store needs attention.
    pub async fn state(&self, id: &str) -> Result<Versioned<A::State>, LoadError> {
        let (read, reply) = oneshot::channel();
        let work = self.host.stream(id)?.enqueue(&self.host, Request::Read(read));
        let reply = replied(work, reply).await;
        reply.unwrap_or_else(|| Err(LoadError::Unavailable(NoReply::WorkerGone.unavailable())))
    }

    /// The state as it was at `version`: time travel. It is not cached. Version 0 is the default state.
    ///
    /// # Errors
    /// [`LoadError::VersionNotReached`] if the stream is not that long; else as [`Aggregates::state`].
    pub async fn state_at(&self, id: &str, version: Version) -> Result<Versioned<A::State>, LoadError> {
        let stream_id = A::stream_id(id)?;
        let session = self.host.load_until(&stream_id, version).await?;
        Ok(Versioned {
            version,
            state: Arc::clone(session.state()),
        })
    }

    /// Brings the cached state up to date with what other processes have appended, and returns its version. Not needed for
    /// correctness: a decision on stale state ends as a conflict, and is decided again.
    ///
    /// # Errors
    /// As [`Aggregates::state`].
    pub async fn refresh(&self, id: &str) -> Result<Version, LoadError> {
        Ok(self.state(id).await?.version)
    }

    /// Refuses further commands ([`ExecuteError::Closed`]) and waits for those that came before, also if their callers do not
    /// poll them. Returns whether all of them were done by the deadline. Of the others, those that were admitted go on, and
    /// those that wait for admission are refused. [`Aggregates::state`] still works. The store stays open: close it afterwards.
    /// Background snapshots are not waited for: see [`Aggregates::flush`].
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        self.host.admission.close();
        let done = within(&*self.host.store.clock, deadline, self.host.admission.idle()).await;
        self.host.admission.reject_waiting();
        done.is_some()
    }

    /// Waits until all snapshots that fell due are saved, given up, or replaced by newer ones. Each is given up after
    /// [`attempt_timeout`](AggregatesBuilder::attempt_timeout). Call it before a program ends that wants its next start to
    /// load from them, and in tests.
    pub async fn flush(&self) {
        self.host.saves.wait().await;
    }

    /// The number of streams whose state is in memory.
    #[must_use]
    pub fn cached_streams(&self) -> usize {
        self.host.cache.len()
    }
}

/// What comes back on `reply`; `None` if the sender was dropped. Polls `work`, if there is some that no task does.
async fn replied<T>(mut work: Option<BoxFuture<'static, ()>>, mut reply: oneshot::Receiver<T>) -> Option<T> {
    poll_fn(move |context| {
        if let Some(doing) = &mut work
            && doing.poll_unpin(context).is_ready()
        {
            work = None;
        }
        // Outside of a runtime the work goes on for the others, too, until the stream's queue is empty.
        if work.is_some() {
            return Poll::Pending;
        }
        reply.poll_unpin(context).map(Result::ok)
    })
    .await
}

impl<A: Aggregate> Clone for Aggregates<A> {
    fn clone(&self) -> Self {
        Self {
            host: Arc::clone(&self.host),
        }
    }
}
