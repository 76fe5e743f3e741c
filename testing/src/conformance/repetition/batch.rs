//! Batches that are sent again.

use composable_rust_core::{Appended, ExpectedVersion, SerializedEvent, StreamAppend, StreamId};

use crate::conformance::{
    events::{events_of, new_command, new_events, new_stream},
    subject::{Refusal, Subject, assert_refused, version, written},
};

pub(super) async fn check(store: &Subject) {
    check_identical(store).await;
    check_partly_stored(store).await;
    check_command(store).await;
}

fn entry(stream: &StreamId, events: &[SerializedEvent]) -> StreamAppend {
    StreamAppend::new(stream.clone(), ExpectedVersion::NoStream, events.to_vec())
}

/// The identical batch returns the first results, each as repeated; what it checked is not checked again.
async fn check_identical(store: &Subject) {
    let [a, b, checked] = ["a", "b", "checked"].map(new_stream);
    let (to_a, to_b) = (new_events(2), new_events(3));
    let check = StreamAppend::check(checked.clone(), ExpectedVersion::NoStream);
    let batch = vec![entry(&a, &to_a), check, entry(&b, &to_b)];
    let what = "the identical batch, sent again,";
    let mut first = written(store.try_batch(batch.clone()).await, what);
    assert!(
        first.iter().all(|answer| !answer.repeated),
        "the first batch of events was answered as a repeated one: {first:?}"
    );
    store.append(&a, ExpectedVersion::StreamExists, &new_events(1)).await;
    first[1] = store.append(&checked, ExpectedVersion::NoStream, &new_events(4)).await;
    let again = written(store.try_batch(batch).await, what);
    let first: Vec<_> = first.into_iter().map(Appended::as_repeated).collect();
    assert_eq!(
        again, first,
        "{what} was to return the first results, and the heads of the streams it checks, each with `repeated` true"
    );
    store.assert_holds(&b, &to_b, what).await;
    assert_eq!(store.load(&a).await.len(), 3, "{what} was stored twice");
}

/// A batch of which a part is stored already is not that batch: the stored part is a conflict.
async fn check_partly_stored(store: &Subject) {
    let [a, b] = ["a", "b"].map(new_stream);
    let (to_a, to_b) = (new_events(2), new_events(1));
    store.append(&b, ExpectedVersion::NoStream, &to_b).await;
    let outcome = store.try_batch(vec![entry(&a, &to_a), entry(&b, &to_b)]).await;
    let what = "a batch of which a part is stored already";
    assert_refused(outcome, &Refusal::Conflict(&b, ExpectedVersion::NoStream, 1), what);
    store.assert_nothing_in(&a, what).await;
    store.assert_holds(&b, &to_b, what).await;
}

/// A stored command in one entry refuses the batch.
async fn check_command(store: &Subject) {
    let [a, b] = ["a", "b"].map(new_stream);
    let command = new_command();
    let stored = events_of(command, 2);
    let first = store.append(&b, ExpectedVersion::NoStream, &stored).await;
    let next = StreamAppend::new(b.clone(), version(2), events_of(command, 1));
    let outcome = store.try_batch(vec![entry(&a, &new_events(1)), next]).await;
    let what = "a batch with a stored command";
    assert_refused(outcome, &Refusal::DuplicateCommand(&b, command, first), what);
    store.assert_nothing_in(&a, what).await;
}
