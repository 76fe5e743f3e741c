//! An append whose answer is waited for, and asked for again while it is not known.

use std::{panic::AssertUnwindSafe, sync::Arc};

use composable_rust_core::{Aggregate, AppendError, Appended, Source, StreamAppend};
use futures::FutureExt;
use tracing::{debug, warn};

use super::Host;
use crate::{caught::panic_message, retries::jittered, within::within};

/// Why an outcome is unknown although the store did not say so itself.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("the append was not answered in time")]
    Timeout,
    #[error("the event store panicked: {0}")]
    Panic(String),
}

impl<A: Aggregate> Host<A> {
    /// Sends the append, and the identical append again as long as its outcome is unknown or the store unavailable.
    pub(super) async fn append(&self, append: StreamAppend) -> Result<Appended, AppendError> {
        let mut unknown: Option<Source> = None;
        let mut attempt = 1;
        loop {
            // A copy is sent, since the identical append may have to follow.
            let error = match self.append_once(append.clone()).await {
                Err(AppendError::OutcomeUnknown(error)) => Arc::clone(unknown.insert(error)),
                Err(AppendError::Unavailable(error)) => error,
                answer => return answer,
            };
            let Some(pause) = self.retries.outages.pause_after(attempt) else {
                // Unavailable means not written *this time*: an earlier attempt may still have been.
                return Err(unknown.map_or(AppendError::Unavailable(error), AppendError::OutcomeUnknown));
            };
            warn!(stream_id = %append.stream_id, %error, attempt, "append repeated after a pause");
            attempt += 1;
            self.clock.sleep(jittered(pause, &*self.ids)).await;
        }
    }

    async fn append_once(&self, append: StreamAppend) -> Result<Appended, AppendError> {
        let (stream_id, events) = (append.stream_id.clone(), append.events.len());
        let (expected_version, store) = (append.expected, &self.store);
        // The call itself is inside, too: a store may panic before there is a future.
        let answer = AssertUnwindSafe(async move { store.append(append).await }).catch_unwind();
        let outcome = match within(&*self.clock, self.append_timeout, answer).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(payload)) => Err(unknown(NoAnswer::Panic(panic_message(&*payload)))),
            None => Err(unknown(NoAnswer::Timeout)),
        };
        debug!(%stream_id, %expected_version, events, ok = outcome.is_ok(), "append");
        outcome
    }
}

fn unknown(why: NoAnswer) -> AppendError {
    AppendError::OutcomeUnknown(Arc::new(why))
}
