//! Decides several commands into one append, and defers each answer until the events that it depends on are stored.

use std::mem;

use super::{
    AcknowledgedBatch, Aggregate, AggregateSession, BatchCommand, CommandOutcome, FailedBatch, encode::encode_events,
    panics::caught,
};
use crate::{
    AppendError, Appended, CommandId, Conflict, EventId, ExpectedVersion, IdGenerator, SerializedEvent, StreamAppend,
    StreamId, Version,
};

/// Commands of one stream that are decided one after another and share an append. A pure state machine: the shells of the
/// runtime (`Aggregates`, `EventSourced`) drive it, and a single command is a batch of one.
///
/// Add commands with [`try_add`](Self::try_add) until one does not fit, append what [`append`](Self::append) returns, and
/// report the result:
/// - [`acknowledged`](Self::acknowledged): the events are stored. Every command has its outcome.
/// - [`take_back`](Self::take_back): another writer was first (or a caller has withdrawn its command). Refresh the session and
///   add the commands again.
/// - [`failed`](Self::failed): the append failed for good. Commands with events fail with it; the others are decided again,
///   since they may have been rejected because of events that are not stored.
///
/// A batch without events appends nothing: [`confirmed`](Self::confirmed) returns its outcomes, once the shell knows that
/// the session is as new as it has to be.
///
/// A batch ends at 1,000 commands, 1,000 events or 4 MiB of event data; a single command may have more. If the store refuses
/// an append that several commands share (too large, invalid, a failure of its own), each of them is next in a batch of its
/// own, so that the refused one takes no other with it.
///
/// ```
/// # use composable_rust_core::*;
/// # #[derive(Clone, Debug, PartialEq)]
/// # struct Deposited(u64);
/// # impl Event for Deposited {
/// #     fn event_type(&self) -> &'static str { "Deposited.v1" }
/// #     fn encode(&self) -> Result<Vec<u8>, EventError> { Codec::BINCODE.encode(&self.0) }
/// #     fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
/// #         Codec::new(stored.encoding).decode(stored.data).map(|amount| Self(amount).into())
/// #     }
/// # }
/// # struct Account;
/// # impl Aggregate for Account {
/// #     const CATEGORY: &'static str = "account";
/// #     type State = u64;
/// #     type Command = u64;
/// #     type Event = Deposited;
/// #     type Rejection = std::convert::Infallible;
/// #     type Environment = ();
/// #     fn decide(_: &u64, amount: &u64, (): &()) -> Result<Vec<Deposited>, Self::Rejection> {
/// #         Ok(vec![Deposited(*amount)])
/// #     }
/// #     fn apply(balance: &mut u64, event: &Deposited) { *balance += event.0; }
/// # }
/// # struct Ids;
/// # impl IdGenerator for Ids { fn uuid(&self) -> uuid::Uuid { uuid::Uuid::nil() } }
/// struct Deposit(u64, EventMetadata);
///
/// impl BatchCommand<Account> for Deposit {
///     fn command(&self) -> &u64 { &self.0 }
///     fn command_id(&self) -> Option<CommandId> { None }
///     fn expected_version(&self) -> Option<Version> { None }
///     fn metadata(&self) -> &EventMetadata { &self.1 }
/// }
///
/// let mut session = AggregateSession::<Account>::new();
/// let mut batch = CommandBatch::new(Account::stream_id("a-1")?);
/// for amount in [5, 7] {
///     let added = batch.try_add(&mut session, Deposit(amount, EventMetadata::default()), &(), &Ids);
///     assert!(added.is_ok());
/// }
/// let append = batch.append(&session).ok_or("no events")?;
/// assert_eq!((append.events.len(), append.expected), (2, ExpectedVersion::NoStream));
///
/// let stored = Appended::new(Version::from(2), Position::from_sequence(2));
/// let answers = batch.acknowledged(&mut session, stored).outcomes;
/// assert!(matches!(answers[0].1, CommandOutcome::Stored { version, .. } if version == Version::from(1)));
/// assert_eq!(**session.state(), 12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CommandBatch<A: Aggregate, C> {
    stream_id: StreamId,
    entries: Vec<BatchEntry<A, C>>,
    /// Taken by [`Self::append`]; the counts beside it stay.
    events: Vec<SerializedEvent>,
    event_count: usize,
    event_bytes: usize,
    /// How many of the next commands are appended one by one, because the store refused an append that they shared.
    alone: usize,
}

struct BatchEntry<A: Aggregate, C> {
    command: C,
    decision: Decision<A>,
    is_alone: bool,
}

enum Decision<A: Aggregate> {
    /// The number of the command's events in the append, and the id of the last one.
    Events(usize, EventId),
    /// An answer that may rest on events of the batch that are not stored yet.
    Deferred(CommandOutcome<A>),
}

