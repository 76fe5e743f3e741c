//! Pure functions from state and action to effect, and how small ones become large ones.

mod child;
mod combine;
mod for_each;
mod map_environment;
mod prism;
mod step;

use std::sync::Arc;

pub use child::Child;
pub use combine::Combine;
pub use for_each::ForEach;
pub use map_environment::MapEnvironment;
pub use prism::{Prism, RowPrism};
pub use step::ChildStep;

use crate::{Effect, Key, Segment};

/// Business logic as a pure function: changes the state, returns what should happen next.
///
/// The action comes by reference, so that a child, its parent and a recorder see the same one and nothing needs to be
/// `Clone`. Nothing in a reducer reads a clock or awaits: those are effects, and inputs from the environment.
///
/// ```
/// use composable_rust_core::{Effect, Reducer};
///
/// struct Counter;
///
/// enum CounterAction {
///     Increment,
///     Double,
/// }
///
/// impl Reducer for Counter {
///     type State = u32;
///     type Action = CounterAction;
///     type Environment = ();
///
///     fn reduce(&self, count: &mut u32, action: &CounterAction, (): &()) -> Effect<CounterAction> {
///         match action {
///             CounterAction::Increment => *count += 1,
///             CounterAction::Double => *count *= 2,
///         }
///         Effect::none()
///     }
/// }
///
/// let mut count = 20;
/// assert!(Counter.reduce(&mut count, &CounterAction::Increment, &()).is_none());
/// assert!(Counter.reduce(&mut count, &CounterAction::Double, &()).is_none());
/// assert_eq!(count, 42);
/// ```
pub trait Reducer: Send + Sync + 'static {
    /// What is true now.
    type State: Send + Sync + 'static;
    /// What can happen.
    type Action: Send + 'static;
    /// What the logic may ask for: clocks, stores, clients. Its parts are `Arc`s, cloned into effects.
    type Environment: Send + Sync + 'static;

    /// Applies `action` to `state` and says what should happen next.
    fn reduce(
        &self,
        state: &mut Self::State,
        action: &Self::Action,
        environment: &Self::Environment,
    ) -> Effect<Self::Action>;

    /// The path to the row that `action` is for, if it is for one: [`ReducerExt::for_each`] answers this.
    ///
    /// After such an action the store looks only for this row, and not for all rows beside it, whose effects would
    /// otherwise make every action slow. A reducer that wraps another may forward it; without that the store looks for
    /// all of them.
    fn addressed_row(&self, action: &Self::Action) -> Option<Vec<Segment>> {
        let _ = action;
        None
    }

    /// Number of items queued inside the state, such as the commands of an event-sourced aggregate while an append is in
    /// flight; counted against the store's inbox capacity, so that callers wait instead of filling the memory. Default 0.
    ///
    /// Implement it only for reducers that queue. Composition adds up what its parts return, without rows of
    /// [`ReducerExt::for_each`].
    fn pending_count(&self, state: &mut Self::State) -> usize {
        let _ = state;
        0
    }
}

/// Any reducer of this state, action and environment: for long chains, whose types would not be readable.
pub type BoxedReducer<S, A, E> = Arc<dyn Reducer<State = S, Action = A, Environment = E>>;

impl<R: Reducer + ?Sized> Reducer for Arc<R> {
    type State = R::State;
    type Action = R::Action;
    type Environment = R::Environment;

    fn reduce(&self, state: &mut R::State, action: &R::Action, environment: &R::Environment) -> Effect<R::Action> {
        (**self).reduce(state, action, environment)
    }

    fn addressed_row(&self, action: &R::Action) -> Option<Vec<Segment>> {
        (**self).addressed_row(action)
    }

    fn pending_count(&self, state: &mut R::State) -> usize {
        (**self).pending_count(state)
    }
}

