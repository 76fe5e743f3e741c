//! Loads a stream: its snapshot if there is a usable one, and the events since.

use std::sync::Arc;

use composable_rust_core::{
    Aggregate, AggregateSession, EventStore, ReadError, ReadStream, RecordedEvent, StreamId, Version,
};
use futures::{TryStreamExt, future, stream::BoxStream};
use tracing::{debug, warn};

use super::{Host, LoadError, stream::CachedStream};
use crate::{
    panics::caught,
    snapshot::{self, Restored},
};

type Recorded = BoxStream<'static, Result<RecordedEvent, ReadError>>;

impl<A: Aggregate> Host<A> {
    /// Loads a stream: snapshot and tail in one call of the store, where the aggregate has snapshots.
    pub(super) async fn load(
        self: &Arc<Self>,
        stream: &Arc<CachedStream<A>>,
    ) -> Result<AggregateSession<A>, LoadError> {
        let stream_id = &stream.stream_id;
        if A::SNAPSHOTS.is_never() {
            return self.catch_up(stream_id, AggregateSession::new()).await;
        }
        let loaded = self.store.load_snapshot_and_events(stream_id.clone()).await?;
        let mut session = match snapshot::restored(stream_id, loaded.snapshot.as_ref().map(Option::as_ref)) {
            Restored::Usable(session) if session.version() == Version::INITIAL || !loaded.events.is_empty() => session,
            Restored::Usable(session) => {
                trace_beyond(stream_id, session.version());
                return self.replay(stream).await;
            }
            Restored::Unusable => return self.replay(stream).await,
            Restored::Absent => AggregateSession::new(),
        };
        for recorded in &loaded.events {
            apply(&mut session, recorded)?;
        }
        if loaded.at_end {
            return Ok(session);
        }
        self.catch_up(stream_id, session).await
    }

    /// Loads a stream from its first event, and replaces a snapshot that can't be used.
    async fn replay(self: &Arc<Self>, stream: &CachedStream<A>) -> Result<AggregateSession<A>, LoadError> {
        let session = self.catch_up(&stream.stream_id, AggregateSession::new()).await?;
        self.save_snapshot(stream, &session);
        Ok(session)
    }

    /// Loads a stream as it was at `until`.
    pub(super) async fn load_until(
        self: &Arc<Self>,
        stream_id: &StreamId,
        until: Version,
    ) -> Result<AggregateSession<A>, LoadError> {
        let resumed = match self.restore(stream_id).await {
            Restored::Usable(session) if session.version() <= until => self.resume(stream_id, session, until).await?,
            _ => None,
        };
        let session = if let Some(session) = resumed {
            session
        } else {
            let reading = Reading::of(stream_id, AggregateSession::new()).until(until);
            reading.read(self).await?
        };
        if session.version() < until {
            return Err(LoadError::VersionNotReached {
                stream_id: stream_id.clone(),
                asked: until,
                actual: session.version(),
            });
        }
        Ok(session)
    }

    async fn restore(&self, stream_id: &StreamId) -> Restored<A> {
        if A::SNAPSHOTS.is_never() {
            return Restored::Absent;
        }
        let answer = self.store.load_snapshot(stream_id.clone()).await;
        snapshot::restored(stream_id, answer.as_ref().map(Option::as_ref))
    }

    /// Applies what was recorded since the session's version. An outage is waited out for a while.
    pub(super) async fn catch_up(
        &self,
        stream_id: &StreamId,
        session: AggregateSession<A>,
    ) -> Result<AggregateSession<A>, LoadError> {
        Reading::of(stream_id, session).read(self).await
    }

    /// Reads on from a snapshot; `None` if it lies beyond its stream.
    async fn resume(
        &self,
        stream_id: &StreamId,
        session: AggregateSession<A>,
        until: Version,
    ) -> Result<Option<AggregateSession<A>>, LoadError> {
        let version = session.version();
        let mut reading = Reading::of(stream_id, session).until(until);
        reading.is_founded = version == Version::INITIAL;
        reading.read_all(self).await?;
        if reading.is_founded {
            return Ok(Some(reading.session));
        }
        trace_beyond(stream_id, version);
        Ok(None)
    }

    async fn open(&self, read: ReadStream) -> Result<Recorded, LoadError> {
        Ok(self
            .store
            .read(|| future::ready(Ok(self.store.store.read_stream(read))))
            .await?)
    }
}

fn apply<A: Aggregate>(session: &mut AggregateSession<A>, recorded: &RecordedEvent) -> Result<(), LoadError> {
    caught(|| session.apply_recorded(recorded)).map_err(|message| LoadError::Panicked { message })??;
    Ok(())
}

/// A log that was restored from an older backup than its snapshots.
fn trace_beyond(stream_id: &StreamId, version: Version) {
    warn!(%stream_id, %version, "snapshot ignored: it lies beyond its stream");
}

/// A session into which recorded events are read, in bounded memory. After an outage it reads on from where it was.
struct Reading<'a, A: Aggregate> {
    stream_id: &'a StreamId,
    session: AggregateSession<A>,
    until: Option<Version>,
    /// Whether the stream is known to reach the session's version. Until then reading begins with that event, not after
    /// it: one event more, and no second question.
    is_founded: bool,
}

impl<'a, A: Aggregate> Reading<'a, A> {
    const fn of(stream_id: &'a StreamId, session: AggregateSession<A>) -> Self {
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

    async fn read(mut self, host: &Host<A>) -> Result<AggregateSession<A>, LoadError> {
        self.read_all(host).await?;
        Ok(self.session)
    }

    async fn read_all(&mut self, host: &Host<A>) -> Result<(), LoadError> {
        let mut attempt = 1;
        loop {
            let error = match self.read_on(host).await {
                Err(LoadError::Unavailable(error)) => error,
                done => return done,
            };
            let Some(pause) = host.store.pause_after_outage(&error, attempt) else {
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
        while let Some(recorded) = host.store.read(|| events.try_next()).await? {
            self.is_founded = true;
            apply(&mut self.session, &recorded)?;
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
