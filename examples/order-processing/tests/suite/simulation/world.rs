//! The store, the processes on it, and the users who ask them.

use std::{pin::pin, sync::Arc, task::Poll, time::Duration};

use composable_rust::{
    Aggregate, EventMetadata, EventStore, IdGenerator, RecordedEvent, SerializedEvent, StreamAppend, StreamId,
    testing::{FaultyEventStore, InMemoryEventStore, SequentialIds, TestClock},
};
use order_processing::order::{Order, OrderCommand, OrderEnvironment, OrderEvent, OrderId};

use super::{
    dice::Dice,
    journal::{Answer, Journal, Told},
    plan::{Intent, place},
    process::Process,
    users::User,
};

const PROCESSES: usize = 2;
const USERS: usize = 5;
const WISHES: usize = 12;

/// The actor of another program's events.
pub(super) const RIVAL: &str = "a rival";

/// More steps than any run needs: one that is not done by then is stuck.
const STEPS: usize = 100_000;

pub(super) struct World {
    dice: Dice,
    /// So many of the processes are asked.
    asked: usize,
    clock: TestClock,
    pub(super) store: InMemoryEventStore,
    faulty: FaultyEventStore<InMemoryEventStore>,
    processes: Vec<Process>,
    started: usize,
    pub(super) intents: Vec<Intent>,
    users: Vec<User>,
    pub(super) journal: Journal,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let (mut dice, clock) = (Dice::new(seed), TestClock::new());
        let store = InMemoryEventStore::with_clock(Arc::new(clock.clone()));
        // From a store that never fails, where processes crash all the same, to one that hardly works.
        let badness = *dice.one_of(&[0.0, 0.5, 1.0, 1.0, 2.0]);
        let with_id = *dice.one_of(&[0, 50, 100]);
        let intents = (0..USERS * WISHES).map(|nth| Intent::any(nth, nth / USERS, with_id, &mut dice));
        let mut world = Self {
            faulty: faulty(&store, &clock, seed, badness),
            intents: intents.collect(),
            users: (0..USERS)
                .map(|user| User::new((0..WISHES).map(|turn| turn * USERS + user)))
                .collect(),
            processes: Vec::new(),
            started: 0,
            journal: Journal::default(),
            asked: if with_id == 0 { 1 } else { PROCESSES },
            dice,
            clock,
            store,
        };
        for _ in 0..PROCESSES {
            let process = world.start(Arc::new(world.faulty.clone()));
            world.processes.push(process);
        }
        world
    }

    /// One more process.
    pub(super) fn start(&mut self, store: Arc<dyn EventStore>) -> Process {
        self.started += 1;
        Process::start(self.started, store, &self.clock, &mut self.dice)
    }

    /// Until every user is content.
    pub(super) fn run(&mut self) {
        for _ in 0..STEPS {
            if self.users.iter().all(User::is_content) {
                return;
            }
            for user in 0..self.users.len() {
                self.let_speak(user);
            }
            let process = self.dice.below(PROCESSES);
            self.processes[process].work(1 + self.dice.below(4));
            if self.dice.shows(1) {
                let crashed = self.dice.below(PROCESSES);
                self.processes[crashed] = self.start(Arc::new(self.faulty.clone()));
            }
            if self.dice.shows(40) {
                self.clock.advance_to_next();
            }
        }
        panic!("stuck: users wait for answers that do not come");
    }

    fn let_speak(&mut self, user: usize) {
        let Some(intent) = self.users[user].next(&self.journal, &self.intents) else {
            return;
        };
        for _ in 0..self.intents[intent].sent_at_once {
            let process = self.dice.below(self.asked);
            let call = self.send(intent, process);
            self.users[user].sent(call);
        }
    }

    fn send(&self, nth: usize, process: usize) -> usize {
        let intent = &self.intents[nth];
        let call = self
            .journal
            .open(nth, process, self.store.events(&intent.stream()).len());
        let pending = Pending {
            journal: self.journal.clone(),
            store: self.store.clone(),
            stream: intent.stream(),
            call,
            answer: Answer::Crashed,
        };
        let (host, command, context) = (
            self.processes[process].host.clone(),
            intent.command.clone(),
            intent.context(),
        );
        self.processes[process].spawn(async move {
            let order = command.order_id().to_string();
            pending.answered(host.execute_with(&order, command, context).await);
        });
        call
    }

    /// The state of an order, as one of the processes that are alive tells it.
    pub(super) fn asked(&self, process: usize, order: &str) -> Option<(Order, u64)> {
        let process = &self.processes[process];
        // The store still fails now and then.
        (0..100).find_map(|_| {
            let state = self.alone(process, process.host.state(order)).ok()?;
            Some((Order::clone(&state.state), state.version.get()))
        })
    }

    /// The answer to a question that a process is asked while nothing else happens.
    pub(super) fn alone<T>(&self, process: &Process, question: impl Future<Output = T>) -> T {
        let mut question = pin!(question);
        for _ in 0..STEPS {
            if let Poll::Ready(answer) = process.block_on(async { futures::poll!(&mut question) }) {
                return answer;
            }
            // What was spawned for others may hold it up.
            process.work(1);
            self.clock.advance_to_next();
        }
        panic!("stuck: a question has no answer");
    }

    pub(super) fn processes(&self) -> usize {
        self.processes.len()
    }

    /// All that was said and done.
    pub(super) fn transcript(&self) -> Vec<String> {
        let calls = self.journal.calls().into_iter().map(|call| {
            let (intent, answer) = (&self.intents[call.intent], call.answer.map(|answer| answer.to_string()));
            let answer = answer.unwrap_or_else(|| "no answer".to_owned());
            format!("{intent}, of process {} -> {answer}", call.process)
        });
        let faults = self.faulty.faults().into_iter().map(|fault| fault.to_string());
        let log = self.store.all_events().into_iter().map(|event| line(&event));
        let shared = self.shared().then(|| "commands shared an append".to_owned());
        calls.chain(faults).chain(log).chain(shared).collect()
    }

    /// Whether a command was acknowledged at the end of an append that goes on after its events.
    fn shared(&self) -> bool {
        let events = self.store.all_events();
        let calls = self.journal.calls();
        let mut acknowledged = calls.iter().filter_map(|call| call.answer.as_ref()?.committed());
        acknowledged.any(|committed| {
            let mut own = events.iter().filter(|event| Some(event.id) == committed.event_id);
            own.any(|event| committed.position > Some(event.position))
        })
    }
}

