//! The log while there are no writers.

use composable_rust_core::{EventFilter, ExpectedVersion, Position, ReadAll, RecordedEvent, StreamId};

use crate::conformance::{
    events::{new_event, new_events, new_stream},
    subject::{Subject, version},
};

pub(super) async fn check(store: &Subject) {
    assert_eq!(
        store.head().await,
        Position::BEGINNING,
        "the head of an empty log is the beginning"
    );
    assert_eq!(store.everything().await, [], "an empty log has events");
    let streams = ["order", "order", "cart", "audit"].map(new_stream);
    write(store, &streams).await;
    let all = store.everything().await;
    check_whole(store, &streams, &all).await;
    check_pages(store, &all).await;
    check_filters(store, &all).await;
    check_end(store, &all).await;
}

/// Interleaved, of two types, with refused appends in between, which must leave no gap that stalls a reader.
async fn write(store: &Subject, streams: &[StreamId]) {
    for round in 0..60 {
        let stream = &streams[round % streams.len()];
        let mut events = new_events(1 + round % 5);
        events[0].event_type = "Began.v1".into();
        let appended = store.append(stream, ExpectedVersion::Any, &events).await;
        let head = store.head().await;
        assert!(
            head >= appended.position,
            "the head {head} lies before {}, which is written",
            appended.position
        );
        let stale = store
            .try_append(stream, ExpectedVersion::Exact(version(999)), &[new_event()])
            .await;
        assert!(stale.is_err(), "an append that expects version 999 was accepted");
    }
}

/// The log holds what the streams hold, each event once, in the order of each.
async fn check_whole(store: &Subject, streams: &[StreamId], all: &[RecordedEvent]) {
    let ascending = all.is_sorted_by(|a, b| a.position < b.position);
    assert!(
        ascending,
        "the log is not in the order of its positions, or shows an event twice"
    );
    let mut total = 0;
    for stream in streams {
        let stored = store.load(stream).await;
        let shown: Vec<_> = all.iter().filter(|event| event.stream_id == *stream).collect();
        total += stored.len();
        assert!(
            shown.iter().copied().eq(&stored),
            "the log does not show {stream} as it is"
        );
    }
    assert_eq!(
        total,
        all.len(),
        "the log shows another number of events than the streams hold"
    );
    let head = store.head().await;
    assert!(
        all.last().is_none_or(|last| last.position <= head),
        "an event lies beyond the head of the log"
    );
}

/// However large the pages are, and from wherever a reader resumes.
async fn check_pages(store: &Subject, all: &[RecordedEvent]) {
    for limit in [0, 1, 2, 7, 100, usize::MAX] {
        let read = ReadAll::after(Position::BEGINNING).limit(limit);
        let page = store.page(read.clone()).await;
        assert!(
            page.events.len() <= limit.max(1),
            "a page is larger than its limit {limit}"
        );
        assert!(
            store.follow(read).await == all,
            "pages of at most {limit} events skip or repeat events"
        );
    }
    for place in [0, 1, all.len() / 2, all.len() - 1] {
        let after = all[place].position;
        let rest = store.follow(ReadAll::after(after).limit(10)).await;
        assert!(
            rest == all[place + 1..],
            "resuming after {after} skips or repeats events"
        );
    }
}

async fn check_filters(store: &Subject, all: &[RecordedEvent]) {
    let filters = [
        EventFilter::all().category("order"),
        EventFilter::all().category("order").category("cart"),
        EventFilter::all().event_type("Began.v1"),
        EventFilter::all()
            .category("audit")
            .event_type("Happened.v1")
            .event_type("Began.v1"),
        EventFilter::all().category("orde"),
        EventFilter::all().category("ORDER"),
        EventFilter::all().category("order%"),
        EventFilter::all().event_type("Nothing.v1"),
        EventFilter::all().category("cart").event_type("Nothing.v1"),
    ];
    for filter in filters {
        let wanted: Vec<_> = all.iter().filter(|event| filter.matches(event)).cloned().collect();
        for limit in [1, 3, 500] {
            let read = ReadAll::after(Position::BEGINNING).filter(filter.clone()).limit(limit);
            let shown = store.follow(read).await;
            assert!(
                shown == wanted,
                "{filter:?} in pages of {limit} shows other events than it matches"
            );
        }
        check_moves(store, filter).await;
    }
}

/// A reader whose filter matches little or nothing still gets to the head, so that its checkpoint does.
async fn check_moves(store: &Subject, filter: EventFilter) {
    let head = store.head().await;
    let mut after = Position::BEGINNING;
    loop {
        let page = store.page(ReadAll::after(after).filter(filter.clone())).await;
        if page.resume_after == after {
            break;
        }
        after = page.resume_after;
    }
    assert!(
        after >= head,
        "{filter:?} stays at {after} and never gets to the head {head}"
    );
}

/// After the last event there is nothing, and `resume_after` stays where the reader is.
async fn check_end(store: &Subject, all: &[RecordedEvent]) {
    let end = store.head().await.max(all[all.len() - 1].position);
    let page = store.page(ReadAll::after(end)).await;
    assert_eq!(
        (page.events.as_slice(), page.resume_after),
        (&[][..], end),
        "a page after the end of the log"
    );
}
