//! A store, and what the rounds showed of it.

use std::{sync::Arc, time::Instant};

use composable_rust::{
    Aggregate, Aggregates, EventStore, ExpectedVersion, SnapshotOutcome, StreamId, SystemClock, Version,
};
use composable_rust_benches::quantiles;

use crate::{
    history::{CUT, Kept, LENGTH, Purchase, event},
    order::{Order, OrderEnvironment},
};

/// The aggregate with the history.
const ID: &str = "long";
/// How often a round does what is quick.
const TIMES: u32 = 20;
/// Events of a round, one at a time and in batches of 100.
const APPENDS: u32 = 100;
const BATCHES: u32 = 10;

pub(crate) struct Subject {
    name: &'static str,
    store: Arc<dyn EventStore>,
    /// Streams that were begun for appends.
    begun: u32,
    one_at_a_time: Vec<f64>,
    batches: Vec<f64>,
    /// Seconds.
    order: Vec<f64>,
    full: Vec<f64>,
    from_snapshot: Vec<f64>,
    saving: Vec<f64>,
}

impl Subject {
    pub(crate) async fn new(name: &'static str, store: Arc<dyn EventStore>) -> Self {
        let events: Vec<_> = (0..LENGTH).map(event).collect();
        let stream = Order::stream_id(ID).unwrap();
        for (done, events) in (0_u32..).zip(events.chunks(1000)) {
            let expected = Version::from(done * 1000).into();
            store
                .append_events(stream.clone(), expected, events.to_vec())
                .await
                .unwrap();
        }
        Self {
            name,
            store,
            begun: 0,
            one_at_a_time: vec![],
            batches: vec![],
            order: vec![],
            full: vec![],
            from_snapshot: vec![],
            saving: vec![],
        }
    }

    pub(crate) async fn round(&mut self) {
        let appending = self.one_at_a_time().await;
        self.one_at_a_time.push(f64::from(APPENDS) / appending);
        let appending = self.batches().await;
        self.batches.push(f64::from(BATCHES * 100) / appending);
        self.saving.push(self.save().await);
        let environment = OrderEnvironment::new(Arc::new(SystemClock));
        self.order.push(self.cold::<Order>(1, &environment).await);
        self.full.push(self.cold::<Kept<false>>(1, &()).await);
        self.from_snapshot.push(self.cold::<Kept<true>>(TIMES, &()).await);
    }

    fn fresh(&mut self) -> StreamId {
        self.begun += 1;
        StreamId::new("short", self.begun).unwrap()
    }

    async fn one_at_a_time(&mut self) -> f64 {
        let (stream, mut version) = (self.fresh(), Version::INITIAL);
        let started = Instant::now();
        for number in 0..APPENDS {
            let append = self
                .store
                .append_events(stream.clone(), version.into(), vec![event(number)]);
            version = append.await.unwrap().version;
        }
        started.elapsed().as_secs_f64()
    }

    async fn batches(&mut self) -> f64 {
        let batches: Vec<_> = (0..BATCHES)
            .map(|_| (self.fresh(), (0..100).map(event).collect()))
            .collect();
        let started = Instant::now();
        for (stream, events) in batches {
            let append = self.store.append_events(stream, ExpectedVersion::NoStream, events);
            append.await.unwrap();
        }
        started.elapsed().as_secs_f64()
    }

    /// One snapshot: the state encoded, and stored.
    async fn save(&self) -> f64 {
        let (stream, state) = (Order::stream_id(ID).unwrap(), Some(Purchase::example()));
        let started = Instant::now();
        for _ in 0..TIMES {
            let snapshot = Kept::<true>::SNAPSHOTS.save(CUT.into(), &state).unwrap().unwrap();
            let outcome = self.store.save_snapshot(stream.clone(), snapshot).await.unwrap();
            assert_eq!(outcome, SnapshotOutcome::Stored);
        }
        started.elapsed().as_secs_f64() / f64::from(TIMES)
    }

    /// The aggregate, by a host that has never seen it.
    async fn cold<A: Aggregate<Environment: Clone>>(&self, times: u32, environment: &A::Environment) -> f64 {
        let started = Instant::now();
        for _ in 0..times {
            let host = Aggregates::<A>::new(Arc::clone(&self.store), environment.clone());
            assert_eq!(host.state(ID).await.unwrap().version, Version::from(LENGTH));
        }
        started.elapsed().as_secs_f64() / f64::from(times)
    }

    pub(crate) fn print(self) {
        let scaled = |values: &[f64], scale: f64| values.iter().map(|value| value * scale).collect();
        let gains = self.full.iter().zip(&self.from_snapshot).map(|(full, cut)| full / cut);
        let rates = self.order.iter().map(|seconds| f64::from(LENGTH) / seconds);
        let rows = [
            ("append, one at a time, events/s", self.one_at_a_time),
            ("append, batches of 100, events/s", self.batches),
            ("replay of the example's order, events/s", rates.collect()),
            ("cold load, 10,000 events, ms", scaled(&self.full, 1e3)),
            ("cold load, snapshot at 9,950, ms", scaled(&self.from_snapshot, 1e3)),
            ("full replay / snapshot and tail", gains.collect()),
            ("a snapshot encoded and stored, µs", scaled(&self.saving, 1e6)),
        ];
        println!("{}", self.name);
        for (name, values) in rows {
            let [low, median, high] = quantiles(values);
            println!("  {name:42} {median:12.3}  ({low:.3} to {high:.3})");
        }
    }
}
