//! The calls of the store, each with what happens to it.

use std::sync::Arc;

use composable_rust_core::{
    AppendError, Appended, CommandId, EventLog, EventStore, LogPage, Position, ReadAll, ReadError, ReadStream,
    RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome, StreamAppend, StreamId,
};
use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use super::{
    call::Call,
    fault::{FaultKind, Operation},
    stall::Until,
    store::FaultyEventStore,
};
use crate::clock::after;

impl<S: EventStore> EventStore for FaultyEventStore<S> {
    fn append(&self, append: StreamAppend) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            // What no store accepts is refused before anything else, and is no append to be counted.
            append.validate()?;
            let call = Call::append(self, std::slice::from_ref(&append));
            call.commit(async { self.inner().append(append).await }).await
        })
    }

    fn append_batch(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move {
            StreamAppend::validate_batch(&appends)?;
            let call = Call::append(self, &appends);
            call.commit(async { self.inner().append_batch(appends).await }).await
        })
    }

    fn read_stream(&self, read: ReadStream) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
        let store = self.clone();
        stream::once(async move {
            let mut call = Call::begin(&store, Operation::Read, vec![read.stream_id.clone()]);
            let end = call.meet().await;
            let events = store.inner().read_stream(read);
            match end {
                Some(kind) => failing(call, kind, events),
                None => events,
            }
        })
        .flatten()
        .boxed()
    }

    fn load_command(
        &self,
        stream_id: StreamId,
        command_id: CommandId,
    ) -> BoxFuture<'static, Result<Vec<RecordedEvent>, ReadError>> {
        let store = self.clone();
        Box::pin(async move {
            let call = Call::begin(&store, Operation::Read, vec![stream_id.clone()]);
            let loaded = async { store.inner().load_command(stream_id, command_id).await };
            call.ask(loaded).await
        })
    }

    fn save_snapshot(
        &self,
        stream_id: StreamId,
        snapshot: Snapshot,
    ) -> BoxFuture<'_, Result<SnapshotOutcome, SnapshotError>> {
        Box::pin(async move {
            let call = Call::begin(self, Operation::Save, vec![stream_id.clone()]);
            let saved = async { self.inner().save_snapshot(stream_id, snapshot).await };
            call.ask(saved).await
        })
    }

    fn load_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<Snapshot>, SnapshotError>> {
        Box::pin(async move {
            let call = Call::begin(self, Operation::Load, vec![stream_id.clone()]);
            let loaded = async { self.inner().load_snapshot(stream_id).await };
            call.ask(loaded).await
        })
    }

    fn delete_snapshot(&self, stream_id: StreamId) -> BoxFuture<'_, Result<(), SnapshotError>> {
        Box::pin(async move {
            let call = Call::begin(self, Operation::Save, vec![stream_id.clone()]);
            let deleted = async { self.inner().delete_snapshot(stream_id).await };
            call.ask(deleted).await
        })
    }
}

/// So many events, and then an error.
fn failing<S: EventStore>(
    call: Call<S>,
    kind: FaultKind,
    events: BoxStream<'static, Result<RecordedEvent, ReadError>>,
) -> BoxStream<'static, Result<RecordedEvent, ReadError>> {
    let after = match kind {
        FaultKind::Fails { after } => usize::try_from(after).unwrap_or(usize::MAX),
        _ => 0,
    };
    let error = stream::once(async move { Err(call.unavailable(kind).into()) });
    events.take(after).chain(error).boxed()
}

impl<S: EventLog> EventLog for FaultyEventStore<S> {
    fn read_all(&self, read: ReadAll) -> BoxFuture<'_, Result<LogPage, ReadError>> {
        Box::pin(async move {
            let after = read.after;
            let call = Call::begin(self, Operation::Page, vec![]);
            stall(self, &call).await?;
            let page = async { self.inner().read_all(read).await };
            let page = call.ask(page).await?;
            Ok(self.end().page(after, page))
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            let head = self.inner().head().await?;
            Ok(self.end().head(head))
        })
    }

    fn wait_for_committed(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            let last = self.inner().wait_for_committed().await?;
            loop {
                // Held back by a stall.
                let head = self.head().await?;
                if head >= last {
                    return Ok(head);
                }
                self.wait_for_events(head).await?;
            }
        })
    }

    fn wait_for_events(&self, after: Position) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async move {
            let call = Call::begin(self, Operation::Wait, vec![]);
            let more = async {
                // A stall may begin while the wait for the store is under way: what it brings must be readable.
                self.end().passed(after).await;
                self.inner().wait_for_events(after).await?;
                self.end().passed(after).await;
                Ok(())
            };
            call.ask(more).await
        })
    }
}

/// Begins the stall that the seed wants at this page, unless the log stalls already.
async fn stall<S: EventLog>(store: &FaultyEventStore<S>, call: &Call<S>) -> Result<(), ReadError> {
    let stall = {
        let plan = store.plan();
        plan.seed.and_then(|seed| plan.chances.stall(seed, call.nth()))
    };
    let Some((longest, clock)) = stall.filter(|_| !store.end().is_stalled()) else {
        return Ok(());
    };
    let head = store.inner().head().await?;
    let until = Until::Moment(after(clock.now(), longest), Arc::clone(&clock));
    let at = store.end().stall(head, until);
    call.note(FaultKind::Stalled { at });
    Ok(())
}
