//! Group commit: appends that share a transaction, each with a verdict of its own.

use composable_rust_core::{
    AppendError, Appended, CommandId, CommandMark, EventLog, EventStore, ExpectedVersion, StreamAppend, Version,
};
use composable_rust_sqlite::SqliteEventStore;
use futures::{FutureExt, future::BoxFuture};
use sqlx::Executor;
use uuid::Uuid;

use crate::support::{self, event, events, stream};

type Outcome = Result<Appended, AppendError>;

/// Makes all appends wait for a lock, so that they share the transaction that follows, in this order.
async fn together(store: &SqliteEventStore, path: &std::path::Path, appends: Vec<StreamAppend>) -> Vec<Outcome> {
    let mut holder = support::lock(path).await;
    // Occupies the writer; all others queue behind it.
    let mut first = store.append_events(stream("first"), ExpectedVersion::Any, vec![event(0)]);
    assert!((&mut first).now_or_never().is_none());
    tokio::task::yield_now().await;
    let mut waiting: Vec<BoxFuture<'_, Outcome>> = appends.into_iter().map(|append| store.append(append)).collect();
    for append in &mut waiting {
        assert!(append.now_or_never().is_none());
    }
    holder.execute("ROLLBACK").await.unwrap();
    first.await.unwrap();
    futures::future::join_all(waiting).await
}

fn append(own: &str, expected: ExpectedVersion, ids: std::ops::Range<u128>) -> StreamAppend {
    StreamAppend::new(stream(own), expected, events(ids))
}

fn versions(outcomes: &[Outcome]) -> Vec<Option<u64>> {
    let version = |outcome: &Outcome| Some(outcome.as_ref().ok()?.version.get());
    outcomes.iter().map(version).collect()
}

#[tokio::test]
async fn a_conflict_is_only_that_callers() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    let outcomes = together(
        &store,
        &path,
        vec![
            append("a", ExpectedVersion::NoStream, 0..2),
            append("a", ExpectedVersion::NoStream, 10..12),
            append("a", ExpectedVersion::Exact(Version::from(2)), 20..21),
            append("b", ExpectedVersion::StreamExists, 0..1),
            append("b", ExpectedVersion::Any, 1..4),
            append("b", ExpectedVersion::StreamExists, 4..5),
        ],
    )
    .await;
    assert_eq!(versions(&outcomes), [Some(2), None, Some(3), None, Some(3), Some(4)]);
    assert!(matches!(&outcomes[1], Err(AppendError::Conflict(conflict)) if conflict.actual == Version::from(2)));
    assert!(matches!(&outcomes[3], Err(AppendError::Conflict(conflict)) if conflict.actual == Version::INITIAL));
    let stored = store.load_events(stream("a"), None).await.unwrap();
    let ids: Vec<_> = stored.iter().map(|event| event.id.as_uuid().as_u128()).collect();
    assert_eq!(ids, [0, 1, 20]);
}

#[tokio::test]
async fn repetitions_are_recognised_within_a_group() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    support::append(&store, "a", 0..2).await;
    let mut twisted = event(2);
    twisted.data.clear();
    let outcomes = together(
        &store,
        &path,
        vec![
            append("a", ExpectedVersion::Exact(Version::from(2)), 2..4),
            append("a", ExpectedVersion::Exact(Version::from(2)), 2..4),
            append("a", ExpectedVersion::NoStream, 0..4),
            StreamAppend::new(stream("a"), ExpectedVersion::Any, vec![twisted]),
        ],
    )
    .await;
    assert_eq!(versions(&outcomes), [Some(4), Some(4), Some(4), None]);
    let repeated: Vec<_> = outcomes.iter().flatten().map(|appended| appended.repeated).collect();
    assert_eq!(repeated, [false, true, true]);
    assert!(matches!(&outcomes[3], Err(AppendError::DuplicateId { id, .. }) if *id == event(2).id));
    assert_eq!(store.load_events(stream("a"), None).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_command_is_stored_once_within_a_group() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    let mark = CommandMark::new(CommandId::from_uuid(Uuid::from_u128(7)), 2);
    let command = |first: u128| {
        let marked = vec![event(first).with_command(mark), event(first + 1), event(first + 2)];
        StreamAppend::new(stream("a"), ExpectedVersion::Any, marked)
    };
    let outcomes = together(&store, &path, vec![command(0), command(10)]).await;
    assert_eq!(versions(&outcomes), [Some(3), None]);
    let first_of = |outcome: &Outcome| match outcome {
        Err(AppendError::DuplicateCommand { first, .. }) => first.version.get(),
        _ => 0,
    };
    assert_eq!(first_of(&outcomes[1]), 2);
    let later = store.append(command(20)).await;
    assert_eq!(first_of(&later), 2);
}