/// Composition, for every reducer.
///
/// ```
/// use composable_rust_core::{Effect, Reducer, ReducerExt, prism};
///
/// struct Counter;
/// impl Reducer for Counter {
///     type State = u32;
///     type Action = u32;
///     type Environment = ();
///     fn reduce(&self, count: &mut u32, by: &u32, (): &()) -> Effect<u32> {
///         *count += by;
///         Effect::none()
///     }
/// }
///
/// #[derive(Default)]
/// struct AppState { visits: u32, rows: std::collections::BTreeMap<u64, u32>, seen: usize }
/// enum AppAction { Visits(u32), Row(u64, u32) }
///
/// struct App;
/// impl Reducer for App {
///     type State = AppState;
///     type Action = AppAction;
///     type Environment = ();
///     fn reduce(&self, state: &mut AppState, _: &AppAction, (): &()) -> Effect<AppAction> {
///         state.seen += 1;
///         Effect::none()
///     }
/// }
///
/// let app = App
///     .child("visits", |state| Some(&mut state.visits), prism!(AppAction::Visits), Counter)
///     .for_each("rows", |state, key| state.rows.get_mut(key), prism!(AppAction::Row[key]), Counter)
///     .boxed();
///
/// let mut state = AppState { rows: [(7, 0)].into(), ..AppState::default() };
/// assert!(app.reduce(&mut state, &AppAction::Visits(2), &()).is_none());
/// assert!(app.reduce(&mut state, &AppAction::Row(7, 5), &()).is_none());
/// assert_eq!((state.visits, state.rows[&7], state.seen), (2, 5, 2));
/// ```
pub trait ReducerExt: Reducer + Sized {
    /// This reducer, then `next`, on the same state and action; the effects are merged in this order.
    fn combine<R>(self, next: R) -> Combine<Self, R>
    where
        R: Reducer<State = Self::State, Action = Self::Action, Environment = Self::Environment>,
    {
        Combine::new(self, next)
    }

    /// Runs `child` on a part of the state, before this reducer sees the same action.
    ///
    /// `get` answers `None` when the child is not there: so a part that always exists, an optional one and a case of
    /// an enum are all the same. `slot` names the child; it scopes the ids of its cancellable effects.
    ///
    /// When the child is gone after a reduce, its effects are cancelled; a child that is removed and put back by one reduce
    /// keeps those of its predecessor, unless [`Child::identified_by`] tells the two apart. An action for a child that does
    /// not exist is traced, and fails a test store.
    fn child<C>(
        self,
        slot: &'static str,
        get: fn(&mut Self::State) -> Option<&mut C::State>,
        prism: Prism<Self::Action, C::Action>,
        child: C,
    ) -> Child<Self, C>
    where
        C: Reducer<Environment = Self::Environment>,
    {
        Child::new(slot, self, get, prism, child)
    }

    /// Runs `child` on one of many rows, named by the key that its action carries, before this reducer.
    ///
    /// When a row is gone after a reduce, its effects are cancelled. After an action for one row the store looks only for
    /// that row, so that an action costs the same however many rows have running effects: if this reducer removes *other*
    /// rows on a row's action, their effects end when the next action is reduced that is for no row, and no action of
    /// theirs is reduced in between. A row that is removed while another takes its key is told apart by
    /// [`ForEach::identified_by`]. An action for a row that does not exist is traced, and fails a test store.
    fn for_each<K, C>(
        self,
        slot: &'static str,
        row: for<'s> fn(&'s mut Self::State, &K) -> Option<&'s mut C::State>,
        prism: RowPrism<Self::Action, K, C::Action>,
        child: C,
    ) -> ForEach<Self, K, C>
    where
        C: Reducer<Environment = Self::Environment>,
        K: Clone + Into<Key> + Send + Sync + 'static,
    {
        ForEach::new(slot, self, row, prism, child)
    }

    /// Lets this reducer run in a larger environment that holds its own.
    fn map_environment<E: Send + Sync + 'static>(self, get: fn(&E) -> &Self::Environment) -> MapEnvironment<Self, E> {
        MapEnvironment::new(self, get)
    }

    /// The reducer behind a pointer, its type forgotten.
    fn boxed(self) -> BoxedReducer<Self::State, Self::Action, Self::Environment> {
        Arc::new(self)
    }
}

impl<R: Reducer> ReducerExt for R {}
