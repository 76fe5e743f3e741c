//! What a send set off.

use std::{fmt, sync::Arc};

use super::SettleError;
use crate::engine::Tracker;

/// What a send set off: its action, the effects of that, their actions and so on. Dropping it cancels nothing.
///
/// See [`Store::send`](crate::Store::send).
pub struct Sent {
    tracker: Arc<Tracker>,
}

impl Sent {
    pub(super) const fn new(tracker: Arc<Tracker>) -> Self {
        Self { tracker }
    }

    /// Waits until the action was reduced and nothing that it caused is queued or runs any more. What was cancelled
    /// counts as over; so does an effect that panicked.
    ///
    /// # Errors
    /// [`SettleError`] when the store was closed or faulted before that: look at what is stored.
    pub async fn settled(&self) -> Result<(), SettleError> {
        self.tracker.settled().await
    }

    /// Ends what the action set off: running effects are dropped, queued actions are not reduced. Event-store
    /// operations that have started are not ended; their answers and what follows from them are reduced.
    pub fn cancel(&self) {
        self.tracker.cancel();
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent").finish_non_exhaustive()
    }
}
