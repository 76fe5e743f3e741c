//! Two processes on one file.

use std::{process::Command, time::Duration};

use composable_rust_core::{EventLog, EventStore, ExpectedVersion, Position, ReadAll};

use crate::support::{self, stream};

const ROLE: &str = "EVENT_STORE_WRITES_TO";
const APPENDS: u32 = 200;

/// Does nothing, unless the test below runs it in a process of its own.
#[tokio::test]
async fn another_process_writes() {
    let Ok(path) = std::env::var(ROLE) else { return };
    write(std::path::Path::new(&path), "theirs").await;
}

async fn write(path: &std::path::Path, own: &str) {
    let store = support::open(path).await;
    for n in 0..u128::from(APPENDS) {
        for name in [own, "shared"] {
            let id = n + if own == "ours" { 0 } else { 1_000_000 };
            let append = store.append_events(stream(name), ExpectedVersion::Any, support::events([id]));
            append.await.unwrap();
        }
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_to_one_file() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let reader = support::open(&path).await;
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::another_process_writes"])
        .env(ROLE, &path)
        .spawn()
        .unwrap();
    let mut seen = 0;
    let ours = tokio::spawn({
        let path = path.clone();
        async move { write(&path, "ours").await }
    });
    let mut after = Position::BEGINNING;
    while seen < 4 * APPENDS as usize {
        let found = tokio::time::timeout(Duration::from_mins(1), reader.wait_for_events(after)).await;
        found.unwrap().unwrap();
        let page = reader.read_all(ReadAll::after(after)).await.unwrap();
        seen += page.events.len();
        after = page.resume_after;
    }
    ours.await.unwrap();
    assert!(other.wait().unwrap().success());
    assert_eq!(after, Position::from_sequence(4 * u64::from(APPENDS)));
    for (name, expected) in [("ours", APPENDS), ("theirs", APPENDS), ("shared", 2 * APPENDS)] {
        let version = reader.stream_version(stream(name)).await.unwrap();
        assert_eq!(version, expected.into(), "{name}");
    }
}