#[tokio::test]
async fn a_batch_that_is_refused_takes_nothing_of_its_group_along() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let store = support::open(&path).await;
    let mut holder = support::lock(&path).await;
    let mut first = store.append_events(stream("a"), ExpectedVersion::NoStream, events(0..1));
    assert!((&mut first).now_or_never().is_none());
    tokio::task::yield_now().await;
    let mut refused = store.append_batch(vec![
        append("b", ExpectedVersion::NoStream, 0..2),
        StreamAppend::check(stream("a"), ExpectedVersion::NoStream),
    ]);
    assert!((&mut refused).now_or_never().is_none());
    let mut accepted = store.append_batch(vec![
        append("b", ExpectedVersion::NoStream, 5..6),
        StreamAppend::check(stream("a"), ExpectedVersion::Exact(Version::from(1))),
    ]);
    assert!((&mut accepted).now_or_never().is_none());
    holder.execute("ROLLBACK").await.unwrap();
    first.await.unwrap();
    let refused = refused.await;
    assert!(matches!(refused, Err(AppendError::Conflict(conflict)) if conflict.stream_id == stream("a")));
    let accepted: Vec<_> = accepted.await.unwrap().iter().map(|end| end.version.get()).collect();
    assert_eq!(accepted, [1, 1]);
}

#[tokio::test]
async fn what_is_predicted_is_right_beside_another_writer() {
    let directory = support::directory();
    let path = directory.path().join("events.db");
    let (ours, theirs) = (support::open(&path).await, support::open(&path).await);
    let batch = |version: u32, first: u128| {
        let exact = ExpectedVersion::Exact(Version::from(version));
        let of = |own, id| append(own, exact, id..id + 2);
        vec![of("a", first), of("b", first)]
    };
    for round in 0..30 {
        // What we believe of the log's end is now wrong in every other round.
        if round % 2 == 0 {
            support::append(&theirs, "c", u128::from(round) * 10..u128::from(round) * 10 + 3).await;
        }
        let before = ours.head().await.unwrap().parts()[2];
        let ends = ours
            .append_batch(batch(round * 2, u128::from(round) * 2))
            .await
            .unwrap();
        let positions: Vec<_> = ends.iter().map(|end| end.position.parts()[2] - before).collect();
        assert_eq!(positions, [2, 4]);
        let repeated = ours
            .append_batch(batch(round * 2, u128::from(round) * 2))
            .await
            .unwrap();
        assert!(repeated.iter().all(|end| end.repeated) && ends.iter().all(|end| !end.repeated));
        assert_eq!(
            repeated,
            ends.into_iter().map(Appended::as_repeated).collect::<Vec<_>>()
        );
        let refused = ours.append_batch(batch(round * 2 + 1, 1000)).await;
        let actual = Version::from(round * 2 + 2);
        assert!(matches!(refused, Err(AppendError::Conflict(conflict)) if conflict.actual == actual));
        // An id that is taken is found even where the version is right.
        let twisted = ours.append_batch(batch(round * 2 + 2, 0)).await;
        assert!(matches!(twisted, Err(AppendError::DuplicateId { .. })), "{twisted:?}");
    }
}