impl<A: Aggregate, C> BatchEntry<A, C> {
    const fn has_events(&self) -> bool {
        matches!(self.decision, Decision::Events(..))
    }
}

impl<A: Aggregate, C: BatchCommand<A>> CommandBatch<A, C> {
    /// The largest number of commands in a batch.
    pub const MAX_COMMANDS: usize = 1000;
    /// The largest number of events in a batch of several commands.
    pub const MAX_EVENTS: usize = 1000;
    /// The largest number of bytes of event data in a batch of several commands.
    pub const MAX_BYTES: usize = 4 << 20;

    /// An empty batch for the commands of one stream.
    #[must_use]
    pub const fn new(stream_id: StreamId) -> Self {
        Self {
            stream_id,
            entries: Vec::new(),
            events: Vec::new(),
            event_count: 0,
            event_bytes: 0,
            alone: 0,
        }
    }

    /// Decides `command` on top of the commands that were added before, and stages its events in the session.
    ///
    /// # Errors
    /// The command, if it does not fit into this batch: add it to the next one. The first command always fits.
    pub fn try_add(
        &mut self,
        session: &mut AggregateSession<A>,
        command: C,
        environment: &A::Environment,
        ids: &dyn IdGenerator,
    ) -> Result<(), C> {
        if self.is_full() || self.has_command(command.command_id()) {
            return Err(command);
        }
        match self.decide(session, &command, environment, ids) {
            Some(decision) => {
                let is_alone = self.alone > 0;
                self.alone -= usize::from(is_alone);
                self.entries.push(BatchEntry {
                    command,
                    decision,
                    is_alone,
                });
                Ok(())
            }
            None => Err(command),
        }
    }

    /// The append of this batch, at exactly the session's version; `None` if no command has decided events.
    pub fn append(&mut self, session: &AggregateSession<A>) -> Option<StreamAppend> {
        let events = mem::take(&mut self.events);
        // Exact even at version 0: an empty history is a belief like any other.
        (!events.is_empty()).then(|| StreamAppend::new(self.stream_id.clone(), session.version(), events))
    }

    /// The commands that have decided events.
    pub fn commands_with_events(&self) -> impl Iterator<Item = &C> {
        let with_events = self.entries.iter().filter(|entry| entry.has_events());
        with_events.map(|entry| &entry.command)
    }

    /// Whether some command has decided events.
    #[must_use]
    pub const fn has_events(&self) -> bool {
        self.event_count > 0
    }

    /// The number of commands in the batch.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the batch holds no commands.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The append was acknowledged: applies the events to the session's state and returns every command's outcome. An append
    /// at the session's version also confirms the answers without events.
    pub fn acknowledged(&mut self, session: &mut AggregateSession<A>, appended: Appended) -> AcknowledgedBatch<A, C> {
        let mut version = session.version();
        let (events, apply_panic) = match caught(|| session.commit_staged(appended.version)) {
            Ok(events) => (events, None),
            Err(panic) => (session.discard_staged(), Some(panic)),
        };
        let mut events = events.into_iter();
        let outcome = |entry: BatchEntry<A, C>| {
            let outcome = match entry.decision {
                Decision::Deferred(outcome) => outcome,
                Decision::Events(count, event_id) => {
                    version = advanced(version, count);
                    // A command that is alone has its list back.
                    let is_last = events.len() == count;
                    CommandOutcome::Stored {
                        events: if is_last {
                            mem::take(&mut events).collect()
                        } else {
                            events.by_ref().take(count).collect()
                        },
                        version,
                        position: appended.position,
                        event_id,
                    }
                }
            };
            (entry.command, outcome)
        };
        AcknowledgedBatch {
            outcomes: self.take_entries().into_iter().map(outcome).collect(),
            apply_panic,
        }
    }

    /// The outcomes of a batch without events. The caller has made sure that the session is new enough for them.
    pub fn confirmed(&mut self) -> Vec<(C, CommandOutcome<A>)> {
        let entries = self.take_entries().into_iter();
        let outcome = |entry: BatchEntry<A, C>| match entry.decision {
            Decision::Deferred(outcome) => Some((entry.command, outcome)),
            Decision::Events(..) => None,
        };
        entries.filter_map(outcome).collect()
    }

    /// Forgets what was decided and returns all commands in order, to be added again before all later ones.
    pub fn take_back(&mut self, session: &mut AggregateSession<A>) -> Vec<C> {
        session.discard_staged();
        let entries = self.take_entries();
        self.again(entries, false)
    }

