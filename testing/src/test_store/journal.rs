//! What a test store has reduced, and which of it the test has asserted.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use composable_rust_core::{Effect, Reducer, Segment};

use super::{external_wait::ExternalWaits, instrumented_effect::instrumented};

/// So many actions that nobody has received are an effect that never ends.
const TOO_MANY: usize = 100_000;

/// What was reduced.
pub(super) struct Journal<A, V> {
    /// Every action, in the order of their reduces: the first is the cause number 1.
    actions: Vec<A>,
    /// What the test has not asserted yet: the number of the reduce, and the state after it.
    unasserted: VecDeque<(u64, V)>,
}

impl<A, V> Journal<A, V> {
    pub(super) fn action(&self, cause: u64) -> Option<&A> {
        let index = usize::try_from(cause).ok()?.checked_sub(1)?;
        self.actions.get(index)
    }

    pub(super) fn last(&self) -> Option<&A> {
        self.actions.last()
    }

    /// The actions that wait for being received, the next first.
    pub(super) fn received(&self) -> impl Iterator<Item = &A> {
        self.unasserted.iter().filter_map(|(cause, _)| self.action(*cause))
    }

    /// Takes the next one, and the state after it.
    pub(super) fn next(&mut self) -> Option<V> {
        self.unasserted.pop_front().map(|(_, after)| after)
    }
}

/// The journal, shared with the reducer that writes it.
pub(super) struct Shared<A, V>(Arc<Mutex<Journal<A, V>>>);

impl<A, V> Shared<A, V> {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Journal {
            actions: Vec::new(),
            unasserted: VecDeque::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Journal<A, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A, V> Clone for Shared<A, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What the assertions of a test are about, made from the state.
pub(super) type View<S, V> = Arc<dyn Fn(&S) -> V + Send + Sync>;

/// The reducer under test, with a journal. The engine that runs it is the live one.
pub(super) struct Journalled<R: Reducer, V> {
    pub(super) reducer: R,
    pub(super) journal: Shared<R::Action, V>,
    pub(super) view: View<R::State, V>,
    pub(super) waits: Arc<ExternalWaits>,
}

impl<R, V> Reducer for Journalled<R, V>
where
    R: Reducer,
    R::Action: Clone,
    V: Send + 'static,
{
    type State = R::State;
    type Action = R::Action;
    type Environment = R::Environment;

    fn reduce(&self, state: &mut R::State, action: &R::Action, environment: &R::Environment) -> Effect<R::Action> {
        // Noted before the reduce: should it panic, it is known on what.
        let copy = action.clone();
        let mut journal = self.journal.lock();
        assert!(
            journal.unasserted.len() < TOO_MANY,
            "{TOO_MANY} actions came without an end: does an effect bring the action that starts it?"
        );
        journal.actions.push(copy);
        let cause = journal.actions.len() as u64;
        drop(journal);
        let effect = self.reducer.reduce(state, action, environment);
        let after = (self.view)(state);
        self.journal.lock().unasserted.push_back((cause, after));
        instrumented(effect, &self.waits)
    }

    fn addressed_row(&self, action: &R::Action) -> Option<Vec<Segment>> {
        self.reducer.addressed_row(action)
    }

    fn pending_count(&self, state: &mut R::State) -> usize {
        self.reducer.pending_count(state)
    }
}
