//! Two hosts of one stream.

use std::{sync::Arc, time::Duration};

use composable_rust::{
    Aggregate, Aggregates, Backoff, CommandContext, EventStore, ExpectedVersion, IdGenerator, RecordedEvent,
    RetryPolicy, SerializedEvent, StreamAppend, StreamId, SystemIds, Versioned,
};
use futures::future::join_all;

use crate::{
    calls::{Call, Given},
    hot::Step,
    ledger::{Ledger, State, deposits, fold},
};

/// Deposits that nobody has asked for by a command.
pub(crate) fn written(stream: StreamId, amounts: &[i64]) -> StreamAppend {
    let encode = |event| SerializedEvent::encode(event, SystemIds.event_id()).unwrap();
    let events = deposits(amounts).iter().map(encode).collect();
    StreamAppend::new(stream, ExpectedVersion::Any, events)
}

/// Two hosts of a stream, and the store as it is.
pub(crate) struct Pair<'a> {
    store: Arc<dyn EventStore>,
    hosts: [Aggregates<Ledger>; 2],
    id: &'a str,
    calls: Vec<Call>,
}

impl<'a> Pair<'a> {
    /// Both on the failing store, which they ask so many times at most.
    pub(crate) fn on(store: Arc<dyn EventStore>, failing: &Arc<dyn EventStore>, id: &'a str, attempts: u32) -> Self {
        let quickly = Backoff::exponential(attempts, Duration::from_micros(50)).longest(Duration::from_micros(200));
        let host = || {
            let retries = RetryPolicy::default().with_on_unavailable(quickly);
            Aggregates::builder(Arc::clone(failing), ())
                .retry_policy(retries)
                .build()
        };
        Self {
            hosts: [host(), host()],
            store,
            id,
            calls: Vec::new(),
        }
    }

    /// All calls with their answers, which are true.
    pub(crate) async fn carry_out(mut self, steps: Vec<Step>) -> Vec<Call> {
        for step in steps {
            match step {
                Step::Commands(commands) => self.give(commands).await,
                Step::Written(amounts) => self.write(&amounts).await,
                Step::Look(host) => drop(self.look(host).await),
            }
        }
        for host in [0, 1] {
            self.look_until_seen(host).await;
        }
        self.snapshots_are_replays().await;
        let events = self.events().await;
        for call in &self.calls {
            call.is_true(&events);
        }
        self.calls
    }

    async fn give(&mut self, commands: Vec<Given>) {
        let before = self.events().await.len();
        let given = commands.into_iter().map(async |given| {
            let mut call = Call::new(given, before);
            let told = call.given.hosts.iter().map(async |host| {
                let mut context = CommandContext::default().with_actor(&call.name);
                context.command_id = call.id;
                let command = call.given.command.clone();
                self.hosts[*host].execute_with(self.id, command, context).await
            });
            call.told = join_all(told).await;
            call
        });
        let mut calls = join_all(given).await;
        let after = self.events().await.len();
        for call in &mut calls {
            call.versions = before..=after;
        }
        self.calls.extend(calls);
    }

    async fn write(&self, amounts: &[i64]) {
        self.store.append(written(self.stream(), amounts)).await.unwrap();
    }

    /// Nobody writes meanwhile, so that both have to be the same. A look may fail where the store does; it is never wrong.
    async fn look(&self, host: usize) -> Option<()> {
        let events = self.events().await;
        let told = self.hosts[host].state(self.id).await.ok()?;
        is_replay(&told, &events);
        Some(())
    }

    async fn look_until_seen(&self, host: usize) {
        for _ in 0..100 {
            if self.look(host).await.is_some() {
                return;
            }
        }
        panic!("host {host} never says its state");
    }

    /// What the hosts have saved in passing, and what comes of it.
    async fn snapshots_are_replays(&self) {
        let snapshot = self.store.load_snapshot(self.stream()).await.unwrap();
        let events = self.events().await;
        if let Some(snapshot) = snapshot {
            let version = usize::try_from(snapshot.version.get()).unwrap();
            let replayed = fold(&events[..version]);
            assert_eq!(
                Ledger::SNAPSHOTS.restore(&snapshot),
                Some(replayed),
                "at version {version}"
            );
        }
        let cold = Aggregates::<Ledger>::new(Arc::clone(&self.store), ());
        is_replay(&cold.state(self.id).await.unwrap(), &events);
    }

    async fn events(&self) -> Vec<RecordedEvent> {
        self.store.load_events(self.stream(), None).await.unwrap()
    }

    fn stream(&self) -> StreamId {
        Ledger::stream_id(self.id).unwrap()
    }
}

fn is_replay(told: &Versioned<State>, events: &[RecordedEvent]) {
    assert_eq!((*told.state, told.version.get()), (fold(events), events.len() as u64));
}
