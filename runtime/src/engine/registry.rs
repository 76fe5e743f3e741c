//! Which scopes exist, by name: how a cancel and a removed child find their effects.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use composable_rust_core::{CancelId, InFlight, Segment};

use super::scope::{Name, Path, Scope};

/// What runs under each name, by the number of the scope.
type Scopes = HashMap<Name, Vec<(u64, Weak<Scope>)>>;

/// Every living scope by its name. Empty when nothing runs: a scope leaves with the last that holds it.
///
/// It has a lock of its own, apart from the state's, since effects enter and leave on any thread. No scope is dropped
/// while it is held: that would lock again.
#[derive(Default)]
pub(super) struct Registry {
    scopes: Mutex<Scopes>,
    /// How many names are children's: read after every reduce, so that it costs nothing where no child has effects.
    children: AtomicUsize,
    serials: AtomicU64,
}

impl Registry {
    /// A number that no other scope or task has.
    pub(super) fn serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed)
    }

    /// A scope for the effect of a child.
    pub(super) fn enter_child(self: &Arc<Self>, path: Arc<[Segment]>, parent: Option<Arc<Scope>>) -> Arc<Scope> {
        let name = Name {
            path: Some(path),
            id: None,
        };
        self.insert(&mut self.lock(), name, parent)
    }

    /// A scope for an effect with an id; `None` when it is not to start.
    pub(super) fn enter_id(
        self: &Arc<Self>,
        name: Name,
        in_flight: InFlight,
        parent: Option<Arc<Scope>>,
    ) -> Option<Arc<Scope>> {
        let mut scopes = self.lock();
        let running = match in_flight {
            InFlight::Keep => Vec::new(),
            InFlight::Replace | InFlight::Ignore => running(&scopes, &name),
        };
        let entered = if in_flight == InFlight::Ignore && running.iter().any(|scope| !scope.is_cancelled()) {
            None
        } else {
            Some(self.insert(&mut scopes, name, parent))
        };
        drop(scopes);
        if in_flight == InFlight::Replace {
            cancel_each(&running);
        }
        entered
    }

    /// Ends everything that runs under `id` in the scope of `path`.
    pub(super) fn cancel(&self, path: &Path, id: &CancelId) {
        let name = Name {
            path: path.clone(),
            id: Some(id.clone()),
        };
        self.cancel_name(&name);
    }

    /// Ends everything of the children that `exists` denies.
    pub(super) fn sweep(&self, mut exists: impl FnMut(&[Segment]) -> bool) {
        if self.children.load(Ordering::Acquire) == 0 {
            return;
        }
        // Asked outside of the lock: the answer is the user's code.
        let children: Vec<Name> = self.lock().keys().filter(|name| name.id.is_none()).cloned().collect();
        for name in children {
            if name.path.as_deref().is_some_and(|path| !exists(path)) {
                self.cancel_name(&name);
            }
        }
    }

    pub(super) fn remove(&self, name: &Name, serial: u64) {
        let mut scopes = self.lock();
        let Some(entries) = scopes.get_mut(name) else { return };
        entries.retain(|(entered, _)| *entered != serial);
        if entries.is_empty() {
            scopes.remove(name);
            if name.id.is_none() {
                self.children.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn cancel_name(&self, name: &Name) {
        let running = running(&self.lock(), name);
        cancel_each(&running);
    }

    fn insert(self: &Arc<Self>, scopes: &mut Scopes, name: Name, parent: Option<Arc<Scope>>) -> Arc<Scope> {
        let serial = self.serial();
        let is_child = name.id.is_none();
        let scope = Arc::new(Scope::new(name.clone(), serial, parent, Arc::clone(self)));
        let entries = scopes.entry(name).or_default();
        if entries.is_empty() && is_child {
            self.children.fetch_add(1, Ordering::AcqRel);
        }
        entries.push((serial, Arc::downgrade(&scope)));
        scope
    }

    fn lock(&self) -> MutexGuard<'_, Scopes> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The caller drops these after the lock.
fn running(scopes: &Scopes, name: &Name) -> Vec<Arc<Scope>> {
    let entries = scopes.get(name).map_or(&[][..], Vec::as_slice);
    entries.iter().filter_map(|(_, scope)| scope.upgrade()).collect()
}

fn cancel_each(scopes: &[Arc<Scope>]) {
    for scope in scopes {
        scope.cancel();
    }
}
