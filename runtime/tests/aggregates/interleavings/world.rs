//! The hosts, the store that fails, and what callers were told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use composable_rust_core::{
    Aggregate, Backoff, CommandId, EventStore, ExpectedVersion, IdGenerator, SerializedEvent, StreamAppend, StreamId,
    Version,
};
use composable_rust_runtime::{
    Aggregates, CommandContext, Committed, ExecuteError, LoadError, RetryPolicy, SystemClock, Versioned,
};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, SequentialIds};
use uuid::Uuid;

use super::{
    dice::Dice,
    tagged::{Command, Odd, Part, Tagged, Wish},
};

pub(super) type State = Vec<(u64, u64)>;

/// What a caller wants, and what it was told; nothing if it went before.
pub(super) struct Call {
    pub(super) stream: usize,
    pub(super) wants: Wants,
    /// How long the stream was when it came, and when it was answered.
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) told: Option<Told>,
}

#[derive(Clone, Debug)]
pub(super) enum Wants {
    Command {
        command: Command,
        has_id: bool,
        expected: Option<usize>,
        deadline: Option<Duration>,
    },
    Look,
}

#[derive(Debug)]
pub(super) enum Told {
    Command(Result<Committed<Part>, ExecuteError<Odd>>),
    Look(Result<Versioned<State>, LoadError>),
}

/// How time passes.
#[derive(Clone, Copy)]
pub(super) enum Time {
    /// Only when the run says so, or when nothing else is left to do: the runtime's clock is paused.
    Paused,
    Real,
}

pub(super) struct World {
    time: Time,
    pub(super) dice: Dice,
    pub(super) memory: InMemoryEventStore,
    pub(super) hosts: Vec<Aggregates<Tagged>>,
    pub(super) keep_hot: usize,
    pub(super) calls: Arc<Mutex<Vec<Call>>>,
    tags: u64,
}

pub(super) const STREAMS: [&str; 3] = ["a", "b", "c"];
/// Those of writers that no host knows of.
pub(super) const RIVALS: u64 = 1_000_000;

impl World {
    pub(super) fn new(seed: u64, time: Time) -> Self {
        let mut dice = Dice(seed);
        let memory = InMemoryEventStore::new();
        let store = faulty(&memory, &mut dice);
        let capacity = 1 + dice.below(8);
        let keep_hot = 1 + dice.below(3);
        let ids = Arc::new(SequentialIds::new());
        let host = |_| {
            Aggregates::builder(Arc::clone(&store), ())
                .ids(Arc::clone(&ids) as _)
                .max_pending_commands(u32::try_from(capacity).unwrap())
                .max_cached_streams(keep_hot)
                .retry_policy(retries())
                .attempt_timeout(Duration::from_millis(40))
                .build()
        };
        let hosts = (0..=dice.below(2)).map(host).collect();
        Self {
            time,
            dice,
            memory,
            hosts,
            keep_hot,
            calls: Arc::default(),
            tags: 0,
        }
    }

    /// Lets a millisecond pass, or others run: nobody sleeps.
    pub(super) async fn go_on(&self) {
        match self.time {
            Time::Paused => tokio::time::advance(Duration::from_millis(1)).await,
            Time::Real => tokio::task::yield_now().await,
        }
    }

    pub(super) fn new_command(&mut self) -> Command {
        self.tags += 1;
        let wish = match self.dice.below(6) {
            0 | 1 => Wish::PutIfEven,
            parts => Wish::Put(parts as u64 - 2),
        };
        Command { tag: self.tags, wish }
    }

    pub(super) fn len(&self, stream: usize) -> usize {
        self.memory.events(&stream_id(stream)).len()
    }

    /// A fresh host whose store does not fail.
    pub(super) fn cold(&self) -> Aggregates<Tagged> {
        Aggregates::new(Arc::new(self.memory.clone()), ())
    }
}

fn retries() -> RetryPolicy {
    let attempts =
        |n, longest| Backoff::exponential(n, Duration::from_millis(1)).longest(Duration::from_millis(longest));
    RetryPolicy::default()
        .with_on_conflict(attempts(6, 8))
        .with_on_unavailable(attempts(3, 4))
}

fn faulty(memory: &InMemoryEventStore, dice: &mut Dice) -> Arc<dyn EventStore> {
    let mut chance = |most: f64| most * f64::from(u32::try_from(dice.below(5)).unwrap()) / 4.0;
    let chances = [0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.2].map(&mut chance);
    let [before, after, lost, reads, snapshots, conflicts, answers] = chances;
    let (delays, rivals) = (chance(0.8), AtomicU64::new(RIVALS));
    let rival = move |append: &StreamAppend| {
        let part = Part(rivals.fetch_add(1, Ordering::SeqCst), 0);
        let id = SequentialIds::series(1 + u16::try_from(part.0 - RIVALS).unwrap()).event_id();
        let event = SerializedEvent::encode(&part, id).unwrap();
        StreamAppend::new(append.stream_id.clone(), ExpectedVersion::Any, vec![event])
    };
    let store = FaultyEventStore::seeded(memory.clone(), dice.number())
        .failures_before_commit(before)
        .failures_after_commit(after)
        .lost_requests(lost)
        .lost_answers(answers / 4.0)
        .read_failures(reads)
        .snapshot_failures(snapshots)
        .conflicts(conflicts, rival)
        .delays(delays, Duration::from_millis(5), Arc::new(SystemClock));
    Arc::new(store)
}

pub(super) fn stream_id(stream: usize) -> StreamId {
    Tagged::stream_id(STREAMS[stream]).unwrap()
}

pub(super) fn context(wants: &Wants) -> CommandContext {
    let mut context = CommandContext::default();
    if let Wants::Command {
        command,
        has_id,
        expected,
        deadline,
    } = wants
    {
        context.command_id = has_id.then(|| CommandId::from(Uuid::from_u128(u128::from(command.tag))));
        context.expected_version = expected.map(|version| Version::try_from(version as u64).unwrap());
        context.timeout = *deadline;
    }
    context
}
