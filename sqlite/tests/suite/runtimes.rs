//! Runtimes that take turns: a store waits for none that is alive but not driven.

use std::{sync::mpsc, thread, time::Duration};

use composable_rust_core::{EventStore, ExpectedVersion};
use composable_rust_sqlite::SqliteEventStore;
use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};

use crate::support::{self, event, events, stream};

/// A runtime that does nothing outside of its `block_on`.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Does the work in a thread of its own, and fails when it has not ended after a minute.
fn within_a_minute(work: impl FnOnce() + Send + 'static) {
    let (ended, end) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        ended.send(()).unwrap();
    });
    let waited = end.recv_timeout(Duration::from_mins(1));
    assert_ne!(waited, Err(mpsc::RecvTimeoutError::Timeout), "the work hangs");
    // It may have panicked: its own message says more.
    worker.join().unwrap();
}

fn take_turns(open: impl Fn(&Runtime) -> SqliteEventStore) {
    let runtimes = [runtime(), runtime()];
    let store = open(&runtimes[0]);
    for round in 0..20 {
        for (id, runtime) in (2 * round..).zip(&runtimes) {
            runtime.block_on(support::append(&store, 1, id..id + 1));
        }
        for (own, runtime) in runtimes.iter().enumerate() {
            runtime.block_on(support::append(&store, own + 2, 2 * round..2 * round + 2));
        }
    }
    let written = runtimes[1].block_on(store.load_events(stream(3), None)).unwrap();
    assert_eq!(written.len(), 40);
    runtimes[0].block_on(support::append(&store, 4, 0..1));
    runtimes[1].block_on(store.close());
}

#[test]
fn two_runtimes_take_turns_on_a_file() {
    within_a_minute(|| {
        let directory = support::directory();
        let path = directory.path().join("events.db");
        take_turns(|runtime| runtime.block_on(support::open(&path)));
    });
}

#[test]
fn two_runtimes_take_turns_in_memory() {
    within_a_minute(|| take_turns(|runtime| support::opened(runtime.block_on(SqliteEventStore::in_memory()))));
}

#[test]
fn closing_does_not_wait_for_a_runtime_that_has_written() {
    within_a_minute(|| {
        let (first, second) = (runtime(), runtime());
        let store = support::opened(first.block_on(SqliteEventStore::in_memory()));
        first.block_on(support::append(&store, 1, 0..1));
        second.block_on(store.close());
    });
}

#[test]
fn what_a_runtime_left_in_the_queue_is_written_by_the_next() {
    within_a_minute(|| {
        let (first, second) = (runtime(), runtime());
        let store = support::opened(first.block_on(SqliteEventStore::in_memory()));
        let mut left = store.append_events(stream(1), ExpectedVersion::Any, events(0..2));
        // Queued, and its task spawned, but the runtime does not get to it.
        let entered = first.enter();
        assert!((&mut left).now_or_never().is_none());
        drop(entered);
        second.block_on(support::append(&store, 2, 0..1));
        assert!(second.block_on(left).is_ok());
    });
}

#[test]
fn closing_finishes_what_another_runtime_left_in_the_queue() {
    within_a_minute(|| {
        let (first, second) = (runtime(), runtime());
        let store = support::opened(first.block_on(SqliteEventStore::in_memory()));
        let mut left = store.append_events(stream(1), ExpectedVersion::Any, events(0..2));
        let entered = first.enter();
        assert!((&mut left).now_or_never().is_none());
        drop(entered);
        second.block_on(store.close());
        assert!(second.block_on(left).is_ok());
    });
}

/// One appends in the middle of what the other does, so that each finds the other's events in the queue.
#[test]
fn two_runtimes_at_once_wait_for_nobody_who_has_been_answered() {
    within_a_minute(|| {
        let store = support::opened(runtime().block_on(SqliteEventStore::in_memory()));
        let (said, heard) = mpsc::channel();
        let workers: Vec<_> = (0..2)
            .map(|own| {
                let (store, said) = (store.clone(), said.clone());
                thread::spawn(move || {
                    let runtime = runtime();
                    for round in 0..200 {
                        runtime.block_on(support::append(&store, own, round..round + 1));
                    }
                    // Stays alive and is never driven again.
                    said.send(runtime).unwrap();
                })
            })
            .collect();
        let undriven: Vec<_> = heard.iter().take(2).collect();
        for worker in workers {
            worker.join().unwrap();
        }
        let last = runtime();
        for own in 0..2 {
            let written = last.block_on(store.load_events(stream(own), None)).unwrap();
            assert_eq!(written.len(), 200);
        }
        drop(undriven);
    });
}

#[test]
fn a_checkpoint_holds_up_no_other_runtime() {
    within_a_minute(|| {
        let directory = support::directory();
        let (first, second) = (runtime(), runtime());
        let store = first.block_on(support::open(&directory.path().join("events.db")));
        let mut large = event(1);
        large.data = vec![7; 9 << 20];
        first.block_on(async {
            let append = store.append_events(stream(1), ExpectedVersion::Any, vec![large]);
            append.await.unwrap();
            // As far as the task gets that wrote, which starts the checkpoint.
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
        });
        second.block_on(support::append(&store, 1, 2..3));
        second.block_on(store.close());
    });
}