/// Whose wish the event was.
pub(super) fn actor(event: &RecordedEvent) -> Option<&str> {
    event.metadata.as_ref()?.actor.as_deref()
}

fn line(event: &RecordedEvent) -> String {
    let who = actor(event).unwrap_or("nobody");
    let (stream, version, id) = (&event.stream_id, event.version, event.id);
    format!("log: {stream} {version} {} {id} by {who}", event.event_type)
}

/// Answered, or cut off.
struct Pending {
    journal: Journal,
    store: InMemoryEventStore,
    stream: StreamId,
    call: usize,
    answer: Answer,
}

impl Pending {
    fn answered(mut self, told: Told) {
        self.answer = Answer::Told(told);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let after = self.store.events(&self.stream).len();
        self.journal.answer(self.call, after, self.answer.clone());
    }
}

fn faulty(
    store: &InMemoryEventStore,
    clock: &TestClock,
    seed: u64,
    badness: f64,
) -> FaultyEventStore<InMemoryEventStore> {
    let (ids, rivals_store) = (SequentialIds::new(), store.clone());
    FaultyEventStore::seeded(store.clone(), seed)
        .delays(0.3, Duration::from_millis(300), Arc::new(clock.clone()))
        .failures_before_commit(0.08 * badness)
        .failures_after_commit(0.08 * badness)
        .lost_requests(0.06 * badness)
        .lost_answers(0.06 * badness)
        .read_failures(0.10 * badness)
        .conflicts(0.08 * badness, move |append| rival(&rivals_store, append, &ids))
}

/// What another program might do to the order: by the rules, and without a command's id.
fn rival(store: &InMemoryEventStore, append: &StreamAppend, ids: &SequentialIds) -> StreamAppend {
    let order_id: OrderId = append.stream_id.id().unwrap().parse().unwrap();
    let cancel = OrderCommand::CancelOrder {
        order_id: order_id.clone(),
        reason: "a rival".to_owned(),
    };
    let environment = OrderEnvironment::new(Arc::new(TestClock::new()));
    let state = fold(&store.events(&append.stream_id));
    let decided = Order::decide(&state, &cancel, &environment);
    let decided = decided.or_else(|_| Order::decide(&state, &place(order_id, 1000), &environment));
    let events = decided.unwrap_or_default().into_iter().map(|event| {
        let metadata = EventMetadata::default().with_actor(RIVAL);
        let event = SerializedEvent::encode(&event, ids.event_id()).unwrap();
        event.with_metadata(metadata)
    });
    // Expects what the state was folded from: beside others, it may lose.
    let version = store.events(&append.stream_id).len();
    StreamAppend::new(
        append.stream_id.clone(),
        super::plan::version(version),
        events.collect(),
    )
}

/// The order that these events make.
pub(super) fn fold(events: &[RecordedEvent]) -> Order {
    let mut order = Order::default();
    for event in events {
        for event in event.decode::<OrderEvent>().unwrap().into_vec() {
            Order::apply(&mut order, &event);
        }
    }
    order
}
