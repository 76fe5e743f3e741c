//! What a store is made of: an inbox that its callers drain in turn, state that only the drainer changes, and tasks
//! that perform effects and bring their actions back.

mod cancellation;
mod children;
mod context;
mod drain;
mod group;
mod inbox;
mod lifecycle;
mod locked_state;
mod perform;
mod ready;
mod reduce;
mod registry;
mod reports;
mod running;
mod scope;
mod shutdown;
mod spawn;
mod store_call;
mod stream_locks;
mod submit;
mod subscribers;
mod task;
mod throttle;
mod tracker;
mod tree;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

use composable_rust_core::{Clock, Reducer};

pub use self::spawn::{AbsentChild, RunningEffect, Spawn, Task};
use self::{
    cancellation::Cancellation,
    inbox::Inbox,
    lifecycle::Lifecycle,
    locked_state::{LockedState, StateLock},
    registry::Registry,
    running::Running,
    stream_locks::StreamLocks,
    throttle::ThrottleWindows,
};
pub(crate) use self::{reports::PanicHook, submit::Refused, subscribers::Subscriber, tracker::Tracker};
use crate::store::ShutdownReport;

/// How an engine was built.
pub(crate) struct Settings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spawner: Arc<dyn Spawn>,
    pub(crate) capacity: usize,
    pub(crate) append_timeout: Duration,
    pub(crate) on_effect_panic: Option<PanicHook>,
}

/// A running reducer: see the module.
///
/// Tasks hold the engine; stores hold it through an owner, whose drop closes it.
pub(crate) struct Engine<R: Reducer> {
    reducer: R,
    environment: R::Environment,
    state: StateLock<LockedState<R>>,
    inbox: Inbox<R::State, R::Action>,
    /// Whether time relieves a caller that reduces for others.
    timed: bool,
    /// Whether a task drains, so that callers need not.
    offloaded: AtomicBool,
    lifecycle: Lifecycle,
    registry: Arc<Registry>,
    running: Arc<Running>,
    stream_locks: Arc<StreamLocks>,
    windows: ThrottleWindows<R::Action>,
    /// Ends the timers of throttles, which belong to no effect.
    timers: Cancellation,
    clock: Arc<dyn Clock>,
    spawner: Arc<dyn Spawn>,
    append_timeout: Duration,
    report: Mutex<ShutdownReport>,
    /// Held by the shutdown that waits; tokio's, since it awaits meanwhile.
    looking: tokio::sync::Mutex<()>,
    effect_panics: AtomicU64,
    on_effect_panic: Option<PanicHook>,
}

impl<R: Reducer> Engine<R> {
    pub(crate) fn new(reducer: R, environment: R::Environment, state: R::State, settings: Settings) -> Self {
        Self {
            reducer,
            environment,
            state: StateLock::new(LockedState::new(state)),
            inbox: Inbox::new(settings.capacity),
            timed: settings.spawner.is_timed(),
            offloaded: AtomicBool::new(false),
            lifecycle: Lifecycle::default(),
            registry: Arc::default(),
            running: Arc::default(),
            stream_locks: Arc::default(),
            windows: ThrottleWindows::default(),
            timers: Cancellation::default(),
            clock: settings.clock,
            spawner: settings.spawner,
            append_timeout: settings.append_timeout,
            report: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            effect_panics: AtomicU64::new(0),
            on_effect_panic: settings.on_effect_panic,
        }
    }

    fn report(&self) -> MutexGuard<'_, ShutdownReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
