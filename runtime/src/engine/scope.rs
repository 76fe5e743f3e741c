//! What can be cancelled together.

use std::sync::Arc;

use composable_rust_core::{__engine::ChildStep, CancelId};

use super::{
    cancellation::{Cancellation, Watcher},
    registry::Registry,
};

/// The way from the root reducer to a child; `None` is the root itself, which costs nothing.
pub(super) type Path = Option<Arc<[ChildStep]>>;

/// Under which name a scope stands in the registry: a child's path, or an id within a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) path: Path,
    pub(super) id: Option<CancelId>,
}

/// A part of one effect that can be cancelled: everything it started holds the scope, also its queued actions, and
/// the registry knows it for just as long.
///
/// A cancel goes down from a scope to those within it, instead of every look going up: the depth of an effect would
/// otherwise be paid by each of its parts.
pub(super) struct Scope {
    pub(super) name: Name,
    serial: u64,
    parent: Option<Arc<Self>>,
    /// How many of this scope and those around it have its name.
    nested: usize,
    pub(super) cancellation: Cancellation,
    registry: Arc<Registry>,
}

impl Scope {
    pub(super) fn new(
        name: Name,
        serial: u64,
        nested: usize,
        parent: Option<Arc<Self>>,
        registry: Arc<Registry>,
    ) -> Arc<Self> {
        let scope = Arc::new(Self {
            name,
            serial,
            parent,
            nested,
            cancellation: Cancellation::default(),
            registry,
        });
        let around = scope.parent.as_ref().map(|parent| &parent.cancellation);
        if around.is_some_and(|around| !around.register_scope(serial, &scope)) {
            scope.cancellation.set();
        }
        scope
    }

    /// Whether this scope or one around it was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// How many of this scope and those around it have this name.
    pub(super) fn nested_in(&self, name: &Name) -> usize {
        self.chain()
            .find(|scope| scope.name == *name)
            .map_or(0, |scope| scope.nested)
    }

    /// The serials of this scope and those around it that have this name.
    pub(super) fn serials_of<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = u64> + 'a {
        self.chain()
            .filter(move |scope| scope.name == *name)
            .map(|scope| scope.serial)
    }

    /// Tells `watcher` when this scope is cancelled.
    pub(super) fn register(&self, serial: u64, watcher: Watcher) {
        self.cancellation.register(serial, watcher);
    }

    pub(super) fn unregister(&self, serial: u64) {
        self.cancellation.unregister(serial);
    }

    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |scope| scope.parent.as_deref())
    }
}

/// With those around it that nothing else holds, one after another: as the fields of each other they would take a frame of
/// the stack for each level.
impl Drop for Scope {
    fn drop(&mut self) {
        self.registry.remove(&self.name, self.serial);
        let mut around = self.parent.take();
        if let Some(parent) = &around {
            parent.unregister(self.serial);
        }
        while let Some(mut scope) = around.and_then(Arc::into_inner) {
            let next = scope.parent.take();
            if let Some(parent) = &next {
                parent.unregister(scope.serial);
            }
            drop(scope);
            around = next;
        }
    }
}
