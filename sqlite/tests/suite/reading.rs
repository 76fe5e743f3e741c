//! Pages: small events and large ones, other encodings of text, and rows that no store has written.

use composable_rust_core::{
    CommandId, CommandMark, EventLog, EventMetadata, EventStore, ExpectedVersion, Position, ReadAll, ReadError,
    ReadStream, RecordedEvent, SerializedEvent,
};
use composable_rust_sqlite::SqliteEventStore;
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use crate::support::{self, stream};

/// Events with everything that one can have, and `bytes` of data, of which the first may be taken for a separator.
fn events(count: u128, bytes: impl Fn(u128) -> usize) -> Vec<SerializedEvent> {
    let types = ["Opened.v1", "Sh\u{fc}t \u{1f6aa}.v1", "!"];
    let event = |n: u128| {
        let mut event = support::event(n);
        event.event_type = types[n as usize % types.len()].into();
        event.data = b"! 7 \0\xff".iter().copied().cycle().take(bytes(n)).collect();
        if n.is_multiple_of(3) {
            event.metadata = Some(
                EventMetadata::default()
                    .with_actor("caf\u{e9} ! 1 2")
                    .with("n", n.to_string()),
            );
        }
        if n.is_multiple_of(4) {
            let id = CommandId::from_uuid(Uuid::from_u128(n + 1_000_000));
            event.command = Some(CommandMark::new(id, 1));
        }
        event
    };
    (0..count).map(event).collect()
}

async fn log(store: &SqliteEventStore, limit: usize) -> Vec<RecordedEvent> {
    let (mut after, mut events) = (Position::BEGINNING, Vec::new());
    loop {
        let page = store.read_all(ReadAll::after(after).limit(limit)).await.unwrap();
        assert!(page.events.len() <= limit);
        if page.resume_after == after {
            return events;
        }
        events.extend(page.events);
        after = page.resume_after;
    }
}

/// Writes the events and finds them in every way of reading.
async fn assert_round_trip(store: &SqliteEventStore, written: Vec<SerializedEvent>) {
    let append = store.append_events(stream(1), ExpectedVersion::NoStream, written.clone());
    append.await.unwrap();
    let loaded = store.load_events(stream(1), None).await.unwrap();
    assert_eq!(loaded.len(), written.len());
    assert!(
        loaded
            .iter()
            .zip(&written)
            .all(|(event, written)| event.is_record_of(written))
    );
    let versions = loaded.iter().map(|event| event.version.get());
    assert!(versions.eq(1..=written.len() as u64));
    let read = |read: ReadStream| store.read_stream(read).try_collect::<Vec<_>>();
    assert_eq!(read(ReadStream::new(stream(1))).await.unwrap(), loaded);
    let mut backward = read(ReadStream::new(stream(1)).backward()).await.unwrap();
    backward.reverse();
    assert_eq!(backward, loaded);
    for limit in [1, 7, 500, 4096] {
        assert_eq!(log(store, limit).await, loaded);
    }
}

#[tokio::test]
async fn large_events_among_small_ones_are_read_in_their_place() {
    let store = SqliteEventStore::in_memory().await.unwrap();
    // A packed page has room for events of 8 KiB, one of a single event for 4 MiB.
    let bytes = |n: u128| match n {
        41 => 5 << 20,
        40..45 | 700 | 1233 => 8200,
        900..1000 => 0,
        _ => n as usize % 100,
    };
    assert_round_trip(&store, events(1234, bytes)).await;
}

#[tokio::test]
async fn metadata_counts_where_events_are_large() {
    let store = SqliteEventStore::in_memory().await.unwrap();
    let mut written = events(600, |_| 1);
    written[300].metadata = Some(EventMetadata::default().with("note", "x".repeat(60_000)));
    assert_round_trip(&store, written).await;
}

#[tokio::test]
async fn metadata_bounds_a_page_as_data_does() {
    let store = SqliteEventStore::in_memory().await.unwrap();
    let mut written = events(200, |_| 1);
    for event in &mut written {
        event.metadata = Some(EventMetadata::default().with("note", "x".repeat(60_000)));
    }
    let append = store.append_events(stream(1), ExpectedVersion::NoStream, written);
    append.await.unwrap();
    let page = store.read_all(ReadAll::after(Position::BEGINNING).limit(4096)).await;
    // 4 MiB, and the event with which they are reached.
    let events = page.unwrap().events.len();
    assert!(events <= (4 << 20) / 60_000 + 1, "{events} events");
    assert_eq!(log(&store, 4096).await.len(), 200);
}

#[tokio::test]
async fn a_database_of_utf_16_keeps_every_byte() {
    for encoding in ["UTF-16le", "UTF-16be", "UTF-8"] {
        let directory = support::directory();
        let path = directory.path().join("application.db");
        let mut application = support::stranger(&path).await;
        let create = format!("PRAGMA encoding = '{encoding}'; CREATE TABLE orders (id INTEGER)");
        application.execute(AssertSqlSafe(create)).await.unwrap();
        assert_round_trip(&support::open(&path).await, events(600, |n| n as usize % 50)).await;
    }
}

#[tokio::test]
async fn a_row_that_no_store_has_written_is_an_error_that_names_it() {
    // What the schema allows, and an event can't have.
    let strange = [
        ("'order-1'", "1", "9223372036854775807", "'Happened.v1'"),
        ("'order-1'", "70000", "0", "'Happened.v1'"),
        ("'order-1'", "1", "0", "CAST(x'ff' AS TEXT)"),
    ];
    for (stream_id, encoding, recorded_at, event_type) in strange {
        let directory = support::directory();
        let path = directory.path().join("events.db");
        let store = support::open(&path).await;
        let insert = format!(
            "INSERT INTO events (position, stream_id, version, event_id, event_type, encoding, event_data, recorded_at) \
             VALUES (1, {stream_id}, 1, randomblob(16), {event_type}, {encoding}, x'', {recorded_at})"
        );
        support::stranger(&path)
            .await
            .execute(AssertSqlSafe(insert))
            .await
            .unwrap();
        let read = store.load_events("order-1".parse().unwrap(), None).await;
        let Err(ReadError::Backend(source)) = read else {
            panic!("{read:?}")
        };
        let inner = std::error::Error::source(&source).unwrap().to_string();
        assert!(inner.contains("position 1"), "{inner}");
        let page = store.read_all(ReadAll::after(Position::BEGINNING)).await;
        assert!(matches!(page, Err(ReadError::Backend(_))), "{page:?}");
    }
}
