//! Settings of a store.

use std::{sync::Arc, time::Duration};

use composable_rust_core::{Clock, Reducer};
use tokio::runtime::Handle;

use super::{BuildError, EffectPanic, Owner, Store};
use crate::{
    SystemClock,
    engine::{Engine, PanicHook, Settings, Spawn},
};

/// Builds a [`Store`].
///
/// ```
/// # use composable_rust_core::{Effect, Reducer};
/// # struct Counter;
/// # impl Reducer for Counter {
/// #     type State = u32; type Action = u32; type Environment = ();
/// #     fn reduce(&self, count: &mut u32, by: &u32, _: &()) -> Effect<u32> { *count += by; Effect::none() }
/// # }
/// use composable_rust_runtime::{BuildError, Store};
/// use std::time::Duration;
///
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// let store = Store::builder(Counter, ())
///     .capacity(16)
///     .append_timeout(Duration::from_secs(5))
///     .handle(runtime.handle().clone())
///     .build(40)?;
/// assert_eq!(store.state(|count| *count), 40);
///
/// let nowhere = Store::builder(Counter, ()).build(40);
/// assert_eq!(nowhere.err(), Some(BuildError::NoRuntime));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct StoreBuilder<R: Reducer> {
    reducer: R,
    environment: R::Environment,
    clock: Arc<dyn Clock>,
    capacity: usize,
    append_timeout: Duration,
    handle: Option<Handle>,
    on_effect_panic: Option<PanicHook>,
}

/// The default `command_timeout` of an [`EventSourced`](crate::EventSourced) and its default `attempt_timeout`: the store
/// must not give up on an append while the retries below it may still end well.
const DEFAULT_APPEND_TIMEOUT: Duration = Duration::from_secs(75);

impl<R: Reducer> StoreBuilder<R> {
    pub(super) fn new(reducer: R, environment: R::Environment) -> Self {
        Self {
            reducer,
            environment,
            clock: Arc::new(SystemClock),
            capacity: 1_024,
            append_timeout: DEFAULT_APPEND_TIMEOUT,
            handle: None,
            on_effect_panic: None,
        }
    }

    /// What delays, throttles, retries and timeouts sleep on. Without it, [`SystemClock`].
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// How many dispatched actions may wait; 1,024 if not said, at least 1. Actions from effects are exempt.
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity, ..self }
    }

    /// How long the append of an effect may take before its outcome counts as unknown. Default 75 s: the commands of an
    /// [`EventSourced`](crate::EventSourced) may take 60 s with their retries, and their last attempt 15 s more. Waiting for an
    /// earlier append to the same stream does not count.
    pub fn append_timeout(self, append_timeout: Duration) -> Self {
        Self { append_timeout, ..self }
    }

    /// Calls `hook` with every panic of an effect, on the thread that ran the effect. Without it, panics are traced, counted
    /// by [`Store::effect_panics`] and told to who awaits [`ActionHandle::settled`](crate::ActionHandle::settled). Keep it
    /// short; its own panics are traced and have no other consequence.
    ///
    /// ```
    /// # use composable_rust_core::{Effect, Reducer};
    /// # struct Careless;
    /// # impl Reducer for Careless {
    /// #     type State = (); type Action = (); type Environment = ();
    /// #     fn reduce(&self, _: &mut (), (): &(), (): &()) -> Effect<()> {
    /// #         Effect::fire_and_forget(async { panic!("no network") })
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use composable_rust_runtime::Store;
    /// use std::sync::mpsc;
    ///
    /// let (alerts, alert) = mpsc::channel();
    /// let store = Store::builder(Careless, ())
    ///     .on_effect_panic(move |panic| { let _ = alerts.send(panic.message.clone()); })
    ///     .build(())
    ///     .unwrap();
    /// assert!(store.send(()).await.unwrap().settled().await.is_err());
    /// assert_eq!(alert.recv().unwrap(), "no network");
    /// # }
    /// ```
    pub fn on_effect_panic(self, hook: impl Fn(&EffectPanic) + Send + Sync + 'static) -> Self {
        Self {
            on_effect_panic: Some(Arc::new(hook)),
            ..self
        }
    }

    /// The runtime that effects run on. Without it, the one that the store is built in.
    pub fn handle(self, handle: Handle) -> Self {
        Self {
            handle: Some(handle),
            ..self
        }
    }

    /// A running store.
    ///
    /// # Errors
    /// [`BuildError::NoRuntime`] when no handle was given and there is no runtime here: give one.
    pub fn build(mut self, initial_state: R::State) -> Result<Store<R>, BuildError> {
        let handle = match self.handle.take() {
            Some(handle) => handle,
            None => Handle::try_current().map_err(|_| BuildError::NoRuntime)?,
        };
        Ok(self.run(Arc::new(handle), initial_state))
    }

    /// A store whose tasks run there; for the testing kit.
    #[doc(hidden)]
    #[must_use]
    pub fn run(self, spawner: Arc<dyn Spawn>, initial_state: R::State) -> Store<R> {
        let settings = Settings {
            clock: self.clock,
            spawner,
            capacity: self.capacity,
            append_timeout: self.append_timeout,
            on_effect_panic: self.on_effect_panic,
        };
        let engine = Engine::new(self.reducer, self.environment, initial_state, settings);
        Store {
            owner: Arc::new(Owner(Arc::new(engine))),
        }
    }
}
