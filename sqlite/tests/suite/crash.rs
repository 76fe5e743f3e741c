//! A process that is killed while it writes, a hundred times: what it was told is stored, is stored.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use composable_rust_core::{EventLog, EventStore, ExpectedVersion, Position, ReadAll, RecordedEvent};
use composable_rust_sqlite::SqliteEventStore;

use crate::support::{self, stream};

const ROLE: &str = "EVENT_STORE_IS_KILLED_AT";
const KILLS: u64 = 100;
const WRITERS: u32 = 4;

/// Does nothing, unless the test below runs it in a process of its own: writes until it is killed, and says what was
/// acknowledged, a line each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_is_killed() {
    let Ok(path) = std::env::var(ROLE) else { return };
    let store = support::open(Path::new(&path)).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|own| tokio::spawn(write_for_ever(store.clone(), own)))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Appends of 1 to 7 events, so that a torn one shows: each says in its data how long it is and where it is in it.
async fn write_for_ever(store: SqliteEventStore, own: u32) {
    let mut version = store.stream_version(stream(own)).await.unwrap();
    loop {
        let length = version.get() % 7 + 1;
        let events = (0..length).map(|index| {
            let mut event = support::event(u128::from(version.get() + index));
            event.data = vec![u8::try_from(length).unwrap(), u8::try_from(index).unwrap()];
            event
        });
        let append = store.append_events(stream(own), ExpectedVersion::Exact(version), events.collect());
        version = append.await.unwrap().version;
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {own} {version}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_hundred_kills() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let mut acknowledged = [0; WRITERS as usize];
    // The moments of the kills come from this seed: after so many acknowledgements, and a little work more.
    let mut seed = 0x5eed_u64;
    for _ in 0..KILLS {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        kill_after(&path, (seed >> 33) % 24, (seed >> 45) % 4096, &mut acknowledged);
        check(&path, &acknowledged).await;
    }
    assert!(acknowledged.iter().all(|version| *version > 0), "{acknowledged:?}");
}

fn kill_after(path: &Path, lines: u64, work: u64, acknowledged: &mut [u64]) {
    let mut child = start(path);
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut left = lines + 1;
    while left > 0 {
        let line = out.next().unwrap().unwrap();
        left -= u64::from(note(&line, acknowledged));
    }
    // Anywhere between two acknowledgements.
    let spun: u64 = std::hint::black_box((0..work * 16).fold(0, |sum, n| std::hint::black_box(sum ^ n)));
    assert!(spun < u64::MAX);
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it died, it had been told.
    for line in out.map_while(Result::ok) {
        note(&line, acknowledged);
    }
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::the_process_that_is_killed", "--nocapture"])
        .env(ROLE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Whether the line was an acknowledgement; the last one may be cut off.
fn note(line: &str, acknowledged: &mut [u64]) -> bool {
    let Some((own, version)) = line
        .split_once("acknowledged ")
        .and_then(|(_, rest)| rest.split_once(' '))
    else {
        return false;
    };
    let (Ok(own), Ok(version)) = (own.parse::<usize>(), version.parse::<u64>()) else {
        return false;
    };
    let known = &mut acknowledged[own];
    *known = version.max(*known);
    true
}

async fn check(path: &Path, acknowledged: &[u64]) {
    let store = support::open(path).await;
    let mut total = 0;
    for (own, version) in acknowledged.iter().enumerate() {
        let events = store.load_events(stream(own), None).await.unwrap();
        assert!(
            events.len() as u64 >= *version,
            "stream {own} lost events behind {}",
            events.len()
        );
        check_whole(&events);
        total += events.len() as u64;
    }
    assert_eq!(store.head().await.unwrap(), Position::from_sequence(total));
    let page = store.read_all(ReadAll::after(Position::from_sequence(total.saturating_sub(10))));
    assert_eq!(page.await.unwrap().events.len() as u64, total.min(10));
    store.close().await;
}

/// Dense, and no append torn: each append's first event says how many there are.
fn check_whole(events: &[RecordedEvent]) {
    let mut rest = events;
    while let Some(first) = rest.first() {
        let length = usize::from(first.data[0]);
        assert!(rest.len() >= length, "an append of {length} events was torn");
        for (index, event) in rest[..length].iter().enumerate() {
            assert_eq!(usize::from(event.data[1]), index);
            let place = events.len() - rest.len() + index + 1;
            assert_eq!(event.version.get(), place as u64, "the stream has a gap");
        }
        rest = &rest[length..];
    }
}
