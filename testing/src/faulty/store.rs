//! A store that fails on purpose.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use composable_rust_core::{Clock, EventLog, ReadError, StreamAppend};

use super::{
    chances::Chances,
    fault::{Fault, FaultKind, Operation},
    nth::{NthAppend, NthCall},
    plan::{Plan, Step},
    stall::{ReadableEnd, Until},
};

/// A store that fails on purpose: by script, or by a seed.
///
/// It keeps every promise of a store, so all its faults can happen in production. `Unavailable` and `Backend` mean that
/// nothing was written; `OutcomeUnknown` may mean either. A conflict comes from another writer's append and has the actual
/// version. A read that fails ends with an error. The log shows every event once, perhaps late. Limits are checked first.
///
/// # By script
///
/// ```
/// use composable_rust_core::{AppendError, Encoding, EventStore, ExpectedVersion, IdGenerator, SerializedEvent, StreamId};
/// use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, SequentialIds};
///
/// # futures::executor::block_on(async {
/// let store = FaultyEventStore::new(InMemoryEventStore::new()).nth_append(1).fails_after_commit();
/// let door: StreamId = "door-1".parse()?;
/// let opened = SerializedEvent::new(SequentialIds::new().event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
/// let append = || store.append_events(door.clone(), ExpectedVersion::NoStream, vec![opened.clone()]);
///
/// assert!(matches!(append().await, Err(AppendError::OutcomeUnknown(_))));
/// assert!(append().await.is_ok(), "the identical append, sent again, brings the first result");
/// store.assert_script_met();
/// # Ok::<(), composable_rust_core::StreamIdError>(())
/// # }).unwrap();
/// ```
///
/// # By a seed
///
/// What happens to the nth append depends on the seed and on n alone. A test that fails prints the seed and every fault
/// that came to pass.
///
/// ```
/// use composable_rust_testing::{FaultyEventStore, InMemoryEventStore};
///
/// for seed in 0..100 {
///     let store = FaultyEventStore::seeded(InMemoryEventStore::new(), seed)
///         .failures_before_commit(0.1)
///         .failures_after_commit(0.1)
///         .read_failures(0.05);
///     // ... the application does its work, and what it promised is checked ...
///     assert!(store.faults().is_empty(), "nobody has called it yet");
/// }
/// ```
///
/// Clones are handles to the same store.
pub struct FaultyEventStore<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    store: S,
    /// A std Mutex: nothing awaits while it is held.
    plan: Mutex<Plan>,
    end: ReadableEnd,
}

impl<S> FaultyEventStore<S> {
    /// A store that does what a script says, and everything else as `store` does it.
    #[must_use]
    pub fn new(store: S) -> Self {
        let shared = Shared {
            store,
            plan: Mutex::default(),
            end: ReadableEnd::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A store whose faults follow from `seed`, as often as is said next. Calls that a script names follow the script.
    #[must_use]
    pub fn seeded(store: S, seed: u64) -> Self {
        let faulty = Self::new(store);
        faulty.plan().seed = Some(seed);
        faulty
    }

    /// The store behind it, without faults: to prepare a history, and to check the outcome.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.shared.store
    }

    /// What is to happen to the nth append, 1 for the first; batches are counted in, appends beyond a limit are not.
    ///
    /// # Panics
    /// When that append was made already.
    #[track_caller]
    pub fn nth_append(&self, nth: u64) -> NthAppend<S> {
        NthAppend(self.call(Operation::Append, nth))
    }

    /// What is to happen to the append that comes next.
    pub fn next_append(&self) -> NthAppend<S> {
        let nth = self.made(Operation::Append) + 1;
        self.nth_append(nth)
    }

    /// What is to happen to the nth read of a stream.
    ///
    /// # Panics
    /// When that read was made already.
    #[track_caller]
    pub fn nth_read(&self, nth: u64) -> NthCall<S> {
        self.nth(Operation::Read, nth)
    }

    /// What is to happen to the read of a stream that comes next.
    pub fn next_read(&self) -> NthCall<S> {
        self.nth_read(self.made(Operation::Read) + 1)
    }

    /// What is to happen to the nth call of any kind but appends.
    ///
    /// ```
    /// use composable_rust_core::{EventLog, Position, ReadAll};
    /// use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, Operation};
    ///
    /// # futures::executor::block_on(async {
    /// let store = FaultyEventStore::new(InMemoryEventStore::new()).nth(Operation::Page, 1).fails();
    /// assert!(store.read_all(ReadAll::after(Position::BEGINNING)).await.is_err());
    /// assert!(store.read_all(ReadAll::after(Position::BEGINNING)).await.is_ok());
    /// # });
    /// ```
    ///
    /// # Panics
    /// When that call was made already, and for appends, see [`FaultyEventStore::nth_append`].
    #[track_caller]
    pub fn nth(&self, operation: Operation, nth: u64) -> NthCall<S> {
        assert!(
            operation != Operation::Append,
            "what happens to an append is not said like that\n\nhelp: write `nth_append({nth})`"
        );
        self.call(operation, nth)
    }

    #[track_caller]
    fn call(&self, operation: Operation, nth: u64) -> NthCall<S> {
        assert!(
            nth > 0,
            "there is no {operation} 0\n\nhelp: count from 1, as in \"the 1st {operation}\""
        );
        let made = self.made(operation);
        assert!(
            nth > made,
            "{operation} {nth} can't be scripted any more: {made} were made already\n\n\
             help: script it before it is made; {operation} {} is the next",
            made + 1
        );
        let store = self.clone();
        NthCall { store, operation, nth }
    }

    /// How many calls of a kind were made so far.
    #[must_use]
    pub fn made(&self, operation: Operation) -> u64 {
        self.plan().made(operation)
    }

    pub(super) fn plan(&self) -> MutexGuard<'_, Plan> {
        self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the seed has for this call. Outside of the lock: the rival is the test's own code.
    pub(super) fn seeded_steps(&self, operation: Operation, nth: u64, appends: &[StreamAppend]) -> Vec<Step> {
        let (seed, chances) = {
            let plan = self.plan();
            (plan.seed, plan.chances.clone())
        };
        seed.map_or_else(Vec::new, |seed| chances.steps(seed, operation, nth, appends))
    }

    pub(super) fn end(&self) -> &ReadableEnd {
        &self.shared.end
    }

    /// Every fault that came to pass, in order.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.plan().faults.clone()
    }

