//! At most one effect an interval.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use composable_rust_core::{__engine::kind, CancelId, Edge, Effect, InFlight, Reducer};
use futures::future::{self, AbortHandle, Abortable, BoxFuture};

use super::{
    Engine,
    cancellation::Watcher,
    context::{Context, Watch},
    running::RunningGuard,
    scope::Name,
    spawn::Task,
    task::CompletionGuard,
};

/// The open intervals by name. An interval stays when its effects are cancelled: the promise is one effect in it.
pub(super) struct ThrottleWindows<A>(Mutex<HashMap<Name, Window<A>>>);

struct Window<A> {
    serial: u64,
    trailing: Option<Trailing<A>>,
}

/// The latest effect of an interval, which starts at its end. A task of its own waits for its cancel, so that it is
/// let go at once and not at the end of the interval.
struct Trailing<A> {
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

impl<A> Default for ThrottleWindows<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A> ThrottleWindows<A> {
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Window<A>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The trailing effect, if it is this one.
    fn take_if(&self, name: &Name, serial: u64) -> Option<Trailing<A>> {
        let mut open = self.lock();
        open.get_mut(name)?
            .trailing
            .take_if(|trailing| trailing.serial == serial)
    }

    /// The trailing effect at the end of the interval, which then begins again; without one the window is closed.
    fn take_trailing_or_close(&self, name: &Name) -> Option<Trailing<A>> {
        let mut open = self.lock();
        let trailing = open.get_mut(name).and_then(|window| window.trailing.take());
        let cancelled = trailing.as_ref().is_none_or(|trailing| trailing.context.is_cancelled());
        let closed = if cancelled { open.remove(name) } else { None };
        drop(open);
        drop(closed);
        trailing.filter(|_| !cancelled)
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
    /// What is to start now; the rest waits for the end of the interval, or is dropped.
    pub(super) fn throttle(
        self: &Arc<Self>,
        id: CancelId,
        interval: Duration,
        edge: Edge,
        effect: Effect<R::Action>,
        context: Context,
    ) -> Option<(Effect<R::Action>, Context)> {
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
                let trailing = self.keep_trailing(&name, effect, context);
                window.trailing.replace(trailing)
            };
            drop(open);
            drop(replaced);
            return None;
        }
        let serial = self.registry.serial();
        let (timer, registration) = AbortHandle::new_pair();
        let (trailing, now) = if edge == Edge::Latest {
            (Some(self.keep_trailing(&name, effect, context)), None)
        } else {
            (None, Some((effect, context)))
        };
        open.insert(name.clone(), Window { serial, trailing });
        drop(open);
        let ticking = self.tick(name, serial, interval);
        self.timers.register(serial, Watcher::Task(timer));
        self.spawner.spawn(Task::of_engine(async move {
            // Ended with the store, which asks for nothing more.
            let _ = Abortable::new(ticking, registration).await;
        }));
        now
    }

    fn keep_trailing(
        self: &Arc<Self>,
        name: &Name,
        effect: Effect<R::Action>,
        context: Context,
    ) -> Trailing<R::Action> {
        let serial = self.registry.serial();
        let label = context.label.unwrap_or_else(|| kind(&effect));
        let (abort, registration) = AbortHandle::new_pair();
        let running = self.enter_running(serial, label, context.cause, Some(abort.clone()));
        let watch = context.register(serial, &abort);
        let (engine, name) = (Arc::clone(self), name.clone());
        self.spawner.spawn(Task::of_effect(serial, async move {
            // Ends by a cancel of what is trailing, by its start, or with the store.
            let _ = Abortable::new(future::pending::<()>(), registration).await;
            if let Some(trailing) = engine.windows.take_if(&name, serial) {
                CompletionGuard::new(&engine, trailing.context.work.clone()).finish(true);
            }
        }));
        Trailing {
            serial,
            effect,
            context,
            running,
            watch,
            waiting: AbortOnDrop(abort),
        }
    }

    /// Starts the trailing effect, at the end of every interval until there was nothing.
    fn tick(self: &Arc<Self>, name: Name, serial: u64, interval: Duration) -> BoxFuture<'static, ()> {
        let mut sleep = self.clock.sleep(interval);
        let open = Open {
            engine: Arc::clone(self),
            name,
            serial,
        };
        Box::pin(async move {
            loop {
                sleep.await;
                let Some(trailing) = open.engine.windows.take_trailing_or_close(&open.name) else {
                    return;
                };
                sleep = open.engine.clock.sleep(interval);
                let Trailing {
                    effect,
                    context,
                    running,
                    watch,
                    waiting,
                    ..
                } = trailing;
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
        self.engine.timers.unregister(self.serial);
        if let Some(window) = self.engine.windows.close(&self.name, self.serial)
            && let Some(trailing) = window.trailing
        {
            // Only the end of the store, or of its runtime, ends a window that holds something.
            drop(CompletionGuard::new(&self.engine, trailing.context.work.clone()));
        }
    }
}
