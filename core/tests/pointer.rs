//! A store behind a pointer is that store.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Appended, CommandId, EventStore, ExpectedVersion, Position, ReadError, ReadStream, RecordedEvent,
    SerializedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId, Unavailable, UnavailableReason,
    Version,
};
use futures::{
    FutureExt,
    future::{BoxFuture, ready},
    stream::{self, BoxStream},
};
use uuid::Uuid;

/// Has answers of its own where there are defaults.
struct Own;

const OWN: Version = Version::MAX;

fn own<'a, T: Send + 'a, E: Send + 'a>(answer: T) -> BoxFuture<'a, Result<T, E>> {
    ready(Ok(answer)).boxed()
}

fn unavailable() -> ReadError {
    Unavailable::new(UnavailableReason::Unreachable, Arc::new(std::fmt::Error)).into()
}

const fn appended(version: Version) -> Appended {
    Appended::new(version, Position::BEGINNING)
}

impl EventStore for Own {
    fn append(&self, _: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        own(appended(Version::INITIAL))
    }

    fn append_batch(&self, _: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        own(vec![])
    }

    fn read_stream(&self, _: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        Box::pin(stream::empty())
    }

    fn save_snapshot(&self, _: StreamId, _: Snapshot) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        own(SnapshotOutcome::Declined)
    }

    fn load_snapshot(&self, _: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        own(None)
    }

    fn delete_snapshot(&self, _: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        own(())
    }

    fn append_events(
        &self,
        _: StreamId,
        _: ExpectedVersion,
        _: Vec<SerializedEvent>,
    ) -> BoxFuture<'_, Result<Appended, AppendError>> {
        own(appended(OWN))
    }

    fn load_events(
        &self,
        _: StreamId,
        _: Option<Version>,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        ready(Err(unavailable())).boxed()
    }

    fn load_command(&self, _: StreamId, _: CommandId) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        ready(Err(unavailable())).boxed()
    }

    fn stream_version(&self, _: StreamId) -> BoxFuture<'static, Result<Version, ReadError>> {
        own(OWN)
    }
}

#[test]
fn a_pointer_to_a_store_keeps_the_answers_that_are_the_stores_own() {
    // Asked as generic code asks: the pointer itself is the store.
    fn answers(store: &impl EventStore) {
        let id: StreamId = "a-1".parse().unwrap();
        let append = store.append_events(id.clone(), ExpectedVersion::Any, vec![]);
        assert_eq!(append.now_or_never().unwrap().unwrap().version, OWN);
        assert!(store.load_events(id.clone(), None).now_or_never().unwrap().is_err());
        let command = CommandId::from_uuid(Uuid::nil());
        assert!(store.load_command(id.clone(), command).now_or_never().unwrap().is_err());
        assert_eq!(store.stream_version(id).now_or_never().unwrap().unwrap(), OWN);
    }
    answers(&Own);
    answers(&Arc::new(Own));
    answers(&(Arc::new(Own) as Arc<dyn EventStore>));
}
