//! What is in memory is what the log says, whoever else writes and whatever fails.

use std::{sync::Arc, time::Duration};

use composable_rust::{
    Aggregate, Aggregates, Backoff, CommandContext, CommandId, Committed, EventStore, ExecuteError, ExpectedVersion,
    IdGenerator, RecordedEvent, Retries, SerializedEvent, StreamAppend, StreamId, SystemIds, testing::FaultyEventStore,
};
use futures::future::join_all;
use proptest::{collection::vec, prelude::*};

use crate::{
    ledger::{Ledger, LedgerCommand, LedgerEvent, NotEnough, command, decoded, deposits, fold},
    stores::{Subject, of_every_store},
};

type Told = Result<Committed<LedgerEvent>, ExecuteError<NotEnough>>;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// So many commands are given at once, each to one of the two hosts.
    Commands(Vec<(usize, LedgerCommand)>),
    /// Somebody appends by hand.
    Written(Vec<i64>),
    /// Somebody looks at the state that a host has in memory.
    Look(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => vec((0..2_usize, command()), 1..7).prop_map(Step::Commands),
        2 => vec(1..50_i64, 1..4).prop_map(Step::Written),
        1 => (0..2_usize).prop_map(Step::Look),
    ]
}

of_every_store! {
    hot_states_are_replays_and_answers_are_true_while_others_write
    hot_states_are_replays_and_answers_are_true_while_much_fails
}

fn hot_states_are_replays_and_answers_are_true_while_others_write(subject: &Subject) {
    subject.satisfies(
        &vec(step(), 1..12),
        async |store: Arc<dyn EventStore>, id: &str, steps| {
            Pair::on(Arc::clone(&store), &store, id).carry_out(steps).await;
        },
    );
}

fn hot_states_are_replays_and_answers_are_true_while_much_fails(subject: &Subject) {
    let input = (any::<u64>(), vec(step(), 1..12));
    subject.satisfies(&input, async |store: Arc<dyn EventStore>, id: &str, (seed, steps)| {
        let faulty = FaultyEventStore::seeded(Arc::clone(&store), seed)
            .failures_before_commit(0.15)
            .failures_after_commit(0.15)
            .lost_requests(0.1)
            .read_failures(0.15)
            .snapshot_failures(0.3)
            .conflicts(0.15, |append| written(append.stream_id.clone(), &[1]));
        let failing: Arc<dyn EventStore> = Arc::new(faulty);
        Pair::on(store, &failing, id).carry_out(steps).await;
    });
}

/// Deposits that nobody has asked for by a command.
fn written(stream: StreamId, amounts: &[i64]) -> StreamAppend {
    let encode = |event| SerializedEvent::encode(event, SystemIds.event_id()).unwrap();
    let events = deposits(amounts).iter().map(encode).collect();
    StreamAppend::new(stream, ExpectedVersion::Any, events)
}

/// Two hosts of a stream, and the store as it is.
struct Pair<'a> {
    store: Arc<dyn EventStore>,
    hosts: [Aggregates<Ledger>; 2],
    id: &'a str,
    told: Vec<(CommandId, Told)>,
}

impl<'a> Pair<'a> {
    fn on(store: Arc<dyn EventStore>, failing: &Arc<dyn EventStore>, id: &'a str) -> Self {
        let quickly = Backoff::exponential(4, Duration::from_micros(50)).longest(Duration::from_micros(200));
        let host = || {
            let retries = Retries::default().with_outages(quickly);
            Aggregates::builder(Arc::clone(failing), ()).retries(retries).build()
        };
        Self {
            hosts: [host(), host()],
            store,
            id,
            told: Vec::new(),
        }
    }

    async fn carry_out(mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Commands(commands) => self.give(commands).await,
                Step::Written(amounts) => self.write(&amounts).await,
                Step::Look(host) => self.look(host).await,
            }
        }
        for host in [0, 1] {
            self.look(host).await;
        }
        self.answers_are_true().await;
    }

    async fn give(&mut self, commands: Vec<(usize, LedgerCommand)>) {
        let given = commands.into_iter().map(async |(host, command)| {
            let id = CommandId::from(SystemIds.uuid());
            let context = CommandContext::default().with_command_id(id);
            (id, self.hosts[host].execute_with(self.id, command, context).await)
        });
        let told = join_all(given).await;
        self.told.extend(told);
    }

    async fn write(&self, amounts: &[i64]) {
        self.store.append(written(self.stream(), amounts)).await.unwrap();
    }

    /// Nobody writes meanwhile, so that both have to be the same.
    async fn look(&self, host: usize) {
        let events = self.events().await;
        // A look may fail where the store does; it is never wrong.
        if let Ok(hot) = self.hosts[host].state(self.id).await {
            assert_eq!((*hot.state, hot.version.get()), (fold(&events), events.len() as u64));
        }
    }

    async fn answers_are_true(&self) {
        let events = self.events().await;
        for (id, told) in &self.told {
            let stored = self.store.load_command(self.stream(), *id).await.unwrap();
            let marks = events
                .iter()
                .filter(|event| event.command.is_some_and(|mark| mark.id == *id));
            assert!(marks.count() <= 1, "a command is in the log twice");
            match told {
                Ok(committed) => is_stored(committed, &stored),
                Err(ExecuteError::OutcomeUnknown(_)) => {}
                Err(error) => assert!(stored.is_empty(), "{error}, and yet it is stored"),
            }
        }
    }

    async fn events(&self) -> Vec<RecordedEvent> {
        self.store.load_events(self.stream(), None).await.unwrap()
    }

    fn stream(&self) -> StreamId {
        Ledger::stream_id(self.id).unwrap()
    }
}

fn is_stored(committed: &Committed<LedgerEvent>, stored: &[RecordedEvent]) {
    let events: Vec<_> = stored.iter().flat_map(decoded).collect();
    assert_eq!(committed.events, events);
    assert_eq!(committed.event_id, stored.last().map(|last| last.id));
    if let Some(last) = stored.last() {
        assert_eq!(committed.version, last.version);
        assert!(committed.position >= Some(last.position));
    }
}
