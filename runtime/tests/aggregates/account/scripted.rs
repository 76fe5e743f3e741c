//! A store in memory that meets each append with the next step of a script: the kit's faults, as a list.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use composable_rust_core::{CommandId, EventStore, ExpectedVersion, StreamAppend, StreamId};
use composable_rust_testing::{FaultyEventStore, InMemoryEventStore, Operation, RecordingEventStore};
use tokio::sync::Notify;

use super::{AccountEvent, of_command, serialized, stream};

/// What happens to an append.
pub(crate) enum Step {
    /// It is carried out.
    Pass,
    /// Somebody else's events come first.
    OvertakenBy(Vec<AccountEvent>),
    /// Somebody else's append comes first, command and all.
    OvertakenByCommand(CommandId, Vec<AccountEvent>),
    /// Not written, and said so.
    Unavailable,
    /// Refused for a reason of the store's own.
    Full,
    /// Not written, but that is not known.
    Lost,
    /// Written, but that is not known.
    AnswerLost,
    /// Nothing, for ever.
    Hang,
    /// The future panics.
    Panic,
    /// Waits until `proceed` is notified, then is carried out.
    Held,
}

/// What happens to a read that is not just carried out.
#[derive(Clone, Copy)]
pub(crate) enum ReadStep {
    Unavailable,
    Hang,
    Panic,
}

type Faulty = FaultyEventStore<InMemoryEventStore>;

pub(crate) struct Scripted {
    pub(crate) inner: InMemoryEventStore,
    faulty: Faulty,
    recorded: RecordingEventStore<Faulty>,
    pub(crate) proceed: Arc<Notify>,
    pub(crate) arrived: Arrivals,
}

impl Scripted {
    pub(crate) fn new(script: impl IntoIterator<Item = Step>) -> Arc<Self> {
        let inner = InMemoryEventStore::new();
        let faulty = FaultyEventStore::new(inner.clone());
        let proceed = Arc::new(Notify::new());
        for (nth, step) in (1..).zip(script) {
            tell(&faulty, nth, step, &proceed);
        }
        let recorded = RecordingEventStore::new(faulty.clone());
        let arrived = Arrivals::at(recorded.clone());
        Arc::new(Self {
            inner,
            faulty,
            recorded,
            proceed,
            arrived,
        })
    }

    /// The store, as the shells are given it.
    pub(crate) fn port(&self) -> Arc<dyn EventStore> {
        Arc::new(self.recorded.clone())
    }

    /// What happens to the next reads.
    pub(crate) fn script_reads(&self, steps: impl IntoIterator<Item = ReadStep>) {
        let next = self.faulty.made(Operation::Read) + 1;
        for (nth, step) in (next..).zip(steps) {
            let read = self.faulty.nth_read(nth);
            match step {
                ReadStep::Unavailable => read.fails(),
                ReadStep::Hang => read.is_never_answered(),
                ReadStep::Panic => read.panics(),
            };
        }
    }

    /// Holds the next read until what comes back is notified.
    pub(crate) fn hold_next_read(&self) -> Arc<Notify> {
        let proceed = Arc::new(Notify::new());
        let held = Arc::clone(&proceed);
        self.faulty
            .next_read()
            .is_held_until(async move { held.notified().await });
        proceed
    }

    /// How often streams were read.
    pub(crate) fn reads(&self) -> usize {
        self.recorded.reads().len()
    }

    pub(crate) fn appends(&self) -> Vec<StreamAppend> {
        self.recorded.appends()
    }

    /// All that is stored in a stream, decoded.
    pub(crate) async fn stored(&self, stream_id: StreamId) -> Vec<AccountEvent> {
        let recorded = self.inner.load_events(stream_id, None).await.unwrap();
        recorded
            .iter()
            .flat_map(|event| event.decode::<AccountEvent>().unwrap().as_slice().to_vec())
            .collect()
    }
}

fn tell(faulty: &Faulty, nth: u64, step: Step, proceed: &Arc<Notify>) {
    let append = faulty.nth_append(nth);
    match step {
        Step::Pass => faulty.clone(),
        Step::OvertakenBy(events) => {
            let rival = StreamAppend::new(stream(), ExpectedVersion::Any, serialized(&events));
            append.loses_race_to(rival)
        }
        Step::OvertakenByCommand(command, events) => {
            let rival = StreamAppend::new(stream(), ExpectedVersion::Any, of_command(command, &events));
            append.loses_race_to(rival)
        }
        Step::Unavailable => append.fails_before_commit(),
        Step::Full => append.is_refused(),
        Step::Lost => append.loses_its_request(),
        Step::AnswerLost => append.fails_after_commit(),
        Step::Hang => append.is_never_answered(),
        Step::Panic => append.panics(),
        Step::Held => {
            let proceed = Arc::clone(proceed);
            append.is_held_until(async move { proceed.notified().await })
        }
    };
}

/// The appends that nobody has waited for yet.
pub(crate) struct Arrivals {
    recorded: RecordingEventStore<Faulty>,
    seen: AtomicUsize,
}

impl Arrivals {
    fn at(recorded: RecordingEventStore<Faulty>) -> Self {
        let seen = AtomicUsize::new(0);
        Self { recorded, seen }
    }

    /// Completes when an append has arrived since the last time.
    pub(crate) async fn notified(&self) {
        self.recorded.appends_begun(self.seen.load(Ordering::SeqCst) + 1).await;
        self.seen.store(self.recorded.appends().len(), Ordering::SeqCst);
    }
}
