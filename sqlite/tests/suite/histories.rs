//! Random histories, read in every way there is: the answers are those of the store in memory, which keeps a `Vec`.

use composable_rust_core::{
    CommandId, CommandMark, EventFilter, EventLog, EventMetadata, EventStore, ExpectedVersion, Position, ReadAll,
    ReadStream, RecordedEvent, SerializedEvent, StreamId, Version,
};
use composable_rust_sqlite::SqliteEventStore;
use composable_rust_testing::InMemoryEventStore;
use futures::TryStreamExt;
use proptest::{collection::vec, prelude::*};
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use crate::support;

/// What the events of an append are like.
#[derive(Clone, Copy, Debug)]
enum Sizes {
    Small,
    /// About as large as a page of 512 events has room for: 4 MiB / 512.
    AtTheBorder,
    /// From nothing to 64 KiB.
    Mixed,
}

#[derive(Clone, Debug)]
struct Append {
    stream: usize,
    events: usize,
    sizes: Sizes,
    seed: u64,
}

fn history() -> impl Strategy<Value = Vec<Append>> {
    let append = |sizes, events| {
        (0..STREAMS.len(), events, any::<u64>()).prop_map(move |(stream, events, seed)| Append {
            stream,
            events,
            sizes,
            seed,
        })
    };
    let append = prop_oneof![
        4 => append(Sizes::Small, 1..400_usize),
        1 => append(Sizes::Small, 500..1100),
        2 => append(Sizes::AtTheBorder, 1..24),
        2 => append(Sizes::Mixed, 1..24),
    ];
    vec(append, 1..8)
}

const STREAMS: [&str; 4] = ["test-1", "\u{1f6aa}\u{fc}-2;!", "9 9 ", "!"];
const TYPES: [&str; 5] = ["Happened.v1", "Gesch\u{e4}h.v1", "!", "7 7;", "\u{1f6aa}"];

