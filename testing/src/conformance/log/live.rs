//! The log while others write.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use composable_rust_core::{EventFilter, ExpectedVersion, Position, ReadAll, RecordedEvent, StreamAppend, StreamId};

use crate::conformance::{
    events::{new_events, new_stream},
    run::{carry_on, race},
    subject::{Subject, written},
};

const WRITERS: usize = 8;
const APPENDS: usize = 25;

/// Writers to shared streams, singly and in batches, and readers that page after them from where the log was.
pub(super) async fn check(store: &Subject) {
    let start = store.head().await;
    let streams: Arc<[StreamId]> = (0..4).map(|_| new_stream("live")).collect();
    let done = Arc::new(AtomicBool::new(false));
    let readers = [(1, false), (7, false), (100, true), (500, false)].map(|(limit, filtered)| {
        let filter = if filtered {
            EventFilter::all().category("live")
        } else {
            EventFilter::all()
        };
        let read = ReadAll::after(start).filter(filter).limit(limit);
        tokio::spawn(read_along(store.clone(), read, Arc::clone(&done)))
    });
    race((0..WRITERS).map(|own| write(store.clone(), Arc::clone(&streams), own))).await;
    let expected = totals(store, &streams).await;
    done.store(true, Ordering::SeqCst);
    // Lets go the readers that wait for more. Whether they see it is a matter of luck, so it is not counted.
    store
        .append(&new_stream("bell"), ExpectedVersion::Any, &new_events(1))
        .await;
    for reader in readers {
        let mut seen = reader.await.unwrap_or_else(|error| carry_on(error));
        seen.retain(|stream, _| streams.contains(stream));
        assert_eq!(seen, expected, "a reader of the log beside writers missed events");
    }
}

async fn write(store: Subject, streams: Arc<[StreamId]>, own: usize) {
    for round in 0..APPENDS {
        let stream = &streams[(own + round) % streams.len()];
        if round % 5 == 4 {
            let entries = streams.iter().take(2);
            let batch = entries.map(|stream| StreamAppend::new(stream.clone(), ExpectedVersion::Any, new_events(2)));
            written(
                store.try_batch(batch.collect()).await,
                "a batch beside readers of the log",
            );
        } else {
            store
                .append(stream, ExpectedVersion::Any, &new_events(1 + round % 4))
                .await;
        }
    }
}

/// Reads until the writers are done and nothing more comes; returns how many events of each stream it saw.
async fn read_along(store: Subject, mut read: ReadAll, done: Arc<AtomicBool>) -> HashMap<StreamId, u64> {
    let mut seen = HashMap::new();
    let mut last = read.after;
    loop {
        let was_done = done.load(Ordering::SeqCst);
        let page = store.page(read.clone()).await;
        for event in &page.events {
            note(&mut seen, &mut last, event);
        }
        assert!(
            page.resume_after >= last,
            "a page resume_after up to {}, before its own event at {last}",
            page.resume_after
        );
        if page.resume_after == read.after && was_done && page.resume_after >= store.head().await {
            return seen;
        }
        if page.resume_after == read.after && !was_done {
            let woken = store
                .in_time("a reader waiting for more", store.store.wait_for_events(read.after))
                .await;
            woken.unwrap_or_else(|error| panic!("waiting for more failed: {error}"));
        }
        read.after = page.resume_after;
        // Readers of a store that is always ready would otherwise keep the writers from running for ever.
        tokio::task::yield_now().await;
    }
}

/// Exactly once and in the order of its stream means: the version after the last one seen.
fn note(seen: &mut HashMap<StreamId, u64>, last: &mut Position, event: &RecordedEvent) {
    let versions = seen.entry(event.stream_id.clone()).or_default();
    *versions += 1;
    assert_eq!(
        event.version.get(),
        *versions,
        "a reader beside writers was to see each event of {} once and in order",
        event.stream_id
    );
    assert!(
        event.position > *last,
        "a reader beside writers saw {} after {last}",
        event.position
    );
    *last = event.position;
}

async fn totals(store: &Subject, streams: &[StreamId]) -> HashMap<StreamId, u64> {
    let mut totals = HashMap::new();
    for stream in streams {
        totals.insert(stream.clone(), store.load(stream).await.len() as u64);
    }
    totals
}
