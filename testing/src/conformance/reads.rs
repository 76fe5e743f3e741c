//! Promise 7: reading a stream.

use composable_rust_core::{Direction, ExpectedVersion, ReadStream, RecordedEvent, StreamId, Version};
use futures::StreamExt;

use super::{
    Fixture,
    events::{new_events, new_stream},
    subject::Subject,
};

/// A stream is read forward and backward, from any version, up to any limit, across pages. A failure in the middle is an error
/// item and never a short stream. A read that pauses blocks nothing.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn reads_are_complete_or_fail(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    check_parts(&store).await;
    check_no_stream(&store).await;
    check_abandoned(&store).await;
    check_long(&store, fixture.long_stream()).await;
    check_broken(&store, &fixture).await;
}

/// Around one, around the pages that stores use, and around the end.
const EVENTS: usize = 2050;
const FROM: [u64; 11] = [0, 1, 2, 256, 257, 500, 1000, 1001, 2049, 2050, 2051];
const LIMITS: [u64; 10] = [0, 1, 2, 256, 257, 500, 999, 1000, 1001, 2050];

async fn check_parts(store: &Subject) {
    let stream = new_stream("parts");
    let events = new_events(EVENTS);
    store.append(&stream, ExpectedVersion::NoStream, &events).await;
    store.assert_holds(&stream, &events, "reading it all").await;
    let all = store.load(&stream).await;
    let some = |values: &[u64]| -> Vec<Option<u64>> {
        let ends = [None, Some(Version::MAX.get())];
        values.iter().copied().map(Some).chain(ends).collect()
    };
    for direction in [Direction::Forward, Direction::Backward] {
        for from in some(&FROM) {
            for limit in some(&LIMITS) {
                let mut read = ReadStream::new(stream.clone());
                read.from = from.and_then(Version::new);
                (read.direction, read.limit) = (direction, limit);
                check_part(store, read, &all).await;
            }
        }
    }
}

async fn check_part(store: &Subject, read: ReadStream, all: &[RecordedEvent]) {
    let wanted = |event: &&RecordedEvent| match (read.from, read.direction) {
        (None, _) => true,
        (Some(from), Direction::Forward) => event.version >= from,
        (Some(from), Direction::Backward) => event.version <= from,
    };
    let most = usize::try_from(read.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let part: Vec<&RecordedEvent> = match read.direction {
        Direction::Forward => all.iter().filter(wanted).take(most).collect(),
        Direction::Backward => all.iter().rev().filter(wanted).take(most).collect(),
    };
    let got = store.read(read.clone()).await;
    let versions = |events: &[&RecordedEvent]| -> Vec<u64> { events.iter().map(|event| event.version.get()).collect() };
    let got: Vec<&RecordedEvent> = got.iter().collect();
    if got != part {
        let (got, part) = (versions(&got), versions(&part));
        panic!(
            "{read:?} was to give {} events, {:?} to {:?}, and gave {}, {:?} to {:?}",
            part.len(),
            part.first(),
            part.last(),
            got.len(),
            got.first(),
            got.last()
        );
    }
}

async fn check_no_stream(store: &Subject) {
    let stream = new_stream("none");
    for read in [
        ReadStream::new(stream.clone()),
        ReadStream::new(stream.clone()).backward(),
    ] {
        assert_eq!(
            store.read(read).await,
            [],
            "a stream that does not exist was to be read as empty"
        );
    }
    let version = store.in_time("a version", store.store.stream_version(stream)).await;
    assert_eq!(
        version.ok(),
        Some(Version::INITIAL),
        "a stream that does not exist is at version 0"
    );
}

/// Readers that stop in the middle, and readers that pause there, while others go on.
async fn check_abandoned(store: &Subject) {
    let stream = new_stream("abandoned");
    let mut events = new_events(3000);
    store.append(&stream, ExpectedVersion::NoStream, &events).await;
    for _ in 0..100 {
        drop(begun(store, &stream).await);
    }
    let mut paused = Vec::new();
    for _ in 0..40 {
        paused.push(begun(store, &stream).await);
    }
    let more = new_events(1);
    store.append(&stream, ExpectedVersion::StreamExists, &more).await;
    events.extend(more);
    for reader in paused {
        let rest = store.in_time("a read that paused", reader.collect::<Vec<_>>()).await;
        let versions = (2_u64..).zip(&rest);
        let dense = versions
            .clone()
            .all(|(place, item)| matches!(item, Ok(event) if event.version.get() == place));
        assert!(
            dense && rest.len() >= 2999,
            "a read that paused in its middle lost events: {} left",
            rest.len()
        );
    }
    store
        .assert_holds(&stream, &events, "after reads that stopped in their middle")
        .await;
}

async fn begun(store: &Subject, stream: &StreamId) -> futures::stream::BoxStream<'static, ReadItem> {
    let mut reader = store.store.read_stream(ReadStream::new(stream.clone()));
    let first = store.in_time("the first event of a read", reader.next()).await;
    let is_first = matches!(&first, Some(Ok(event)) if event.version == Version::from(1));
    assert!(is_first, "a read was to begin with version 1, got {first:?}");
    reader
}

type ReadItem = Result<RecordedEvent, composable_rust_core::ReadError>;

/// Event by event, so that the suite itself holds no more than one.
async fn check_long(store: &Subject, length: usize) {
    const MOST_AN_APPEND: usize = 100_000;
    let stream = new_stream("long");
    let mut left = length;
    while left > 0 {
        let count = left.min(MOST_AN_APPEND);
        store.append(&stream, ExpectedVersion::Any, &new_events(count)).await;
        left -= count;
    }
    let mut reader = store.store.read_stream(ReadStream::new(stream.clone()));
    let mut read = 0;
    while let Some(item) = store.in_time("a long read", reader.next()).await {
        read += 1;
        let version = item
            .unwrap_or_else(|error| panic!("a long read failed: {error}"))
            .version;
        assert_eq!(version.get(), read, "a long read skips or repeats");
    }
    assert_eq!(usize::try_from(read), Ok(length), "a long read ends early");
}

/// Where reads can be made to fail: what does not come is an error, the last item, and never just missing.
async fn check_broken(store: &Subject, fixture: &impl Fixture) {
    let stream = new_stream("broken");
    store
        .append(&stream, ExpectedVersion::NoStream, &new_events(5000))
        .await;
    let reader = begun(store, &stream).await;
    if !fixture.break_reads().await {
        return;
    }
    let rest: Vec<ReadItem> = store.in_time("a read that fails in its middle", reader.collect()).await;
    let (events, errors) = (
        rest.iter().filter(|item| item.is_ok()).count(),
        rest.iter().filter(|item| item.is_err()).count(),
    );
    let complete = events == 4999 && errors == 0;
    let failed = errors == 1 && rest.last().is_some_and(Result::is_err);
    assert!(
        complete || failed,
        "a read that failed in its middle was to end with an error: it gave {} of 5000 events and {errors} errors",
        events + 1
    );
    let fresh = store
        .in_time("a read of a broken store", store.store.load_events(stream, None))
        .await;
    assert!(
        fresh.is_err(),
        "a read of a broken store was to be an error, and gave {} events",
        fresh.map_or(0, |e| e.len())
    );
}
