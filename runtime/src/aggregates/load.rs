//! From the store into memory: snapshot plus tail.

use std::sync::Arc;

use composable_rust_core::{Aggregate, ReadError, ReadStream, RecordedEvent, Session, StreamId, Version};
use futures::{StreamExt, stream::BoxStream};
use tracing::debug;

use super::{Host, LoadError, snapshots::Restored};
use crate::caught::caught;

type Recorded = BoxStream<'static, Result<RecordedEvent, ReadError>>;

impl<A: Aggregate> Host<A> {
    /// Loads a stream: its snapshot if there is a usable one, and the events since.
    pub(super) async fn load(self: &Arc<Self>, stream_id: &StreamId) -> Result<Session<A>, LoadError> {
        let session = match self.restore(stream_id).await {
            Restored::Usable(session) => session,
            Restored::Absent => Session::new(),
            Restored::Unusable => {
                let session = self.catch_up(stream_id, Session::new()).await?;
                self.offer_snapshot(stream_id, &session);
                return Ok(session);
            }
        };
        self.catch_up(stream_id, session).await
    }

    /// Loads a stream as it was at `until`.
    pub(super) async fn load_until(
        self: &Arc<Self>,
        stream_id: &StreamId,
        until: Version,
    ) -> Result<Session<A>, LoadError> {
        let session = match self.restore(stream_id).await {
            Restored::Usable(session) if session.version() <= until => session,
            _ => Session::new(),
        };
        let session = self.catch_up_until(stream_id, session, Some(until)).await?;
        if session.version() < until {
            return Err(LoadError::BeyondStream {
                stream_id: stream_id.clone(),
                asked: until,
                actual: session.version(),
            });
        }
        Ok(session)
    }

    /// Applies what was recorded since the session's version. An outage is waited out for a while.
    pub(super) async fn catch_up(&self, stream_id: &StreamId, session: Session<A>) -> Result<Session<A>, LoadError> {
        self.catch_up_until(stream_id, session, None).await
    }

    async fn catch_up_until(
        &self,
        stream_id: &StreamId,
        mut session: Session<A>,
        until: Option<Version>,
    ) -> Result<Session<A>, LoadError> {
        let mut attempt = 1;
        loop {
            let error = match self.read_into(stream_id, &mut session, until).await {
                Ok(()) => return Ok(session),
                Err(LoadError::Unavailable(error)) => error,
                Err(other) => return Err(other),
            };
            let Some(pause) = self.store.retries.outages.pause_after(attempt) else {
                return Err(LoadError::Unavailable(error));
            };
            debug!(%stream_id, %error, attempt, "load failed: reading on after a pause");
            self.store.pause(pause).await;
            attempt += 1;
        }
    }

    async fn read_into(
        &self,
        stream_id: &StreamId,
        session: &mut Session<A>,
        until: Option<Version>,
    ) -> Result<(), LoadError> {
        let missing = until.map(|until| until.get().saturating_sub(session.version().get()));
        let (Some(next), None | Some(1..)) = (session.version().next(), missing) else {
            return Ok(());
        };
        let mut read = ReadStream::new(stream_id.clone()).from(next);
        read.limit = missing;
        let mut events = self.open(read).await?;
        while let Some(recorded) = self.store.read(async { events.next().await.transpose() }).await? {
            caught(|| session.observe(&recorded)).map_err(|message| LoadError::Panicked { message })??;
        }
        Ok(())
    }

    async fn open(&self, read: ReadStream) -> Result<Recorded, LoadError> {
        Ok(self
            .store
            .read(async { Ok(self.store.store.read_stream(read)) })
            .await?)
    }
}
