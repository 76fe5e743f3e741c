//! From the store into memory: snapshot plus tail.

use std::sync::Arc;

use composable_rust_core::{Aggregate, ReadError, ReadStream, RecordedEvent, Session, StreamId, Version};
use futures::{StreamExt, stream::BoxStream};
use tracing::{debug, warn};

use super::{Host, LoadError, snapshots::Restored};
use crate::caught::caught;

type Recorded = BoxStream<'static, Result<RecordedEvent, ReadError>>;

impl<A: Aggregate> Host<A> {
    /// Loads a stream: its snapshot if there is a usable one, and the events since.
    pub(super) async fn load(self: &Arc<Self>, stream_id: &StreamId) -> Result<Session<A>, LoadError> {
        let resumed = match self.restore(stream_id).await {
            Restored::Usable(session) => self.resume(stream_id, session, None).await?,
            Restored::Unusable => None,
            Restored::Absent => return self.catch_up(stream_id, Session::new()).await,
        };
        if let Some(session) = resumed {
            return Ok(session);
        }
        let session = self.catch_up(stream_id, Session::new()).await?;
        self.offer_snapshot(stream_id, &session);
        Ok(session)
    }

    /// Loads a stream as it was at `until`.
    pub(super) async fn load_until(
        self: &Arc<Self>,
        stream_id: &StreamId,
        until: Version,
    ) -> Result<Session<A>, LoadError> {
        let resumed = match self.restore(stream_id).await {
            Restored::Usable(session) if session.version() <= until => {
                self.resume(stream_id, session, Some(until)).await?
            }
            _ => None,
        };
        let session = match resumed {
            Some(session) => session,
            None => Reading::of(stream_id, Session::new()).until(until).read(self).await?,
        };
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
        Reading::of(stream_id, session).read(self).await
    }

    /// Goes on from a snapshot; `None` if it lies beyond its stream.
    async fn resume(
        &self,
        stream_id: &StreamId,
        session: Session<A>,
        until: Option<Version>,
    ) -> Result<Option<Session<A>>, LoadError> {
        let version = session.version();
        let mut reading = Reading::of(stream_id, session);
        (reading.until, reading.is_founded) = (until, version == Version::INITIAL);
        reading.read_all(self).await?;
        if reading.is_founded {
            return Ok(Some(reading.session));
        }
        warn!(%stream_id, %version, "snapshot ignored: it lies beyond its stream");
        Ok(None)
    }

    async fn open(&self, read: ReadStream) -> Result<Recorded, LoadError> {
        Ok(self
            .store
            .read(async { Ok(self.store.store.read_stream(read)) })
            .await?)
    }
}

/// A session on its way through what is recorded.
struct Reading<'a, A: Aggregate> {
    stream_id: &'a StreamId,
    session: Session<A>,
    until: Option<Version>,
    /// Whether the stream is known to reach the session's version. Until then reading begins with that event, not after
    /// it: one event more, and no second question.
    is_founded: bool,
}

impl<'a, A: Aggregate> Reading<'a, A> {
    const fn of(stream_id: &'a StreamId, session: Session<A>) -> Self {
        Self {
            stream_id,
            session,
            until: None,
            is_founded: true,
        }
    }

    const fn until(mut self, until: Version) -> Self {
        self.until = Some(until);
        self
    }

    async fn read(mut self, host: &Host<A>) -> Result<Session<A>, LoadError> {
        self.read_all(host).await?;
        Ok(self.session)
    }

    async fn read_all(&mut self, host: &Host<A>) -> Result<(), LoadError> {
        let mut attempt = 1;
        loop {
            let error = match self.read_on(host).await {
                Err(LoadError::Unavailable(error)) if error.reason.is_worth_a_retry() => error,
                done => return done,
            };
            let Some(pause) = host.store.retries.outages.pause_after(attempt) else {
                return Err(LoadError::Unavailable(error));
            };
            debug!(stream_id = %self.stream_id, %error, attempt, "load failed: reading on after a pause");
            host.store.pause(pause).await;
            attempt += 1;
        }
    }

    async fn read_on(&mut self, host: &Host<A>) -> Result<(), LoadError> {
        let Some(read) = self.what_is_missing() else {
            return Ok(());
        };
        let mut events = host.open(read).await?;
        while let Some(recorded) = host.store.read(async { events.next().await.transpose() }).await? {
            self.is_founded = true;
            let session = &mut self.session;
            caught(|| session.observe(&recorded)).map_err(|message| LoadError::Panicked { message })??;
        }
        Ok(())
    }

    /// `None` if there is nothing to be read.
    fn what_is_missing(&self) -> Option<ReadStream> {
        let version = self.session.version();
        let first = if self.is_founded { version.next()? } else { version };
        let mut read = ReadStream::new(self.stream_id.clone()).from(first);
        if let Some(until) = self.until {
            let missing = (until.get() + 1)
                .checked_sub(first.get())
                .filter(|missing| *missing > 0);
            read.limit = Some(missing?);
        }
        Some(read)
    }
}
