//! Promise 4: batches.

use composable_rust_core::{
    AppendError, Appended, ExpectedVersion, InvalidAppend, Position, SerializedEvent, StreamAppend, StreamId,
};

use super::{
    Fixture,
    events::{new_events, new_stream},
    run::race,
    subject::{Refusal, Subject, assert_refused, version, written},
};

/// A batch is written to all of its streams or to none; a refusal names the stream. Entries without events check the version of
/// their stream, serializably with concurrent batches. Batches in opposite orders never deadlock.
///
/// # Panics
/// When the store does not keep the promise.
pub async fn batches_are_all_or_nothing(fixture: impl Fixture) {
    let store = Subject::of(&fixture);
    check_answers(&store).await;
    check_every_place(&store).await;
    check_checks(&store).await;
    check_empty_and_double(&store).await;
    for _ in 0..40 {
        check_write_skew(&store).await;
    }
    check_opposite_orders(&store).await;
}

fn three() -> [StreamId; 3] {
    ["a", "b", "c"].map(new_stream)
}

fn entry(stream: &StreamId, expected: ExpectedVersion, events: &[SerializedEvent]) -> StreamAppend {
    StreamAppend::new(stream.clone(), expected, events.to_vec())
}

fn exact(n: usize) -> ExpectedVersion {
    ExpectedVersion::Exact(version(n))
}

/// One answer an entry, in the order of the entries.
async fn check_answers(store: &Subject) {
    let [a, b, c] = three();
    let before = store.append(&b, ExpectedVersion::NoStream, &new_events(2)).await;
    let (to_c, to_a) = (new_events(3), new_events(1));
    let entries = vec![
        entry(&c, ExpectedVersion::NoStream, &to_c),
        StreamAppend::check(b.clone(), ExpectedVersion::StreamExists),
        entry(&a, ExpectedVersion::Any, &to_a),
    ];
    let what = "a batch that nothing stands against";
    let answers = written(store.try_batch(entries).await, what);
    store.assert_holds(&c, &to_c, what).await;
    store.assert_holds(&a, &to_a, what).await;
    let (in_c, in_a) = (store.load(&c).await, store.load(&a).await);
    let expected = [in_c.last(), None, in_a.last()]
        .map(|last| last.map_or(before, |event| Appended::new(event.version, event.position)));
    assert_eq!(answers, expected, "{what} answers entry by entry, in order");
}

/// One entry that is refused, wherever it stands: nothing is written.
async fn check_every_place(store: &Subject) {
    for place in 0..3 {
        for kind in 0..3 {
            check_refused_entry(store, place, kind).await;
        }
    }
}

async fn check_refused_entry(store: &Subject, place: usize, kind: usize) {
    let streams = three();
    let refused = &streams[place];
    let stored = new_events(2);
    store.append(refused, ExpectedVersion::NoStream, &stored).await;
    let (bad, refusal, what) = match kind {
        0 => {
            let stale = entry(refused, exact(1), &new_events(1));
            (
                stale,
                Refusal::Conflict(refused, exact(1), 2),
                "a batch with a stale entry",
            )
        }
        1 => {
            let check = StreamAppend::check(refused.clone(), exact(3));
            (
                check,
                Refusal::Conflict(refused, exact(3), 2),
                "a batch with a failing check",
            )
        }
        _ => {
            let taken = entry(refused, exact(2), &stored[1..]);
            (
                taken,
                Refusal::DuplicateId(refused, stored[1].id),
                "a batch with a taken id",
            )
        }
    };
    let mut entries = streams
        .each_ref()
        .map(|stream| entry(stream, ExpectedVersion::NoStream, &new_events(2)));
    entries[place] = bad;
    assert_refused(store.try_batch(entries.into()).await, &refusal, what);
    store.assert_holds(refused, &stored, what).await;
    for other in streams.iter().filter(|stream| *stream != refused) {
        store.assert_nothing_in(other, what).await;
    }
}

