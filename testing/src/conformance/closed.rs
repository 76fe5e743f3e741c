//! What a closed store answers.

use std::fmt::Debug;

use composable_rust_core::{
    AppendError, ExpectedVersion, Position, ReadAll, ReadError, ReadStream, Snapshot, SnapshotError, StreamAppend,
    UnavailableReason, Version,
};
use futures::TryStreamExt;

use super::{
    events::{new_command, new_events, new_stream},
    subject::Subject,
};

/// Every call to a closed store is `Unavailable` with the reason `Closed`, so that its caller does not try again.
pub(super) async fn check(store: &Subject) {
    check_appends(store).await;
    check_reads(store).await;
    check_snapshots(store).await;
    if store.has_log() {
        check_log(store).await;
    }
}

/// The reason of an error that is `Unavailable`.
trait Reason {
    fn reason(&self) -> Option<UnavailableReason>;
}

macro_rules! reason {
    ($($error:ident),*) => {$(
        impl Reason for $error {
            fn reason(&self) -> Option<UnavailableReason> {
                match self {
                    Self::Unavailable(unavailable) => Some(unavailable.reason),
                    _ => None,
                }
            }
        }
    )*};
}
reason!(AppendError, ReadError, SnapshotError);

async fn assert_closed<T: Debug, E: Reason + Debug>(
    store: &Subject,
    what: &str,
    call: impl Future<Output = Result<T, E>>,
) {
    let outcome = store.in_time(what, call).await;
    let reason = outcome.as_ref().err().and_then(Reason::reason);
    assert_eq!(
        reason,
        Some(UnavailableReason::Closed),
        "{what} on a closed store was to be Unavailable, because it is closed, got {outcome:?}"
    );
}

async fn check_appends(store: &Subject) {
    let append = || StreamAppend::new(new_stream("closed"), ExpectedVersion::Any, new_events(1));
    assert_closed(store, "an append", store.store.append(append())).await;
    let batch = vec![append(), append()];
    assert_closed(store, "a batch", store.store.append_batch(batch)).await;
}

async fn check_reads(store: &Subject) {
    let events = store.store.read_stream(ReadStream::new(new_stream("closed")));
    assert_closed(store, "a read", events.try_collect::<Vec<_>>()).await;
    let command = store.store.load_command(new_stream("closed"), new_command());
    assert_closed(store, "the look-up of a command", command).await;
}

async fn check_snapshots(store: &Subject) {
    let stream = new_stream("closed");
    let snapshot = Snapshot {
        version: Version::from(1),
        schema: 1,
        data: vec![],
    };
    let save = store.store.save_snapshot(stream.clone(), snapshot);
    assert_closed(store, "a snapshot's save", save).await;
    let load = store.store.load_snapshot(stream.clone());
    assert_closed(store, "a snapshot's load", load).await;
    assert_closed(store, "a snapshot's deletion", store.store.delete_snapshot(stream)).await;
}

async fn check_log(store: &Subject) {
    let page = store.store.read_all(ReadAll::after(Position::BEGINNING));
    assert_closed(store, "a page of the log", page).await;
    assert_closed(store, "the head of the log", store.store.head()).await;
    let committed = store.store.wait_for_committed();
    assert_closed(store, "a wait for what is committed", committed).await;
    let more = store.store.wait_for_events(Position::BEGINNING);
    assert_closed(store, "a wait for more", more).await;
}
