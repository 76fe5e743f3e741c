//! A running reducer.

mod action_handle;
mod builder;
mod effect_panic;
mod error;
mod report;
mod subscription;

use std::{fmt, sync::Arc, time::Duration};

use composable_rust_core::Reducer;

pub use action_handle::ActionHandle;
pub use builder::StoreBuilder;
pub use effect_panic::EffectPanic;
pub(crate) use error::StopReason;
pub use error::{BuildError, DispatchError, ReducerPanic, SettleError, TryDispatchError};
pub use report::ShutdownReport;
pub use subscription::{Subscription, SubscriptionEnd};

use crate::engine::{Engine, Refused, RunningEffect};

/// A running reducer: takes actions, reduces them one at a time in the order they entered, performs the effects and
/// feeds their actions back.
///
/// A store is a handle: clones are the same store, and dropping the last one ends what runs; event-store operations
/// that have started finish unheard. Whoever dispatches reduces, unless another caller does so at that moment; no
/// caller reduces for others for long. Nothing is allocated for an action without effects.
///
/// Dispatching is allowed anywhere, also inside a reducer, a selector or [`Store::state`]: there it only enqueues.
///
/// ```
/// use composable_rust_core::{Effect, Reducer};
/// use composable_rust_runtime::Store;
///
/// struct Greeter;
///
/// enum Greeting {
///     Greet(&'static str),
///     Greeted(String),
/// }
///
/// impl Reducer for Greeter {
///     type State = Vec<String>;
///     type Action = Greeting;
///     type Environment = ();
///
///     fn reduce(&self, greeted: &mut Vec<String>, action: &Greeting, _: &()) -> Effect<Greeting> {
///         match action {
///             Greeting::Greet(name) => {
///                 let name = *name;
///                 Effect::task(async move { Greeting::Greeted(format!("hello, {name}")) })
///             }
///             Greeting::Greeted(text) => {
///                 greeted.push(text.clone());
///                 Effect::none()
///             }
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::builder(Greeter, ()).build(vec![])?;
/// store.send(Greeting::Greet("world")).await?.settled().await?;
/// assert_eq!(store.state(|greeted| greeted.concat()), "hello, world");
/// # Ok(())
/// # }
/// ```
pub struct Store<R: Reducer> {
    owner: Arc<Owner<R>>,
}

/// What the clones of a store share; tasks hold only the engine, so that its drop is that of the last store.
struct Owner<R: Reducer>(Arc<Engine<R>>);

impl<R: Reducer> Drop for Owner<R> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<R: Reducer> Store<R> {
    /// Settings for a store that runs `reducer` in `environment`.
    pub fn builder(reducer: R, environment: R::Environment) -> StoreBuilder<R> {
        StoreBuilder::new(reducer, environment)
    }

    /// Takes `action`; waits for a place while the inbox is full. When this returns the action has its place in the
    /// order, and usually is reduced already.
    ///
    /// # Errors
    /// [`DispatchError`] with the action, when the store takes no more.
    pub async fn dispatch(&self, action: R::Action) -> Result<(), DispatchError<R::Action>> {
        match self.engine().submit(action) {
            Ok(()) => Ok(()),
            Err(Refused::Ended(action)) => Err(self.ended(action)),
            Err(Refused::Full(action)) => {
                let entered = self.engine().submit_when_free(action, Engine::submit).await;
                entered.map_err(|action| self.ended(action))
            }
        }
    }

