//! Where an effect stands: to whom it belongs and who can end it.

use std::sync::Arc;

use composable_rust_core::{__engine::ChildStep, CancelId, InFlight};
use futures::future::AbortHandle;

use super::{
    cancellation::Watcher,
    registry::Registry,
    scope::{Name, Path, Scope},
    tracker::WorkToken,
};
use crate::wait_group::{WaitGroup, WaitToken};
use crate::{
    envelope::{self, Carried},
    spans::TraceScope,
};

/// Where an effect stands. All empty for one that a reducer returned in answer to a plain dispatch.
///
/// Contexts are passed by value to the last that needs them: what a queued action holds is then all that is left of
/// its effect, and the reduce of the last action finds the effect's id free.
#[derive(Clone, Default)]
pub(super) struct Context {
    pub(super) work: Option<WorkToken>,
    pub(super) scope: Option<Arc<Scope>>,
    pub(super) path: Path,
    pub(super) label: Option<&'static str>,
    /// Which reduce returned the effect.
    pub(super) cause: u64,
    /// Who waits until the actions of this effect were reduced.
    pub(super) gate: Option<Arc<WaitGroup>>,
    pub(super) envelope: Carried,
}

impl Context {
    pub(super) fn of(work: Option<WorkToken>, cause: u64, envelope: Carried) -> Self {
        Self {
            work,
            cause,
            envelope,
            ..Self::default()
        }
    }

    /// Where its spans belong: below the span of the sender that it follows from, not of the caller that drains.
    pub(super) fn trace_scope(&self) -> TraceScope {
        TraceScope::of(envelope::trace(&self.envelope))
    }

    /// What is told of a panic: who follows the effect, and nothing that keeps an id taken.
    pub(super) fn follower(&self) -> Self {
        Self {
            work: self.work.clone(),
            label: self.label,
            cause: self.cause,
            ..Self::default()
        }
    }

    pub(super) fn labelled(self, label: &'static str) -> Self {
        Self {
            label: Some(label),
            ..self
        }
    }

    pub(super) fn gated(self, gate: &Arc<WaitGroup>) -> Self {
        Self {
            gate: Some(Arc::clone(gate)),
            ..self
        }
    }

    pub(super) fn in_child(self, step: ChildStep, registry: &Arc<Registry>) -> Self {
        let around = self.path.iter().flat_map(|path| path.iter().cloned());
        let path: Arc<[ChildStep]> = around.chain([step]).collect();
        let scope = registry.enter_child(Arc::clone(&path), self.scope);
        Self {
            scope: Some(scope),
            path: Some(path),
            ..self
        }
    }

    /// `None` when an effect of this id runs and the new one is not to start.
    pub(super) fn in_id(self, id: CancelId, in_flight: InFlight, registry: &Arc<Registry>) -> Option<Self> {
        let name = Name {
            path: self.path.clone(),
            id: Some(id),
        };
        let scope = registry.enter_id(name, in_flight, self.scope)?;
        Some(Self {
            scope: Some(scope),
            ..self
        })
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.work.as_ref().is_some_and(WorkToken::is_cancelled)
            || self.scope.as_ref().is_some_and(|scope| scope.is_cancelled())
    }

    /// Tells `task` of a cancel of anything around this effect, until the watch is dropped.
    pub(super) fn register(&self, serial: u64, task: &AbortHandle) -> Watch {
        if let Some(work) = &self.work {
            work.register(serial, task);
        }
        let work = self.work.clone();
        let watch = self.watch(serial, Watcher::Task(task.clone()));
        watch.with_work(work)
    }

    /// Tells `watcher` of a cancel of the scope, until the watch is dropped.
    pub(super) fn watch(&self, serial: u64, watcher: Watcher) -> Watch {
        if let Some(scope) = &self.scope {
            scope.register(serial, watcher);
        }
        Watch {
            serial,
            work: None,
            scope: self.scope.clone(),
        }
    }
}

/// What is told of a cancel.
pub(super) struct Watch {
    serial: u64,
    work: Option<WorkToken>,
    scope: Option<Arc<Scope>>,
}

impl Watch {
    fn with_work(mut self, work: Option<WorkToken>) -> Self {
        self.work = work;
        self
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.unregister(self.serial);
        }
        if let Some(scope) = &self.scope {
            scope.unregister(self.serial);
        }
    }
}

/// An action on its way to the reducer.
pub(super) struct Queued<A> {
    pub(super) action: A,
    pub(super) work: Option<WorkToken>,
    /// Boxed, since actions that no effect delivered have none.
    pub(super) origin: Option<Box<Origin>>,
    pub(super) envelope: Carried,
    /// Whether it takes one of the inbox's places: those from outside do.
    pub(super) bounded: bool,
}

/// The effect that an action came from.
pub(super) struct Origin {
    scope: Option<Arc<Scope>>,
    /// Trailing, not read: its drop tells who waits.
    _token: Option<WaitToken>,
    /// The answer of an event-store operation, which is reduced whatever was cancelled.
    certain: bool,
}

impl<A> Queued<A> {
    /// An action from outside.
    pub(super) fn external(action: A, work: Option<WorkToken>) -> Self {
        Self {
            action,
            work,
            origin: None,
            envelope: envelope::of_sender(),
            bounded: true,
        }
    }

    /// An action from outside that is reduced at once, and takes no place.
    pub(super) fn direct(action: A, work: Option<WorkToken>) -> Self {
        Self {
            action,
            work,
            origin: None,
            envelope: envelope::of_sender(),
            bounded: false,
        }
    }

    /// An action of an effect.
    pub(super) fn delivered(action: A, context: Context) -> Self {
        Self::from_effect(action, context, false)
    }

    /// The answer of an event-store operation.
    pub(super) fn answered(action: A, context: Context) -> Self {
        Self::from_effect(action, context, true)
    }

    fn from_effect(action: A, context: Context, certain: bool) -> Self {
        let Context {
            work,
            scope,
            gate,
            envelope,
            ..
        } = context;
        let plain = scope.is_none() && gate.is_none() && !certain;
        let origin = (!plain).then(|| {
            Box::new(Origin {
                scope,
                _token: gate.as_ref().map(WaitGroup::token),
                certain,
            })
        });
        Self {
            action,
            work,
            origin,
            envelope,
            bounded: false,
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        if self.is_certain() {
            return false;
        }
        let scope = self.origin.as_ref().and_then(|origin| origin.scope.as_ref());
        self.work.as_ref().is_some_and(WorkToken::is_cancelled) || scope.is_some_and(|scope| scope.is_cancelled())
    }

    /// The child whose effect this action came from.
    pub(super) fn child(&self) -> Option<&Arc<[ChildStep]>> {
        self.origin.as_ref()?.scope.as_ref()?.name.path.as_ref()
    }

    pub(super) fn is_certain(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.certain)
    }
}