/// The next of a row of numbers that look random.
fn roll(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

fn data(sizes: Sizes, state: &mut u64) -> Vec<u8> {
    let length = match sizes {
        Sizes::Small => roll(state) % 80,
        Sizes::AtTheBorder => 8192 - 2 + roll(state) % 5,
        Sizes::Mixed => roll(state) % (64 << 10),
    };
    let starts: [&[u8]; 6] = [b"!", b";!", b"1 2 3 ", b"\0\0", b"\xff\xfe", b";"];
    let start = starts[roll(state) % starts.len()].iter().copied();
    let mut bytes: Vec<u8> = start
        .chain(std::iter::repeat_with(|| roll(state).to_le_bytes()[0]))
        .take(length)
        .collect();
    // What stands at the end is what a reader that has lost count would go on with.
    if let Some(last) = bytes.last_mut().filter(|_| length.is_multiple_of(2)) {
        *last = b';';
    }
    bytes
}

fn event(sizes: Sizes, id: usize, left: usize, state: &mut u64) -> SerializedEvent {
    let mut event = support::event(id as u128);
    event.event_type = TYPES[roll(state) % TYPES.len()].into();
    event.data = data(sizes, state);
    event.metadata = match roll(state) % 6 {
        0 => Some(EventMetadata::default().with_actor("caf\u{e9} ;! 1 2")),
        1 => Some(EventMetadata::default().with("\u{1f6aa}", "\u{10ffff}".repeat(roll(state) % 300))),
        2 => Some(EventMetadata::default().with("n", u64::MAX).with("f", 0.1)),
        _ => None,
    };
    if roll(state).is_multiple_of(4) {
        let id = CommandId::from_uuid(Uuid::from_u128(id as u128 + (1 << 64)));
        let events = 1 + roll(state) % left;
        event.command = Some(CommandMark::new(id, u32::try_from(events).unwrap()));
    }
    event
}

/// The same history in both stores.
async fn write(store: &SqliteEventStore, memory: &InMemoryEventStore, history: &[Append]) {
    let mut ids = 0;
    for append in history {
        let mut state = append.seed;
        let mut covered = 0;
        let events: Vec<_> = (0..append.events)
            .map(|n| {
                ids += 1;
                let mut event = event(append.sizes, ids, append.events - n, &mut state);
                match event.command {
                    Some(_) if n < covered => event.command = None,
                    Some(mark) => covered = n + mark.event_count as usize,
                    None => {}
                }
                event
            })
            .collect();
        let stream_id: StreamId = STREAMS[append.stream].parse().unwrap();
        let here = store
            .append_events(stream_id.clone(), ExpectedVersion::Any, events.clone())
            .await;
        let there = memory.append_events(stream_id, ExpectedVersion::Any, events).await;
        assert_eq!(here.unwrap(), there.unwrap());
    }
}

/// Each store has its own clock.
fn timeless(mut events: Vec<RecordedEvent>) -> Vec<RecordedEvent> {
    for event in &mut events {
        event.recorded_at = chrono::DateTime::UNIX_EPOCH;
    }
    events
}

/// Compared without showing kilobytes of both.
fn assert_same(here: Vec<RecordedEvent>, there: Vec<RecordedEvent>, what: &dyn std::fmt::Debug) {
    let (here, there) = (timeless(here), timeless(there));
    let differs = here.iter().zip(&there).position(|(one, other)| one != other);
    assert_eq!((here.len(), differs), (there.len(), None), "{what:?}");
}

fn reads(stream_id: &StreamId, length: u64) -> Vec<ReadStream> {
    let all = ReadStream::new(stream_id.clone());
    let mut reads = vec![all.clone(), all.clone().backward()];
    for limit in [0, 1, 31, 511, 512, 513] {
        reads.extend([all.clone().limit(limit), all.clone().backward().limit(limit)]);
    }
    for from in [0, 1, 2, 512, 513, length / 2, length, length + 1] {
        let from = all.clone().from(Version::try_from(from).unwrap());
        reads.extend([
            from.clone(),
            from.clone().backward(),
            from.clone().limit(33),
            from.backward().limit(33),
        ]);
    }
    reads
}

async fn assert_streams(store: &SqliteEventStore, memory: &InMemoryEventStore) {
    for stream_id in STREAMS.map(|name| name.parse::<StreamId>().unwrap()) {
        let all = memory.load_events(stream_id.clone(), None).await.unwrap();
        for read in reads(&stream_id, all.len() as u64) {
            let here = store.read_stream(read.clone()).try_collect().await.unwrap();
            let there = memory.read_stream(read.clone()).try_collect().await.unwrap();
            assert_same(here, there, &read);
        }
        for from in [0, 1, 2, all.len() / 2, all.len()] {
            let from = Some(Version::try_from(from as u64).unwrap());
            let here = store.load_events(stream_id.clone(), from).await.unwrap();
            let there = memory.load_events(stream_id.clone(), from).await.unwrap();
            assert_same(here, there, &(&stream_id, from));
        }
        for mark in all.iter().filter_map(|event| event.command).take(40) {
            let here = store.load_command(stream_id.clone(), mark.command_id).await.unwrap();
            let there = memory.load_command(stream_id.clone(), mark.command_id).await.unwrap();
            assert_same(here, there, &(&stream_id, mark));
        }
    }
}

/// Everything that matches, and nothing twice, whatever the pages: what a subscription would see.
async fn log(store: &dyn EventLog, filter: &EventFilter, limit: usize) -> Vec<RecordedEvent> {
    let (mut after, mut events) = (Position::BEGINNING, Vec::new());
    loop {
        let page = store
            .read_all(ReadAll::after(after).filter(filter.clone()).limit(limit))
            .await
            .unwrap();
        assert!(page.events.len() <= limit.max(1));
        let behind = page
            .events
            .last()
            .is_none_or(|event| event.position <= page.resume_after);
        assert!(
            behind,
            "resume_after {:?} is before an event of the page",
            page.resume_after
        );
        events.extend(page.events);
        if page.resume_after == after {
            return events;
        }
        after = page.resume_after;
    }
}

async fn assert_log(store: &SqliteEventStore, memory: &InMemoryEventStore) {
    let all = EventFilter::all();
    let filters = [
        all.clone(),
        all.clone().category(TYPES[4].to_owned() + "\u{fc}").category("9 9 "),
        all.clone().event_type("!").event_type("Gesch\u{e4}h.v1"),
        all.category("test").event_type("7 7;"),
    ];
    for filter in filters {
        let there = log(memory, &filter, 10_000).await;
        for limit in [37, 511, 512, 513, 4096, 10_000] {
            assert_same(log(store, &filter, limit).await, there.clone(), &(&filter, limit));
        }
        for after in there.iter().step_by(1 + there.len() / 8) {
            for limit in [0, 1] {
                let read = ReadAll::after(after.position).filter(filter.clone()).limit(limit);
                let here = store.read_all(read.clone()).await.unwrap().events;
                assert_same(here, memory.read_all(read.clone()).await.unwrap().events, &read);
            }
        }
    }
}

async fn assert_same_answers(history: &[Append], encoding: &str) {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let create = format!("PRAGMA encoding = '{encoding}'; CREATE TABLE orders (id INTEGER)");
    support::stranger(&path)
        .await
        .execute(AssertSqlSafe(create))
        .await
        .unwrap();
    let (store, memory) = (support::open(&path).await, InMemoryEventStore::new());
    write(&store, &memory, history).await;
    assert_streams(&store, &memory).await;
    assert_log(&store, &memory).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_is_read_as_it_was_written(history in history(), encoding in prop_oneof![3 => Just("UTF-8"), 1 => Just("UTF-16le")]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(assert_same_answers(&history, encoding));
    }
}
