//! Settings of a test store.

use std::{collections::HashSet, fmt::Debug, panic::Location, sync::Arc, time::Duration};

use composable_rust_core::Reducer;
use composable_rust_runtime::Store;

use super::{
    Exhaustivity, TasksOfTest, TestStore,
    external_wait::ExternalWaits,
    journal::{Journalled, Shared, View},
    tasks::{Spawner, Tasks},
};
use crate::{TestClock, clock::TestTime};

/// Settings of a [`TestStore`].
///
/// ```
/// # use composable_rust_core::{Effect, Reducer};
/// # struct Counter;
/// # impl Reducer for Counter {
/// #     type State = u32; type Action = u32; type Environment = ();
/// #     fn reduce(&self, count: &mut u32, by: &u32, _: &()) -> Effect<u32> { *count += by; Effect::none() }
/// # }
/// use composable_rust_testing::{Exhaustivity, TestClock, TestStore};
///
/// let clock = TestClock::new();
/// let mut store = TestStore::builder(Counter, 40, ())
///     .clock(clock.clone())
///     .exhaustivity(Exhaustivity::On)
///     .build();
/// store.send(2, |count| *count = 42);
/// store.finish();
/// ```
#[must_use]
pub struct TestStoreBuilder<R: Reducer, V = <R as Reducer>::State> {
    reducer: R,
    state: R::State,
    environment: R::Environment,
    view: View<R::State, V>,
    time: TestTime,
    exhaustivity: Exhaustivity,
    append_timeout: Duration,
    patience: Duration,
    absent_children_allowed: bool,
    built_at: &'static Location<'static>,
}

impl<R: Reducer> TestStoreBuilder<R>
where
    R::State: Clone,
{
    #[track_caller]
    pub(super) fn new(reducer: R, state: R::State, environment: R::Environment) -> Self {
        Self::with_view(reducer, state, environment, Clone::clone)
    }
}

impl<R: Reducer, V> TestStoreBuilder<R, V> {
    /// Settings for a store of any state: what is asserted is what `view` makes of it.
    ///
    /// ```
    /// # use composable_rust_core::{Effect, Reducer};
    /// use composable_rust_testing::TestStoreBuilder;
    ///
    /// struct Secrets(Vec<String>); // neither Clone nor PartialEq nor Debug
    /// struct Vault;
    /// impl Reducer for Vault {
    ///     type State = Secrets;
    ///     type Action = String;
    ///     type Environment = ();
    ///     fn reduce(&self, secrets: &mut Secrets, secret: &String, (): &()) -> Effect<String> {
    ///         secrets.0.push(secret.clone());
    ///         Effect::none()
    ///     }
    /// }
    ///
    /// let mut store = TestStoreBuilder::with_view(Vault, Secrets(vec![]), (), |secrets| secrets.0.len()).build();
    /// store.send("swordfish".to_owned(), |secrets| *secrets = 1);
    /// store.finish();
    /// ```
    #[track_caller]
    pub fn with_view(
        reducer: R,
        state: R::State,
        environment: R::Environment,
        view: impl Fn(&R::State) -> V + Send + Sync + 'static,
    ) -> Self {
        Self {
            reducer,
            state,
            environment,
            view: Arc::new(view),
            time: TestClock::new().into(),
            exhaustivity: Exhaustivity::On,
            append_timeout: Duration::from_secs(75),
            patience: Duration::from_secs(10),
            absent_children_allowed: false,
            built_at: Location::caller(),
        }
    }

    /// Lets the assertions be about what `view` makes of the state, and not about the whole.
    pub fn view<W>(self, view: impl Fn(&R::State) -> W + Send + Sync + 'static) -> TestStoreBuilder<R, W> {
        TestStoreBuilder {
            reducer: self.reducer,
            state: self.state,
            environment: self.environment,
            view: Arc::new(view),
            time: self.time,
            exhaustivity: self.exhaustivity,
            append_timeout: self.append_timeout,
            patience: self.patience,
            absent_children_allowed: self.absent_children_allowed,
            built_at: self.built_at,
        }
    }

    /// What effects sleep on; a [`TestClock`] of the store's own if not said. Give the environment the same one.
    pub fn clock(self, clock: impl Into<TestTime>) -> Self {
        Self {
            time: clock.into(),
            ..self
        }
    }

    /// How much has to be asserted; everything if not said.
    pub fn exhaustivity(self, exhaustivity: Exhaustivity) -> Self {
        Self { exhaustivity, ..self }
    }

    /// How long an append may take on the store's clock, as [`StoreBuilder::append_timeout`]; 75 seconds by default.
    ///
    /// [`StoreBuilder::append_timeout`]: composable_rust_runtime::StoreBuilder::append_timeout
    pub fn append_timeout(self, append_timeout: Duration) -> Self {
        Self { append_timeout, ..self }
    }

    /// Allows actions for children and rows that do not exist. Without this they fail the test: no reducer has seen them.
    pub fn allow_absent_children(self) -> Self {
        Self {
            absent_children_allowed: true,
            ..self
        }
    }

    /// How long [`TestStore::settle`] waits for what happens outside of the test before it fails, in real time; 10
    /// seconds if not said.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

impl<R, V> TestStoreBuilder<R, V>
where
    R: Reducer,
    R::Action: Clone + Debug,
    V: Clone + PartialEq + Debug + Send + 'static,
{
    /// The store.
    #[must_use]
    pub fn build(self) -> TestStore<R, V> {
        let asserted = (self.view)(&self.state);
        let (journal, waits, tasks) = (Shared::new(), Arc::<ExternalWaits>::default(), Arc::<Tasks>::default());
        let reducer = Journalled {
            reducer: self.reducer,
            journal: journal.clone(),
            view: self.view,
            waits: Arc::clone(&waits),
        };
        let store = Store::builder(reducer, self.environment)
            .clock(self.time.clock())
            .append_timeout(self.append_timeout)
            .run(Arc::new(Spawner(Arc::downgrade(&tasks))), self.state);
        TestStore {
            store,
            journal,
            tasks: TasksOfTest(tasks),
            waits,
            time: self.time,
            asserted,
            exhaustivity: self.exhaustivity,
            skipped: Vec::new(),
            let_run: HashSet::new(),
            patience: self.patience,
            absent_children_allowed: self.absent_children_allowed,
            built_at: self.built_at,
            over: false,
        }
    }
}
