//! Rows that only a broken disk, or a hand without respect, can leave: in a file that has lost its rules.

use composable_rust_core::{
    CommandId, CommandMark, EventLog, EventStore, ExpectedVersion, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent,
};
use composable_rust_sqlite::SqliteEventStore;
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Executor};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support;

/// A table without the rules of ours.
const LAX: &str = "
    DROP TABLE events;
    CREATE TABLE events (position INTEGER PRIMARY KEY, stream_id, version, event_id, event_type, encoding, event_data,
                         metadata, command_id, command_events, recorded_at);
    CREATE INDEX events_by_version ON events (stream_id, version);
    CREATE INDEX events_by_command ON events (command_id, stream_id) WHERE command_id IS NOT NULL;";

const COLUMNS: [&str; 10] = [
    "stream_id",
    "version",
    "event_id",
    "event_type",
    "encoding",
    "event_data",
    "metadata",
    "command_id",
    "command_events",
    "recorded_at",
];

/// A stream of three events, the second of which has this value in this column.
async fn tampered(column: &str, value: &str, data: &str) -> (TempDir, SqliteEventStore) {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    let mut hand = support::stranger(&path).await;
    hand.execute(LAX).await.unwrap();
    for position in ["1", "2", "3"] {
        let usual = [
            "'test-1'",
            position,
            "randomblob(16)",
            "'Happened.v1'",
            "1",
            data,
            "'{}'",
            "randomblob(16)",
            "1",
            "0",
        ];
        let row = COLUMNS.iter().zip(usual).map(|(name, usual)| {
            let is_it = *name == column && position == "2";
            if is_it { value } else { usual }
        });
        let row: Vec<&str> = row.collect();
        let insert = format!("INSERT INTO events VALUES ({position}, {})", row.join(", "));
        hand.execute(AssertSqlSafe(insert)).await.unwrap();
    }
    (directory, store)
}

/// Every way of reading that finds the second event.
async fn reads(store: &SqliteEventStore, column: &str) -> Vec<Result<Vec<RecordedEvent>, ReadError>> {
    let log = store.read_all(ReadAll::after(Position::BEGINNING)).await;
    let log = log.map(|page| page.events);
    if column == "version" || column == "stream_id" {
        return vec![log];
    }
    let stream = || ReadStream::new(support::stream(1));
    let backward = store.read_stream(stream().backward()).try_collect().await;
    let forward = store.read_stream(stream()).try_collect().await;
    let loaded = store.load_events(support::stream(1), None).await;
    vec![log, backward, forward, loaded]
}