/// Entries without events check and answer where their stream is.
async fn check_checks(store: &Subject) {
    let [a, b, _] = three();
    let head = store.append(&a, ExpectedVersion::NoStream, &new_events(3)).await;
    let nowhere = Appended::new(version(0), Position::BEGINNING);
    let checks = |expected: ExpectedVersion| {
        vec![
            StreamAppend::check(a.clone(), expected),
            StreamAppend::check(b.clone(), ExpectedVersion::NoStream),
        ]
    };
    for expected in [ExpectedVersion::Any, ExpectedVersion::StreamExists, exact(3)] {
        let what = format!("a batch that only checks {expected}");
        let answers = written(store.try_batch(checks(expected)).await, &what);
        assert_eq!(answers, [head, nowhere], "{what} answers where the streams are");
    }
    for expected in [ExpectedVersion::NoStream, exact(2), exact(4)] {
        let what = format!("a batch that only checks {expected} of a stream at version 3");
        assert_refused(
            store.try_batch(checks(expected)).await,
            &Refusal::Conflict(&a, expected, 3),
            &what,
        );
    }
    store.assert_nothing_in(&b, "a batch that only checks").await;
}

async fn check_empty_and_double(store: &Subject) {
    let nothing = written(store.try_batch(vec![]).await, "a batch without entries");
    assert_eq!(nothing, [], "a batch without entries answers nothing");
    let [a, b, _] = three();
    let entries = [&a, &b, &a].map(|stream| entry(stream, ExpectedVersion::Any, &new_events(1)));
    let outcome = store.try_batch(entries.into()).await;
    let typed =
        matches!(&outcome, Err(AppendError::Invalid(InvalidAppend::DuplicateStream { stream_id })) if *stream_id == a);
    assert!(
        typed,
        "a batch that names {a} twice was to be refused with DuplicateStream, got {outcome:?}"
    );
    for stream in [&a, &b] {
        store
            .assert_nothing_in(stream, "a batch that names a stream twice")
            .await;
    }
}

/// {write A, check B} against {write B, check A}: each is right before the other and wrong after it.
async fn check_write_skew(store: &Subject) {
    let [a, b, _] = three();
    let batch = |store: Subject, write: StreamId, check: StreamId| async move {
        let entries = vec![
            entry(&write, ExpectedVersion::NoStream, &new_events(1)),
            StreamAppend::check(check, ExpectedVersion::NoStream),
        ];
        store.try_batch(entries).await
    };
    let forth = batch(store.clone(), a.clone(), b.clone());
    let back = batch(store.clone(), b.clone(), a.clone());
    let outcomes = race([forth, back]).await;
    let winners = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(
        winners, 1,
        "of two batches that each check what the other writes, exactly one was to win: {outcomes:?}"
    );
    let (lost, checked) = if outcomes[0].is_ok() { (1, &a) } else { (0, &b) };
    let refusal = Refusal::Conflict(checked, ExpectedVersion::NoStream, 1);
    let loser = outcomes.into_iter().nth(lost).unwrap_or_else(|| Ok(vec![]));
    assert_refused(loser, &refusal, "the batch whose check came second");
}

/// The same streams in every order, from many tasks: all succeed, and none waits for ever.
async fn check_opposite_orders(store: &Subject) {
    const ROUNDS: usize = 10;
    let streams = three();
    let writer = |store: Subject, order: Vec<StreamId>| async move {
        for _ in 0..ROUNDS {
            let batch = order
                .iter()
                .map(|stream| entry(stream, ExpectedVersion::Any, &new_events(1)));
            written(
                store.try_batch(batch.collect()).await,
                "one of many batches in opposite orders",
            );
        }
    };
    let orders = (0..8).map(|own| {
        let mut order = streams.to_vec();
        order.rotate_left(own % 3);
        if own % 2 == 1 {
            order.reverse();
        }
        order
    });
    race(orders.map(|order| writer(store.clone(), order))).await;
    for stream in &streams {
        let stored = store.load(stream).await.len();
        assert_eq!(
            stored,
            8 * ROUNDS,
            "after batches in opposite orders, {stream} lacks events"
        );
    }
}
