//! Snapshots on their way to the store: one at a time, and of those that come meanwhile only the newest.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use composable_rust_core::{Aggregate, Effect, Session, Version};
use futures::channel::oneshot;

use super::{
    EventSourced, EventSourcedAction, EventSourcedState,
    asked::Asked,
    reduce::{Action, Environment},
};
use crate::snapshot;

impl<A: Aggregate> EventSourced<A> {
    /// Offers the store a snapshot if the append that moved the stream on from `before` calls for it.
    pub(super) fn save_if_due(
        &self,
        state: &EventSourcedState<A>,
        before: Version,
        environment: &Environment<A>,
    ) -> Effect<Action<A>> {
        if snapshot::is_due(&state.stream_id, before, &state.session) {
            self.save(state, environment)
        } else {
            Effect::none()
        }
    }

    /// Encoded here, in the reduce: so the effect is data. Done beside it, it would hold the state meanwhile, and the next
    /// event would have to clone that.
    pub(super) fn save(&self, state: &EventSourcedState<A>, environment: &Environment<A>) -> Effect<Action<A>> {
        let session: &Session<A> = &state.session;
        let Some(snapshot) = snapshot::encoded::<A>(&state.stream_id, session.version(), session.state()) else {
            return Effect::none();
        };
        let store = Asked::in_turn(environment.persistent(self.retries), Arc::clone(&state.saves));
        Effect::save_snapshot(
            store,
            state.stream_id.clone(),
            snapshot,
            EventSourcedAction::SnapshotSaved,
        )
    }
}

/// The snapshots of a stream that are being saved.
///
/// Each is an effect of the command that made it due, and waits for its turn inside of what it asks of the store. Begun by
/// the answer to the one before, it would be an effect of that one's command: whose sender, on a busy stream, would wait
/// for all that ever follow.
#[derive(Default)]
pub(super) struct Saves {
    // A std Mutex: nothing awaits while it is held.
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    is_under_way: bool,
    /// The newest that waits.
    next: Option<(Version, oneshot::Sender<Turn>)>,
}

/// Leave to ask the store; the next one has it when this is dropped.
pub(super) struct Turn {
    saves: Arc<Saves>,
}

impl Saves {
    /// Completes when the snapshot of this version may be saved; with `None` once there is a newer one.
    pub(super) async fn turn(self: &Arc<Self>, version: Version) -> Option<Turn> {
        let come = {
            let mut line = self.lock();
            if !line.is_under_way {
                line.is_under_way = true;
                return Some(self.new_turn());
            }
            if line.next.as_ref().is_some_and(|(newest, _)| *newest > version) {
                return None;
            }
            let (turn, come) = oneshot::channel();
            line.next = Some((version, turn));
            come
        };
        come.await.ok()
    }

    fn new_turn(self: &Arc<Self>) -> Turn {
        let saves = Arc::clone(self);
        Turn { saves }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut line = self.saves.lock();
            line.is_under_way = line.next.is_some();
            line.next.take()
        };
        if let Some((_, next)) = next {
            // If nobody waits any more the turn comes back, and is dropped in its turn.
            let _ = next.send(self.saves.new_turn());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::{FutureExt, future::BoxFuture, poll};

    use super::*;

    fn asked(saves: &Arc<Saves>, version: u32) -> BoxFuture<'static, Option<Turn>> {
        let saves = Arc::clone(saves);
        async move { saves.turn(Version::from(version)).await }.boxed()
    }

    #[tokio::test]
    async fn the_newest_is_next_in_whatever_order_they_come() {
        let saves = Arc::<Saves>::default();
        let first = saves.turn(Version::from(10)).await;
        let (mut second, mut fourth, mut third) = (asked(&saves, 20), asked(&saves, 40), asked(&saves, 30));
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut fourth).is_pending());
        assert!(second.await.is_none(), "overtaken while it waited");
        assert!(
            matches!(poll!(&mut third), Poll::Ready(None)),
            "overtaken before it came"
        );
        drop(first);
        assert!(fourth.await.is_some());
        assert!(asked(&saves, 20).await.is_some(), "none is under way: the store judges");
    }

    #[tokio::test]
    async fn a_turn_that_nobody_takes_any_more_is_nobodys() {
        let saves = Arc::<Saves>::default();
        let first = saves.turn(Version::from(10)).await;
        let mut gone = asked(&saves, 20);
        assert!(poll!(&mut gone).is_pending());
        drop(gone);
        drop(first);
        assert!(!saves.lock().is_under_way);

        let first = saves.turn(Version::from(30)).await;
        let mut gone = asked(&saves, 40);
        assert!(poll!(&mut gone).is_pending());
        drop(first);
        drop(gone);
        assert!(!saves.lock().is_under_way, "it was given the turn, and did not take it");
    }
}