    /// The append failed with `error` and is not repeated; also for a conflict that is not decided again. A command that is
    /// stored already (`DuplicateCommand`) fails alone: answer it with its first result.
    pub fn failed(&mut self, session: &mut AggregateSession<A>, error: &AppendError) -> FailedBatch<C> {
        session.discard_staged();
        let entries = self.take_entries();
        let named = |entry: &BatchEntry<A, C>| match error {
            AppendError::DuplicateCommand { command_id, .. } => entry.command.command_id() == Some(*command_id),
            _ => false,
        };
        let is_named = entries.iter().any(named);
        let is_shared = entries.iter().filter(|entry| entry.has_events()).count() > 1;
        if is_shared && !is_named && is_refusal(error) {
            let (failed, again) = (Vec::new(), self.again(entries, true));
            return FailedBatch { failed, again };
        }
        let fails = |entry: &BatchEntry<A, C>| if is_named { named(entry) } else { entry.has_events() };
        let (failed, again) = entries.into_iter().partition::<Vec<_>, _>(fails);
        FailedBatch {
            failed: failed.into_iter().map(|entry| entry.command).collect(),
            again: self.again(again, false),
        }
    }

    fn is_full(&self) -> bool {
        let is_single = self
            .entries
            .last()
            .is_some_and(|last| last.is_alone && last.has_events());
        is_single
            || self.entries.len() >= Self::MAX_COMMANDS
            || self.event_count >= Self::MAX_EVENTS
            || self.event_bytes >= Self::MAX_BYTES
    }

    /// The second of two commands with one id waits: once the first is stored, the store recognises it.
    fn has_command(&self, id: Option<CommandId>) -> bool {
        id.is_some() && self.entries.iter().any(|entry| entry.command.command_id() == id)
    }

    fn decide(
        &mut self,
        session: &mut AggregateSession<A>,
        command: &C,
        environment: &A::Environment,
        ids: &dyn IdGenerator,
    ) -> Option<Decision<A>> {
        let version = advanced(session.version(), self.event_count);
        if let Some(expected) = command.expected_version().filter(|expected| *expected != version) {
            return Some(Decision::Deferred(self.mismatch(expected, version)));
        }
        let events = match caught(|| session.decide(command.command(), environment)) {
            Ok(Ok(events)) if events.is_empty() => CommandOutcome::NoEvents { version },
            Ok(Ok(events)) => return self.stage(session, command, events, ids),
            Ok(Err(rejection)) => CommandOutcome::Rejected(rejection),
            Err(message) => CommandOutcome::Panicked { message },
        };
        Some(Decision::Deferred(events))
    }

    fn stage(
        &mut self,
        session: &mut AggregateSession<A>,
        command: &C,
        events: Vec<A::Event>,
        ids: &dyn IdGenerator,
    ) -> Option<Decision<A>> {
        let encoded = match caught(|| encode_events(&events, ids, command.metadata(), command.command_id())) {
            Ok(Ok(encoded)) => encoded,
            Ok(Err(error)) => return Some(Decision::Deferred(CommandOutcome::Encode(error))),
            Err(message) => return Some(Decision::Deferred(CommandOutcome::Panicked { message })),
        };
        let last = encoded.last()?.id;
        let (count, bytes) = (
            encoded.len(),
            encoded.iter().map(|event| event.data.len()).sum::<usize>(),
        );
        let fits = self.event_count + count <= Self::MAX_EVENTS && self.event_bytes + bytes <= Self::MAX_BYTES;
        // An event whose `apply` panics on the tentative state is the first of a batch next, where there is none.
        if self.has_events() && (!fits || self.alone > 0) || caught(|| session.stage(events)).is_err() {
            return None;
        }
        self.event_count += count;
        self.event_bytes += bytes;
        if self.events.is_empty() {
            self.events = encoded;
        } else {
            self.events.extend(encoded);
        }
        Some(Decision::Events(count, last))
    }

    fn mismatch(&self, expected: Version, actual: Version) -> CommandOutcome<A> {
        CommandOutcome::VersionMismatch(Conflict {
            stream_id: self.stream_id.clone(),
            expected: ExpectedVersion::Exact(expected),
            actual,
        })
    }

    fn take_entries(&mut self) -> Vec<BatchEntry<A, C>> {
        (self.event_count, self.event_bytes) = (0, 0);
        self.events.clear();
        mem::take(&mut self.entries)
    }

    fn again(&mut self, entries: Vec<BatchEntry<A, C>>, alone: bool) -> Vec<C> {
        self.alone += entries.iter().filter(|entry| alone || entry.is_alone).count();
        entries.into_iter().map(|entry| entry.command).collect()
    }
}

/// Whether the store refused this append, and would refuse it again.
const fn is_refusal(error: &AppendError) -> bool {
    !matches!(
        error,
        AppendError::Conflict(_) | AppendError::Unavailable(_) | AppendError::OutcomeUnknown(_)
    )
}

/// The version after `events` more.
fn advanced(version: Version, events: usize) -> Version {
    Version::new(version.get().saturating_add(events as u64)).unwrap_or(Version::MAX)
}