#[tokio::test]
async fn a_row_that_lacks_a_value_or_has_another_kind_of_it_is_an_error_that_names_it() {
    let values = [
        ("stream_id", "NULL"),
        ("stream_id", "''"),
        ("stream_id", "'a' || char(0)"),
        ("stream_id", "x'ff'"),
        ("version", "NULL"),
        ("version", "1.9"),
        ("version", "-2"),
        ("version", "'2x'"),
        ("event_id", "NULL"),
        ("event_id", "x'21'"),
        ("event_id", "randomblob(17)"),
        ("event_id", "randomblob(15)"),
        ("event_type", "NULL"),
        ("event_type", "x'ff'"),
        ("encoding", "NULL"),
        ("encoding", "1.5"),
        ("encoding", "'bincode'"),
        ("encoding", "70000"),
        ("event_data", "NULL"),
        ("metadata", "7"),
        ("metadata", "'{} '||char(0)"),
        ("metadata", "x'ff'"),
        ("command_id", "x'21'"),
        ("command_events", "-1"),
        ("command_events", "1.5"),
        ("command_events", "'one'"),
        ("recorded_at", "NULL"),
        ("recorded_at", "1e300"),
        ("recorded_at", "'today'"),
        ("recorded_at", "9223372036854775807"),
    ];
    let mut accepted = Vec::new();
    for (column, value) in values {
        // Packed, and row by row.
        for data in ["x'00'", "zeroblob(9000)"] {
            let (_directory, store) = tampered(column, value, data).await;
            for (way, read) in reads(&store, column).await.into_iter().enumerate() {
                let told = match &read {
                    Ok(events) => format!("{} events", events.len()),
                    Err(error) => std::error::Error::source(error).unwrap().to_string(),
                };
                if !told.contains("position 2 ") {
                    accepted.push(format!("{column} = {value} with {data}, way {way}: {told}"));
                }
            }
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
}

/// What the row says of a command agrees with itself in our files; where it does not, nothing else of it is lost.
#[tokio::test]
async fn half_a_mark_of_a_command_shifts_nothing() {
    for (column, value) in [
        ("command_id", "NULL"),
        ("command_events", "NULL"),
        ("command_events", "0"),
    ] {
        let mut seen = Vec::new();
        for data in ["CAST('data' AS BLOB)", "zeroblob(9000)"] {
            let (_directory, store) = tampered(column, value, data).await;
            for read in reads(&store, column).await {
                let mut events = read.unwrap();
                events.sort_by_key(|event| event.version);
                let [_, event, _] = events.as_slice() else {
                    panic!("{events:?}")
                };
                assert_eq!((&*event.event_type, event.metadata.is_some()), ("Happened.v1", true));
                seen.push(event.command.map(|mark| mark.event_count));
            }
        }
        assert!(
            seen.windows(2).all(|pair| pair[0] == pair[1]),
            "{column} = {value}: {seen:?}"
        );
    }
}

/// Small events, and large ones, which are read row by row; a command of all events.
async fn lossy(events: u128, lost: &str, bytes: usize) -> (TempDir, SqliteEventStore) {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    let mut written = support::events(0..events);
    for event in &mut written {
        event.data = vec![0; bytes];
    }
    written[0].command = Some(CommandMark::new(command(), written.len().try_into().unwrap()));
    let append = store.append_events(support::stream(1), ExpectedVersion::NoStream, written);
    append.await.unwrap();
    let delete = format!("DROP TRIGGER events_are_not_deleted; DELETE FROM events WHERE version IN ({lost})");
    let mut hand = support::stranger(&path).await;
    hand.execute(AssertSqlSafe(delete)).await.unwrap();
    (directory, store)
}

fn command() -> CommandId {
    CommandId::from_uuid(Uuid::from_u128(1 << 64))
}

#[tokio::test]
async fn a_gap_is_an_error_wherever_it_lies_and_no_shorter_history() {
    for (events, lost) in [
        (3, "2"),
        (1200, "1"),
        (1200, "512"),
        (1200, "513"),
        (1200, "700, 701"),
        (600, "2"),
    ] {
        for bytes in [1, 9000] {
            let (_directory, store) = lossy(events, lost, bytes).await;
            let mut reads = reads(&store, "").await;
            if lost != "1" {
                reads.push(store.load_command(support::stream(1), command()).await);
            }
            // A page of the log may end before.
            reads[0] = whole_log(&store).await;
            for (way, read) in reads.into_iter().enumerate() {
                let Err(error) = read else {
                    panic!(
                        "{events} without {lost}, of {bytes} bytes, way {way}: {} events",
                        read.unwrap().len()
                    )
                };
                let told = std::error::Error::source(&error).unwrap().to_string();
                assert!(told.contains("missing"), "{told}");
            }
        }
    }
}

async fn whole_log(store: &SqliteEventStore) -> Result<Vec<RecordedEvent>, ReadError> {
    let (mut after, mut events) = (Position::BEGINNING, Vec::new());
    loop {
        let page = store.read_all(ReadAll::after(after)).await?;
        events.extend(page.events);
        if page.resume_after == after {
            return Ok(events);
        }
        after = page.resume_after;
    }
}

#[tokio::test]
async fn a_command_that_has_lost_its_last_events_is_an_error() {
    for bytes in [1, 9000] {
        let (_directory, store) = lossy(3, "3", bytes).await;
        let read = store.load_command(support::stream(1), command()).await;
        assert!(matches!(read, Err(ReadError::Backend(_))), "{read:?}");
    }
}
