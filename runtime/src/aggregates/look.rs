//! Somebody who wants to see a state.

use std::sync::Arc;

use composable_rust_core::Aggregate;
use tokio::sync::oneshot;

use super::{LoadError, Versioned, line::Turn};

pub(super) type Seen<A> = Result<Versioned<<A as Aggregate>::State>, LoadError>;

/// Somebody who wants to see the state, after what came before has been carried out. Dropped without an answer, it says
/// that nobody looks any more.
pub(super) struct Look<A: Aggregate> {
    reply: oneshot::Sender<Seen<A>>,
}

impl<A: Aggregate> Look<A> {
    pub(super) fn new() -> (Self, oneshot::Receiver<Seen<A>>) {
        let (reply, seen) = oneshot::channel();
        (Self { reply }, seen)
    }

    pub(super) fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    pub(super) fn answer(self, seen: Seen<A>) {
        // Who is gone does not want to know.
        let _ = self.reply.send(seen);
    }
}

impl<A: Aggregate> Turn<A> {
    /// The state as it is in the store.
    pub(super) async fn look(&mut self) -> Seen<A> {
        // Taken out while it is worked with: a future that is dropped leaves nothing half done behind.
        let session = match self.session.take() {
            Some(session) => self.host.catch_up(&self.slot.stream_id, session).await?,
            None => self.host.load(&self.slot.stream_id).await?,
        };
        let versioned = Versioned {
            version: session.version(),
            state: Arc::clone(session.state()),
        };
        self.session = Some(session);
        Ok(versioned)
    }
}