    /// Takes `action`, or hands it back at once.
    ///
    /// ```
    /// # use composable_rust_core::{Effect, Reducer};
    /// # use composable_rust_runtime::Store;
    /// # struct Counter;
    /// # impl Reducer for Counter {
    /// #     type State = u32; type Action = u32; type Environment = ();
    /// #     fn reduce(&self, count: &mut u32, by: &u32, _: &()) -> Effect<u32> { *count += by; Effect::none() }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let store = Store::builder(Counter, ()).build(40).unwrap();
    /// assert!(store.try_dispatch(2).is_ok());
    /// assert_eq!(store.state(|count| *count), 42);
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TryDispatchError`] with the action: `Full` while others wait in all places, else as [`Store::dispatch`].
    pub fn try_dispatch(&self, action: R::Action) -> Result<(), TryDispatchError<R::Action>> {
        match self.engine().submit(action) {
            Ok(()) => Ok(()),
            Err(Refused::Full(action)) => Err(TryDispatchError::Full(action)),
            Err(Refused::Ended(action)) => Err(match self.fault() {
                Some(fault) => TryDispatchError::Faulted(action, fault),
                None => TryDispatchError::Closed(action),
            }),
        }
    }

    /// As [`Store::dispatch`], with a handle to wait for everything that the action causes, or to cancel it.
    ///
    /// # Errors
    /// [`DispatchError`] with the action, when the store takes no more.
    pub async fn send(&self, action: R::Action) -> Result<ActionHandle, DispatchError<R::Action>> {
        let sent = match self.engine().submit_tracked(action) {
            Err(Refused::Full(action)) => self.engine().submit_when_free(action, Engine::submit_tracked).await,
            Err(Refused::Ended(action)) => Err(action),
            Ok(tracker) => Ok(tracker),
        };
        sent.map(ActionHandle::new).map_err(|action| self.ended(action))
    }

    /// Looks at the state, between two reduces. Keep it short: nothing is reduced meanwhile.
    ///
    /// The state of a faulted store may be torn.
    ///
    /// # Panics
    /// When it is called inside of a reducer, a selector or another `state` of the same store, on the same thread: it would
    /// wait for itself. A panic in a reducer makes the store faulted, one in a selector ends its subscription.
    pub fn state<T>(&self, look: impl FnOnce(&R::State) -> T) -> T {
        self.engine().read(look)
    }

    /// A stream of what `selector` picks from the state: the latest, once for each drain, when it has changed.
    /// The selector runs while nothing is reduced: keep it short. If it panics, only its subscription ends.
    ///
    /// ```
    /// # use composable_rust_core::{Effect, Reducer};
    /// # use composable_rust_runtime::Store;
    /// # struct Counter;
    /// # impl Reducer for Counter {
    /// #     type State = u32; type Action = u32; type Environment = ();
    /// #     fn reduce(&self, count: &mut u32, by: &u32, _: &()) -> Effect<u32> { *count += by; Effect::none() }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use futures::StreamExt;
    ///
    /// let store = Store::builder(Counter, ()).build(40).unwrap();
    /// let mut even = store.subscribe(|count| count % 2 == 0);
    /// assert_eq!(even.next().await, Some(true));
    /// store.dispatch(1).await.unwrap();
    /// assert_eq!(even.next().await, Some(false));
    /// # }
    /// ```
    pub fn subscribe<T>(&self, selector: impl Fn(&R::State) -> T + Send + 'static) -> Subscription<T>
    where
        T: Clone + PartialEq + Send + 'static,
    {
        let (subscriber, subscription) = subscription::subscription(selector);
        self.engine().subscribe(subscriber);
        subscription
    }

    /// Comes to an end in order: takes no more actions, reduces those that wait, lets effects run and deliver until
    /// `deadline` has passed on the store's clock, ends what is left. Appends that have started are waited for, each
    /// no longer than its own timeout.
    ///
    /// ```
    /// # use composable_rust_core::{Effect, Reducer};
    /// # use composable_rust_runtime::{DispatchError, Store};
    /// # struct Counter;
    /// # impl Reducer for Counter {
    /// #     type State = u32; type Action = u32; type Environment = ();
    /// #     fn reduce(&self, count: &mut u32, by: &u32, _: &()) -> Effect<u32> { *count += by; Effect::none() }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use std::time::Duration;
    ///
    /// let store = Store::builder(Counter, ()).build(0).unwrap();
    /// assert!(store.shutdown(Duration::from_secs(5)).await.is_clean());
    /// assert_eq!(store.dispatch(7).await, Err(DispatchError::Closed(7)));
    /// # }
    /// ```
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.engine().shutdown(deadline).await
    }

    /// Why the store has stopped, if a reducer has panicked.
    #[must_use]
    pub fn fault(&self) -> Option<ReducerPanic> {
        self.engine().fault()
    }

    /// Number of effects that have panicked so far. Each is traced as an error as well, and told to the hook of
    /// [`StoreBuilder::on_effect_panic`].
    #[must_use]
    pub fn effect_panics(&self) -> u64 {
        self.engine().effect_panics()
    }

    /// The labels of the effects that run, in the order they started; the kind of effect for those without one.
    #[must_use]
    pub fn running(&self) -> Vec<&'static str> {
        self.running_effects().iter().map(|effect| effect.label).collect()
    }

    /// What runs, and which reduce returned it; for the testing kit.
    #[doc(hidden)]
    #[must_use]
    pub fn running_effects(&self) -> Vec<RunningEffect> {
        self.engine().running()
    }

    /// How many names the store remembers for running effects; for tests: it is none when nothing runs.
    #[doc(hidden)]
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.engine().remembered()
    }

    fn engine(&self) -> &Arc<Engine<R>> {
        &self.owner.0
    }

    fn ended(&self, action: R::Action) -> DispatchError<R::Action> {
        match self.engine().reason() {
            StopReason::Closed => DispatchError::Closed(action),
            StopReason::Faulted(fault) => DispatchError::Faulted(action, fault),
        }
    }
}

impl<R: Reducer> Clone for Store<R> {
    fn clone(&self) -> Self {
        Self {
            owner: Arc::clone(&self.owner),
        }
    }
}

impl<R: Reducer> fmt::Debug for Store<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}
