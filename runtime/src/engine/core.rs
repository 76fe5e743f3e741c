//! The engine's parts.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, atomic::AtomicBool},
    time::Duration,
};

use composable_rust_core::{Clock, Reducer};

use super::{
    cancellation::Cancellation,
    context::Queued,
    inbox::Inbox,
    phase::Lifecycle,
    publish::BoxedSubscriber,
    registry::Registry,
    running::Running,
    spawn::{Spawn, Task},
    throttle::Windows,
    turns::Turns,
};
use crate::store::ShutdownReport;

/// What only the drainer touches.
pub(super) struct Core<R: Reducer> {
    pub(super) state: R::State,
    /// What was taken from the inbox or emitted since, in the order it entered.
    pub(super) queue: VecDeque<Queued<R::Action>>,
    pub(super) subscribers: Vec<BoxedSubscriber<R::State>>,
    /// Whether subscribers have not been shown the state as it is.
    pub(super) changed: bool,
    /// How many actions from outside have left whose places were not given free yet.
    pub(super) freed: u64,
    /// How often the reducer was called.
    pub(super) reduced: u64,
    /// Tasks of the reduce at hand, started when it has committed.
    pub(super) tasks: Vec<Task>,
}

/// How an engine was built.
pub(crate) struct Settings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spawner: Arc<dyn Spawn>,
    pub(crate) capacity: usize,
    pub(crate) append_timeout: Duration,
}

/// A running reducer: see the module.
///
/// Tasks hold the engine; stores hold it through an owner, whose drop closes it.
pub(crate) struct Engine<R: Reducer> {
    pub(super) reducer: R,
    pub(super) environment: R::Environment,
    core: Mutex<Core<R>>,
    pub(super) inbox: Inbox<R::State, R::Action>,
    /// Whether time relieves a caller that reduces for others.
    pub(super) timed: bool,
    /// Whether a task drains, so that callers need not.
    pub(super) moved: AtomicBool,
    pub(super) lifecycle: Lifecycle,
    pub(super) registry: Arc<Registry>,
    pub(super) running: Arc<Running>,
    pub(super) turns: Arc<Turns>,
    pub(super) windows: Windows<R::Action>,
    /// Ends the timers of throttles, which are no one's effects.
    pub(super) timers: Cancellation,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) spawner: Arc<dyn Spawn>,
    pub(super) append_timeout: Duration,
    pub(super) report: Mutex<ShutdownReport>,
    /// Held by the shutdown that waits; tokio's, since it awaits meanwhile.
    pub(super) looking: tokio::sync::Mutex<()>,
}

impl<R: Reducer> Engine<R> {
    pub(crate) fn new(reducer: R, environment: R::Environment, state: R::State, settings: Settings) -> Self {
        let core = Core {
            state,
            queue: VecDeque::new(),
            subscribers: Vec::new(),
            changed: false,
            freed: 0,
            reduced: 0,
            tasks: Vec::new(),
        };
        Self {
            reducer,
            environment,
            core: Mutex::new(core),
            inbox: Inbox::new(settings.capacity),
            timed: settings.spawner.is_timed(),
            moved: AtomicBool::new(false),
            lifecycle: Lifecycle::default(),
            registry: Arc::default(),
            running: Arc::default(),
            turns: Arc::default(),
            windows: Windows::default(),
            timers: Cancellation::default(),
            clock: settings.clock,
            spawner: settings.spawner,
            append_timeout: settings.append_timeout,
            report: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    /// The right to drain, unless someone has it: they will look into the inbox again before they let go.
    pub(super) fn try_core(&self) -> Option<MutexGuard<'_, Core<R>>> {
        match self.core.try_lock() {
            Ok(core) => Some(core),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Waits for the drainer to let go. Whoever calls this drains afterwards: others may have left actions meanwhile.
    pub(super) fn core(&self) -> MutexGuard<'_, Core<R>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn report(&self) -> MutexGuard<'_, ShutdownReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
