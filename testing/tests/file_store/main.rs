//! The store of docs/guides/your-own-store.md: brought to the suite from outside, as users bring theirs.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod line;
mod log;
mod store;

use std::{fs, path::PathBuf, sync::Arc};

use composable_rust_core::{Encoding, EventLog, EventStore, ExpectedVersion, IdGenerator, SerializedEvent};
use composable_rust_testing::{
    FixedClock, SequentialIds, conformance::Fixture, event_log_conformance, event_store_conformance,
    snapshot_conformance,
};
use futures::executor::block_on;
use store::FileEventStore;
use tempfile::TempDir;

/// A store, and the directory that it needs as long as it lives.
struct InDirectory {
    store: FileEventStore,
    _directory: TempDir,
}

impl Fixture for InDirectory {
    fn store(&self) -> Arc<dyn EventLog> {
        Arc::new(self.store.clone())
    }
}

fn fresh() -> InDirectory {
    let (directory, path) = somewhere();
    InDirectory {
        store: open(&path),
        _directory: directory,
    }
}

event_store_conformance!(async { fresh() });
event_log_conformance!(async { fresh() });
snapshot_conformance!(async { fresh() });

fn somewhere() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.jsonl");
    (directory, path)
}

fn open(path: &std::path::Path) -> FileEventStore {
    FileEventStore::open(path, Arc::new(FixedClock::default())).unwrap()
}

fn append(store: &FileEventStore, ids: &SequentialIds) {
    let event = SerializedEvent::new(ids.event_id(), "DoorOpened.v1", Encoding::BINCODE, vec![0, 200, 255]);
    block_on(store.append_events("door-1".parse().unwrap(), ExpectedVersion::Any, vec![event])).unwrap();
}

#[test]
fn what_was_written_is_there_when_the_file_is_opened_again() {
    let ((_directory, path), ids) = (somewhere(), SequentialIds::new());
    let store = open(&path);
    (0..3).for_each(|_| append(&store, &ids));
    let written = block_on(store.load_events("door-1".parse().unwrap(), None)).unwrap();
    assert_eq!(written.len(), 3);
    let again = block_on(open(&path).load_events("door-1".parse().unwrap(), None)).unwrap();
    assert_eq!(again, written);
}

#[test]
fn a_line_that_a_crash_cut_off_is_no_commit() {
    let ((_directory, path), ids) = (somewhere(), SequentialIds::new());
    let store = open(&path);
    append(&store, &ids);
    append(&store, &ids);
    let whole = fs::read(&path).unwrap();
    for cut in [1, 2, 50] {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        assert_eq!(
            block_on(open(&path).stream_version("door-1".parse().unwrap()))
                .unwrap()
                .get(),
            1
        );
    }
    let reopened = open(&path);
    append(&reopened, &ids);
    assert_eq!(
        block_on(open(&path).stream_version("door-1".parse().unwrap()))
            .unwrap()
            .get(),
        2
    );
}

/// The blocks of code below the heading that names this file.
fn shown(file: &str) -> String {
    let guide = include_str!("../../../docs/guides/your-own-store.md");
    let sections = guide.split("\n## ").skip(1);
    let mut sections = sections.filter(|section| section.lines().next().unwrap().contains(file));
    let blocks = sections.next().unwrap().split("\n```rust\n").skip(1);
    let blocks: Vec<_> = blocks.map(|block| block.split("\n```\n").next().unwrap()).collect();
    blocks.join("\n\n") + "\n"
}

#[test]
fn the_guide_shows_this_store_to_the_letter() {
    for (file, code) in [
        ("line.rs", include_str!("line.rs")),
        ("log.rs", include_str!("log.rs")),
        ("store.rs", include_str!("store.rs")),
    ] {
        let shown = shown(file);
        let differs = shown.lines().zip(code.lines()).find(|(guide, code)| guide != code);
        assert_eq!(
            differs, None,
            "docs/guides/your-own-store.md says (left), {file} (right)"
        );
        assert_eq!(shown.lines().count(), code.lines().count(), "{file}");
    }
}
