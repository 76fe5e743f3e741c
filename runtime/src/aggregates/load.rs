//! From the store into memory: snapshot plus tail.

use composable_rust_core::{Aggregate, ReadError, ReadStream, Session, StreamId};
use futures::StreamExt;
use tracing::{debug, warn};

use super::{Host, LoadError};
use crate::{caught::caught, retries::jittered};

impl<A: Aggregate> Host<A> {
    /// Loads a stream: its snapshot if there is a usable one, and the events since.
    pub(super) async fn load(&self, stream_id: &StreamId) -> Result<Session<A>, LoadError> {
        let session = self.restore(stream_id).await.unwrap_or_default();
        self.catch_up(stream_id, session).await
    }

    /// A snapshot is an accelerator: whatever is wrong with it, the events are there.
    async fn restore(&self, stream_id: &StreamId) -> Option<Session<A>> {
        if A::SNAPSHOTS.is_never() {
            return None;
        }
        match self.store.load_snapshot(stream_id.clone()).await {
            Ok(snapshot) => {
                let snapshot = snapshot?;
                let state = A::SNAPSHOTS.restore(&snapshot);
                if state.is_none() {
                    warn!(%stream_id, version = %snapshot.version, schema = snapshot.schema, "snapshot ignored: not of this schema, or damaged");
                }
                Some(Session::restored(snapshot.version, state?))
            }
            Err(error) => {
                warn!(%stream_id, %error, "snapshot not loaded: replaying the whole stream");
                None
            }
        }
    }

    /// Applies what was recorded since the session's version. An outage is waited out for a while.
    pub(super) async fn catch_up(
        &self,
        stream_id: &StreamId,
        mut session: Session<A>,
    ) -> Result<Session<A>, LoadError> {
        let mut failures = 0;
        loop {
            let error = match self.read_into(stream_id, &mut session).await {
                Ok(()) => return Ok(session),
                Err(LoadError::Unavailable(error)) => error,
                Err(other) => return Err(other),
            };
            failures += 1;
            let Some(pause) = self.retries.outages.pause_after(failures) else {
                return Err(LoadError::Unavailable(error));
            };
            debug!(%stream_id, %error, "load failed: reading on after a pause");
            self.clock.sleep(jittered(pause, &*self.ids)).await;
        }
    }

    async fn read_into(&self, stream_id: &StreamId, session: &mut Session<A>) -> Result<(), LoadError> {
        let Some(next) = session.version().next() else {
            return Ok(());
        };
        let mut events = self.store.read_stream(ReadStream::new(stream_id.clone()).from(next));
        while let Some(recorded) = events.next().await {
            let recorded = recorded.map_err(|error: ReadError| LoadError::from(error))?;
            caught(|| session.observe(&recorded)).map_err(|message| LoadError::Panicked { message })??;
        }
        Ok(())
    }
}