    /// What never happens proves nothing: a chance without a seed, and one that is none, are slips of the test.
    #[track_caller]
    fn chances(self, chance: f64, set: impl FnOnce(&mut Chances)) -> Self {
        let is_seeded = self.plan().seed.is_some();
        assert!(
            is_seeded,
            "without a seed there are no chances\n\n\
             help: make the store with `FaultyEventStore::seeded(store, seed)`, or script what is to happen"
        );
        assert!(
            (0.0..=1.0).contains(&chance),
            "{chance} is no chance\n\nhelp: write 0.1 for one call in ten, 1.0 for each"
        );
        set(&mut self.plan().chances);
        self
    }

    #[track_caller]
    fn appends(self, kind: FaultKind, chance: f64) -> Self {
        self.chances(chance, |chances| chances.appends.push((kind, chance)))
    }

    /// So many appends of a seeded store, 0.1 for one in ten, are not written and answered with `Unavailable`.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn failures_before_commit(self, chance: f64) -> Self {
        self.appends(FaultKind::FailsBeforeCommit, chance)
    }

    /// So many appends of a seeded store are written and answered with `OutcomeUnknown`.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn failures_after_commit(self, chance: f64) -> Self {
        self.appends(FaultKind::FailsAfterCommit, chance)
    }

    /// So many appends of a seeded store are not written and answered with `OutcomeUnknown`.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn lost_requests(self, chance: f64) -> Self {
        self.appends(FaultKind::RequestLost, chance)
    }

    /// So many appends of a seeded store are written and never answered: for applications that know impatience.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn lost_answers(self, chance: f64) -> Self {
        self.appends(FaultKind::AnswerLost, chance)
    }

    /// Before so many appends of a seeded store, another writer's append is written, as `rival` makes it; of a batch it is
    /// shown the first entry.
    ///
    /// What another writer would write only the application knows: an event that it can't decode would be a fault of
    /// another kind. And a conflict without another writer would tell an untruth, which no store may.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn conflicts(self, chance: f64, rival: impl Fn(&StreamAppend) -> StreamAppend + Send + Sync + 'static) -> Self {
        self.chances(chance, |chances| chances.conflicts = Some((chance, Arc::new(rival))))
    }

    /// So many reads of streams, pages and waits of a seeded store fail; reads of streams in their middle.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn read_failures(self, chance: f64) -> Self {
        self.chances(chance, |chances| chances.reads = chance)
    }

    /// So many snapshots of a seeded store can't be saved or loaded.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn snapshot_failures(self, chance: f64) -> Self {
        self.chances(chance, |chances| chances.snapshots = chance)
    }

    /// So many calls of a seeded store are held, on `clock` and for `longest` at most.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn delays(self, chance: f64, longest: Duration, clock: Arc<dyn Clock>) -> Self {
        self.chances(chance, |chances| chances.delays = Some((chance, longest, clock)))
    }

    /// At so many pages of a seeded store the log stalls, on `clock` and for `longest` at most: readers do not get past
    /// what was readable at its beginning, as while a transaction that came earlier is still open.
    ///
    /// # Panics
    /// Without a seed, and if `chance` is not from 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn stalls(self, chance: f64, longest: Duration, clock: Arc<dyn Clock>) -> Self {
        self.chances(chance, |chances| chances.stalls = Some((chance, longest, clock)))
    }

    /// Lets the readers of the log go on after [`FaultyEventStore::stall_log`], or before a seeded stall ends by itself.
    pub fn resume_log(&self) {
        self.end().resume();
    }
}

impl<S: EventLog> FaultyEventStore<S> {
    /// From here on readers of the log do not get past what is readable now, until [`FaultyEventStore::resume_log`].
    ///
    /// ```
    /// use composable_rust_core::{Encoding, EventLog, EventStore, ExpectedVersion, IdGenerator, Position, SerializedEvent};
    /// use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, SequentialIds};
    ///
    /// # futures::executor::block_on(async {
    /// let store = FaultyEventStore::new(InMemoryEventStore::new());
    /// store.stall_log().await?;
    /// let opened = SerializedEvent::new(SequentialIds::new().event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![]);
    /// store.append_events("door-1".parse()?, ExpectedVersion::NoStream, vec![opened]).await?;
    ///
    /// assert_eq!(store.head().await?, Position::BEGINNING);
    /// store.resume_log();
    /// assert_eq!(store.head().await?, Position::from_sequence(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// When the store behind it can't say where its log ends.
    pub async fn stall_log(&self) -> Result<(), ReadError> {
        let head = self.inner().head().await?;
        self.end().stall(head, Until::Resumed);
        Ok(())
    }
}

/// Another handle to the same store.
impl<S> Clone for FaultyEventStore<S> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        Self { shared }
    }
}

impl<S> fmt::Debug for FaultyEventStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan();
        f.debug_struct("FaultyEventStore")
            .field("seed", &plan.seed)
            .field("faults", &plan.faults.len())
            .finish_non_exhaustive()
    }
}
