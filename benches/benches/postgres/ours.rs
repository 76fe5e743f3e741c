//! The store, as an application uses it: at most 8 connections, as they are by default.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use composable_rust::{
    Aggregates, Decoded, Event, EventId, EventLog, EventStore, ExpectedVersion, Position, PostgresEventStore, ReadAll,
    RecordedEvent, SerializedEvent, StreamId, Version,
};
use composable_rust_benches::{Basket, LineAdded, stream};
use futures::FutureExt;
use uuid::Uuid;

use crate::{
    bare::Bare,
    cell::{Caller, Work},
    processor::Processor,
};

/// What is in the log for the readers.
const STREAMS: u32 = 100;
const LENGTH: usize = 1000;

/// The same for short loads: as many streams, of so many events.
const SHORT: usize = 10;

pub(crate) struct Setup {
    pub(crate) bare: Bare,
    pub(crate) processor: Processor,
    store: PostgresEventStore,
    baskets: Aggregates<Basket>,
}

/// Unique in the run.
pub(crate) fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Of the size of an order with two lines.
pub(crate) fn line() -> LineAdded {
    LineAdded {
        sku: "SKU-12345, and what else is known of the thing that was ordered".to_owned(),
        quantity: 2,
        cents: 2500,
    }
}

/// What a command decides.
pub(crate) fn decided() -> LineAdded {
    LineAdded {
        sku: "SKU-12345".to_owned(),
        ..line()
    }
}

pub(crate) fn event() -> SerializedEvent {
    serialized(&line())
}

pub(crate) fn serialized(line: &LineAdded) -> SerializedEvent {
    SerializedEvent::encode(line, EventId::from_uuid(Uuid::now_v7())).unwrap()
}

fn fresh() -> StreamId {
    stream(next()).unwrap()
}

/// The events of a stream of the log, by name.
pub(crate) fn stored(number: u32) -> StreamId {
    StreamId::new("stored", number).unwrap()
}

/// The same of the short ones.
pub(crate) fn short(number: u32) -> StreamId {
    StreamId::new("short", number).unwrap()
}

fn decoded(events: &[RecordedEvent]) -> usize {
    let lines = events.iter().filter(|event| match LineAdded::decode(event.encoded()) {
        Ok(Decoded::One(line)) => black_box(line).quantity == 2,
        _ => false,
    });
    lines.count()
}

impl Setup {
    /// The store's log is filled and copied, so that both sides read the same.
    pub(crate) async fn new(url: &str) -> Self {
        let store = PostgresEventStore::options()
            .migrate_on_connect(true)
            .connect(url)
            .await
            .unwrap();
        for number in 0..STREAMS {
            for (stream_id, length) in [(stored(number), LENGTH), (short(number), SHORT)] {
                let events = (0..length).map(|_| event()).collect();
                store
                    .append_events(stream_id, ExpectedVersion::NoStream, events)
                    .await
                    .unwrap();
            }
        }
        Self {
            bare: Bare::new(url).await,
            processor: Processor::new(url).await,
            baskets: Aggregates::new(Arc::new(store.clone()), ()),
            store,
        }
    }

    pub(crate) async fn close(&self) {
        self.store.close().await;
    }

    pub(crate) fn caller(&self, work: Work) -> Caller {
        let store = self.store.clone();
        match work {
            Work::Append { .. } | Work::Crowd { .. } => appending(store),
            Work::Execute => executing(self.baskets.clone(), "quiet"),
            Work::Busy { .. } => executing(self.baskets.clone(), "busy"),
            Work::Batch { events, .. } => Box::new(move || batch(store.clone(), events).boxed()),
            Work::Load(_) => Box::new(move || load(store.clone(), stored(next() % STREAMS), LENGTH).boxed()),
            Work::LoadShort { .. } => Box::new(move || load(store.clone(), short(next() % STREAMS), SHORT).boxed()),
            Work::Log(_) => Box::new(move || log(store.clone()).boxed()),
        }
    }
}

/// One event after another, to a stream of its own.
fn appending(store: PostgresEventStore) -> Caller {
    let (stream, version) = (fresh(), Arc::new(AtomicU64::new(0)));
    Box::new(move || {
        let (store, stream, version) = (store.clone(), stream.clone(), Arc::clone(&version));
        let append = async move {
            let expected = Version::try_from(version.load(Ordering::Relaxed)).unwrap();
            let appended = store
                .append_events(stream, expected.into(), vec![event()])
                .await
                .unwrap();
            version.store(appended.version.get(), Ordering::Relaxed);
            1
        };
        append.boxed()
    })
}

/// One command after another, to this stream, which stays in memory from round to round.
fn executing(baskets: Aggregates<Basket>, id: &'static str) -> Caller {
    Box::new(move || {
        let baskets = baskets.clone();
        let execute = async move {
            baskets.execute(id, 2).await.unwrap();
            1
        };
        execute.boxed()
    })
}

async fn batch(store: PostgresEventStore, events: usize) -> usize {
    let batch = (0..events).map(|_| event()).collect();
    store
        .append_events(fresh(), ExpectedVersion::NoStream, batch)
        .await
        .unwrap();
    events
}

async fn load(store: PostgresEventStore, stream_id: StreamId, length: usize) -> usize {
    let events = store.load_events(stream_id, None).await.unwrap();
    assert_eq!(decoded(&events), length);
    length
}

/// All that was there at first; what the appends have added since is left out on both sides.
async fn log(store: PostgresEventStore) -> usize {
    let (mut after, mut events) = (Position::BEGINNING, 0);
    while events < (LENGTH + SHORT) * STREAMS as usize {
        let page = store.read_all(ReadAll::after(after).limit(1000)).await.unwrap();
        events += decoded(&page.events);
        after = page.resume_after;
    }
    events
}
