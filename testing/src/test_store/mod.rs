//! A store that a test drives, step by step.

mod asserting;
mod builder;
mod ending;
mod event_sourced;
mod exhaustivity;
mod external_wait;
mod failing;
mod in_flight;
mod instrumented_effect;
mod journal;
mod message;
mod settling;
mod skip;
mod tasks;
mod timing;
mod watchdog;

use std::{collections::HashSet, fmt::Debug, panic::Location, sync::Arc, time::Duration};

use composable_rust_core::Reducer;
use composable_rust_runtime::Store;

pub use builder::TestStoreBuilder;
pub use event_sourced::{EventSourcedTest, HostedState};
pub use exhaustivity::Exhaustivity;

use self::{
    external_wait::ExternalWaits,
    journal::{Journalled, Shared},
    tasks::Tasks,
};
use crate::clock::TestTime;

/// A store that a test drives, step by step, and that lets nothing happen unasserted.
///
/// It runs the reducer in the engine of the live store, with a clock that the test moves and tasks that run when the
/// test says so, on its own thread: so a test knows when nothing is left to do, needs no runtime, no sleep and no
/// yield, and is the same in every run.
///
/// The test fails when
/// - an action changes the state in another way than the closure says, also where it changes more than that,
/// - an action comes from an effect and is not received, or is received out of order,
/// - an effect still runs at the end,
/// - a reducer or an effect panics,
/// - an action is for a child or a row that does not exist.
///
/// The bounds that this needs (`Clone`, `PartialEq`, `Debug`) are not those of production code: only tests have them.
/// A state that has not all of them, or that should not be asserted as a whole, is looked at through
/// [`TestStoreBuilder::view`]; an event-sourced one has a view of its own, [`EventSourcedTest`].
///
/// ```
/// use composable_rust_core::{Effect, Reducer};
/// use composable_rust_testing::TestStore;
/// use std::time::Duration;
///
/// struct Kettle;
///
/// #[derive(Clone, Debug, PartialEq)]
/// enum Action { SwitchOn, Boiled }
///
/// #[derive(Clone, Debug, Default, PartialEq)]
/// struct State { heating: bool, boiled: u32 }
///
/// impl Reducer for Kettle {
///     type State = State;
///     type Action = Action;
///     type Environment = ();
///
///     fn reduce(&self, kettle: &mut State, action: &Action, (): &()) -> Effect<Action> {
///         match action {
///             Action::SwitchOn => {
///                 kettle.heating = true;
///                 Effect::emit(Action::Boiled).delay(Duration::from_secs(90)).label("heating")
///             }
///             Action::Boiled => {
///                 kettle.heating = false;
///                 kettle.boiled += 1;
///                 Effect::none()
///             }
///         }
///     }
/// }
///
/// let mut store = TestStore::new(Kettle, State::default(), ());
/// store.send(Action::SwitchOn, |kettle| kettle.heating = true);
/// store.advance(Duration::from_secs(90));
/// store.receive(Action::Boiled, |kettle| {
///     kettle.heating = false;
///     kettle.boiled = 1;
/// });
/// store.finish();
/// ```
pub struct TestStore<R, V = <R as Reducer>::State>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    store: Store<Journalled<R, V>>,
    journal: Shared<R::Action, V>,
    tasks: TasksOfTest,
    waits: Arc<ExternalWaits>,
    time: TestTime,
    /// The state after what the test has asserted so far.
    asserted: V,
    exhaustivity: Exhaustivity,
    /// What was passed over, if that is to be shown.
    skipped: Vec<String>,
    /// Running effects that may run on.
    let_run: HashSet<u64>,
    /// How long something outside of the test may take.
    patience: Duration,
    absent_children_allowed: bool,
    built_at: &'static Location<'static>,
    /// Whether there is nothing to check any more.
    over: bool,
}

/// The tasks, dropped with the store.
struct TasksOfTest(Arc<Tasks>);

impl Drop for TasksOfTest {
    fn drop(&mut self) {
        self.0.clear();
    }
}

impl<R> TestStore<R>
where
    R: Reducer,
    R::Action: Clone + Debug,
    R::State: Clone + PartialEq + Debug,
{
    /// A store with a [`TestClock`](crate::TestClock) of its own that asserts everything.
    #[track_caller]
    #[must_use]
    pub fn new(reducer: R, state: R::State, environment: R::Environment) -> Self {
        Self::builder(reducer, state, environment).build()
    }

    /// Settings for a store, such as the clock that it shares with the environment.
    #[track_caller]
    pub fn builder(reducer: R, state: R::State, environment: R::Environment) -> TestStoreBuilder<R> {
        TestStoreBuilder::new(reducer, state, environment)
    }
}

impl<R, V> TestStore<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// The state after everything that was asserted so far.
    pub const fn state(&self) -> &V {
        &self.asserted
    }

    /// Sets how much of what happens has to be asserted from here on.
    pub const fn set_exhaustivity(&mut self, exhaustivity: Exhaustivity) {
        self.exhaustivity = exhaustivity;
    }
}
