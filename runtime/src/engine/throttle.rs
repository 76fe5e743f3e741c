//! At most one effect an interval.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use composable_rust_core::{Edge, Effect, InFlight, Reducer, Throttle};
use futures::future::{self, AbortHandle, Abortable, BoxFuture};

use super::{
    context::{Context, Watch},
    core::Engine,
    running::RunningGuard,
    scope::Name,
    spawn::Task,
    task::{Ending, kind},
};

/// The open intervals by name. An interval stays when its effects are cancelled: the promise is one effect in it.
pub(super) struct Windows<A>(Mutex<HashMap<Name, Window<A>>>);

struct Window<A> {
    serial: u64,
    held: Option<Held<A>>,
}

/// The latest effect of an interval, which starts at its end. A task of its own waits for its cancel, so that it is
/// let go at once and not at the end of the interval.
struct Held<A> {
    serial: u64,
    effect: Effect<A>,
    context: Context,
    /// It counts as running, so that a shutdown waits for it, or ends it.
    running: RunningGuard,
    watch: Watch,
    waiting: AbortOnDrop,
}

/// Ends the task that waits for the cancel.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<A> Default for Windows<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A> Windows<A> {
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Window<A>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// What is held, if it is this one.
    fn let_go(&self, name: &Name, serial: u64) -> Option<Held<A>> {
        let mut open = self.lock();
        open.get_mut(name)?.held.take_if(|held| held.serial == serial)
    }

    /// What was held until the end of the interval, which then begins again; else the window is closed.
    fn turn(&self, name: &Name) -> Option<Held<A>> {
        let mut open = self.lock();
        let held = open.get_mut(name).and_then(|window| window.held.take());
        let cancelled = held.as_ref().is_none_or(|held| held.context.is_cancelled());
        let closed = if cancelled { open.remove(name) } else { None };
        drop(open);
        drop(closed);
        held.filter(|_| !cancelled)
    }

    fn close(&self, name: &Name, serial: u64) -> Option<Window<A>> {
        let mut open = self.lock();
        if open.get(name)?.serial == serial {
            open.remove(name)
        } else {
            None
        }
    }
}

impl<R: Reducer> Engine<R> {
    /// What is to start now; the rest is held for the end of the interval, or dropped.
    pub(super) fn throttle(
        self: &Arc<Self>,
        throttle: Throttle<R::Action>,
        context: Context,
    ) -> Option<(Effect<R::Action>, Context)> {
        let Throttle {
            id,
            interval,
            edge,
            effect,
        } = throttle;
        if !self.may_start(context.label.unwrap_or_else(|| kind(&effect))) {
            return None;
        }
        let name = Name {
            path: context.path.clone(),
            id: Some(id.clone()),
        };
        let context = context.in_id(id, InFlight::Keep, &self.registry)?;
        let mut open = self.windows.lock();
        if let Some(window) = open.get_mut(&name) {
            let replaced = if edge == Edge::Leading {
                None
            } else {
                let held = self.hold(&name, effect, context);
                window.held.replace(held)
            };
            drop(open);
            drop(replaced);
            return None;
        }
        let serial = self.registry.serial();
        let (timer, registration) = AbortHandle::new_pair();
        let (held, now) = if edge == Edge::Latest {
            (Some(self.hold(&name, effect, context)), None)
        } else {
            (None, Some((effect, context)))
        };
        open.insert(name.clone(), Window { serial, held });
        drop(open);
        let ticking = self.tick(name, serial, interval);
        self.timers.watch(serial, &timer);
        self.spawner.spawn(Task::of_engine(async move {
            // Ended with the store, which asks for nothing more.
            let _ = Abortable::new(ticking, registration).await;
        }));
        now
    }

    fn hold(self: &Arc<Self>, name: &Name, effect: Effect<R::Action>, context: Context) -> Held<R::Action> {
        let serial = self.registry.serial();
        let label = context.label.unwrap_or_else(|| kind(&effect));
        let (abort, registration) = AbortHandle::new_pair();
        let running = self.enter_running(serial, label, context.cause, Some(abort.clone()));
        let watch = context.watch(serial, &abort);
        let (engine, name) = (Arc::clone(self), name.clone());
        self.spawner.spawn(Task::of_effect(serial, async move {
            // Ends by a cancel of what is held, by its start, or with the store.
            let _ = Abortable::new(future::pending::<()>(), registration).await;
            if let Some(held) = engine.windows.let_go(&name, serial) {
                Ending::new(&engine, held.context.work.clone()).finish(true);
            }
        }));
        Held {
            serial,
            effect,
            context,
            running,
            watch,
            waiting: AbortOnDrop(abort),
        }
    }

    /// Starts what is held, at the end of every interval until there was nothing.
    fn tick(self: &Arc<Self>, name: Name, serial: u64, interval: std::time::Duration) -> BoxFuture<'static, ()> {
        let mut sleep = self.clock.sleep(interval);
        let open = Open {
            engine: Arc::clone(self),
            name,
            serial,
        };
        Box::pin(async move {
            loop {
                sleep.await;
                let Some(held) = open.engine.windows.turn(&open.name) else {
                    return;
                };
                sleep = open.engine.clock.sleep(interval);
                let Held {
                    effect,
                    context,
                    running,
                    watch,
                    waiting,
                    ..
                } = held;
                drop((watch, waiting));
                if let Some(task) = open.engine.task(effect, context) {
                    open.engine.spawner.spawn(task);
                }
                // After its task has begun to count.
                drop(running);
            }
        })
    }
}

/// The task of a window: however it ends, the window is closed.
struct Open<R: Reducer> {
    engine: Arc<Engine<R>>,
    name: Name,
    serial: u64,
}

impl<R: Reducer> Drop for Open<R> {
    fn drop(&mut self) {
        self.engine.timers.forget(self.serial);
        if let Some(window) = self.engine.windows.close(&self.name, self.serial)
            && let Some(held) = window.held
        {
            // Only the end of the store, or of its runtime, ends a window that holds something.
            drop(Ending::new(&self.engine, held.context.work.clone()));
        }
    }
}
