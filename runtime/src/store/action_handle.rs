//! The handle of a sent action.

use std::{fmt, sync::Arc};

use super::SettleError;
use crate::engine::Tracker;

/// A sent action, with everything that it causes: its effects, their actions and so on. Dropping the handle cancels nothing.
///
/// See [`Store::send`](crate::Store::send).
pub struct ActionHandle {
    tracker: Arc<Tracker>,
}

impl ActionHandle {
    pub(super) const fn new(tracker: Arc<Tracker>) -> Self {
        Self { tracker }
    }

    /// Waits for the action, its effects, and all actions and effects they cause. A cancelled effect counts as finished; a
    /// panicked one is an error.
    ///
    /// # Errors
    /// [`SettleError::EffectPanicked`] with the first effect that panicked; the others have come to their end.
    /// [`SettleError::Closed`] and [`SettleError::Faulted`] when the store has ended first: look at what is stored.
    pub async fn settled(&self) -> Result<(), SettleError> {
        self.tracker.settled().await
    }

    /// Ends what the action set off: running effects are dropped, queued actions are not reduced. Event-store
    /// operations that have started are not ended; their answers and what follows from them are reduced.
    pub fn cancel(&self) {
        self.tracker.cancel();
    }
}

impl fmt::Debug for ActionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionHandle").finish_non_exhaustive()
    }
}
