//! How actions come in.

use std::sync::{Arc, atomic::Ordering};

use composable_rust_core::Reducer;

use super::{Engine, Tracker, context::Queued, inbox::Push, subscribers::BoxedSubscriber, tracker::WorkToken};

/// Why an action was not taken; the store's public errors are made of it.
pub(crate) enum Refused<A> {
    Full(A),
    Ended(A),
}

impl<R: Reducer> Engine<R> {
    /// Takes an action, or says why not. The caller reduces it here and now, unless someone else drains.
    pub(crate) fn submit(self: &Arc<Self>, action: R::Action) -> Result<(), Refused<R::Action>> {
        self.submit_for(action, None).map_err(|(refused, _)| refused)
    }

    /// As [`Engine::submit`], followed by a tracker.
    pub(crate) fn submit_tracked(self: &Arc<Self>, action: R::Action) -> Result<Arc<Tracker>, Refused<R::Action>> {
        let (tracker, work) = Tracker::start();
        match self.submit_for(action, Some(work)) {
            Ok(()) => Ok(tracker),
            Err((refused, _)) => Err(refused),
        }
    }

    fn submit_for(
        self: &Arc<Self>,
        action: R::Action,
        work: Option<WorkToken>,
    ) -> Result<(), (Refused<R::Action>, Option<WorkToken>)> {
        // Looked at before the lock is tried: what many callers only read does not move between their caches.
        if self.inbox.is_empty()
            && !self.offloaded.load(Ordering::Relaxed)
            && let Some(mut locked) = self.state.try_lock()
            && locked.queue.is_empty()
            && self.inbox.is_empty()
            && !self.inbox.is_occupied()
            && self.lifecycle.is_open()
        {
            // Nobody is before this action: it takes no place in the inbox.
            self.reduce(&mut locked, Queued::direct(action, work));
            let more = !locked.is_quiet() && self.run(&mut locked);
            drop(locked);
            self.after_drain(more);
            return Ok(());
        }
        // The lock may have been taken above and others left their actions: whatever happens here, drain.
        let entry = self.inbox.push(Queued::external(action, work), &self.lifecycle);
        self.drain();
        match entry {
            Push::Entered => Ok(()),
            Push::Full(item) => Err((Refused::Full(item.action), item.work)),
            Push::Ended(item) => Err((Refused::Ended(item.action), item.work)),
        }
    }

    /// Waits until there is a place for the action, and takes it.
    pub(crate) async fn submit_when_free<T>(
        self: &Arc<Self>,
        action: R::Action,
        submit: impl Fn(&Arc<Self>, R::Action) -> Result<T, Refused<R::Action>>,
    ) -> Result<T, R::Action> {
        let mut waiting = Some(action);
        let enter = || match submit(self, waiting.take()?) {
            Ok(entered) => Some(Ok(entered)),
            Err(Refused::Ended(action)) => Some(Err(action)),
            Err(Refused::Full(action)) => {
                waiting = Some(action);
                None
            }
        };
        self.inbox.wait_for_space(enter).await
    }

    /// Takes an effect's action: there is always a place for it.
    pub(super) fn deliver(self: &Arc<Self>, item: Queued<R::Action>) {
        // Not bounded, so it enters in every phase; the drainer discards it where nothing is reduced any more.
        let _ = self.inbox.push(item, &self.lifecycle);
        self.drain();
    }

    pub(crate) fn subscribe(self: &Arc<Self>, subscriber: BoxedSubscriber<R::State>) {
        self.inbox.push_subscriber(subscriber);
        self.drain();
    }

    /// Looks at the state, between reduces. Panics where it would wait for itself: nothing could be said there otherwise.
    pub(crate) fn read<T>(self: &Arc<Self>, look: impl FnOnce(&R::State) -> T) -> T {
        assert!(
            !self.state.is_held_here(),
            "Store::state was called inside of a reducer, a selector or another Store::state of the same store: it would \
             wait for itself. Use the state that was passed in there, or dispatch an action"
        );
        // Drained also when `look` panics: others may have left their actions to the holder of the lock.
        let _drained = DrainOnDrop(self);
        let locked = self.state.lock();
        look(&locked.state)
    }
}

struct DrainOnDrop<'a, R: Reducer>(&'a Arc<Engine<R>>);

impl<R: Reducer> Drop for DrainOnDrop<'_, R> {
    fn drop(&mut self) {
        self.0.after_drain(false);
    }
}
