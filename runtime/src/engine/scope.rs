//! What can be cancelled together.

use std::sync::Arc;

use composable_rust_core::{CancelId, Segment};
use futures::future::AbortHandle;

use super::{cancellation::Cancellation, registry::Registry};

/// The way from the root reducer to a child; `None` is the root itself, which costs nothing.
pub(super) type Path = Option<Arc<[Segment]>>;

/// Under which name a scope stands in the registry: a child's path, or an id within a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) path: Path,
    pub(super) id: Option<CancelId>,
}

/// A part of one effect that can be cancelled: everything it started holds the scope, also its queued actions, and
/// the registry knows it for just as long.
pub(super) struct Scope {
    name: Name,
    serial: u64,
    parent: Option<Arc<Scope>>,
    cancellation: Cancellation,
    registry: Arc<Registry>,
}

impl Scope {
    pub(super) fn new(name: Name, serial: u64, parent: Option<Arc<Self>>, registry: Arc<Registry>) -> Self {
        Self {
            name,
            serial,
            parent,
            cancellation: Cancellation::default(),
            registry,
        }
    }

    pub(super) fn cancel(&self) {
        self.cancellation.raise();
    }

    /// Whether this scope alone was cancelled: how the registry tells what still runs under a name.
    pub(super) fn is_over(&self) -> bool {
        self.cancellation.is_raised()
    }

    /// Whether this scope or one around it was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.chain().any(Self::is_over)
    }

    /// Lets this scope and all around it end `task`.
    pub(super) fn watch(&self, serial: u64, task: &AbortHandle) {
        self.chain().for_each(|scope| scope.cancellation.watch(serial, task));
    }

    pub(super) fn forget(&self, serial: u64) {
        self.chain().for_each(|scope| scope.cancellation.forget(serial));
    }

    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |scope| scope.parent.as_deref())
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.registry.remove(&self.name, self.serial);
    }
}
