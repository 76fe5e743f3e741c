//! Which scopes exist, by name: how a cancel and a removed child find their effects.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use composable_rust_core::{__engine::ChildStep, CancelId, InFlight, Segment};

use super::{
    cancellation::Watcher,
    children::Children,
    scope::{Name, Path, Scope},
};

/// What runs.
#[derive(Default)]
struct Scopes {
    /// By name, then by the number of the scope.
    named: HashMap<Name, BTreeMap<u64, Weak<Scope>>>,
    children: Children,
}

/// Every living scope by its name. Empty when nothing runs: a scope leaves with the last that holds it.
///
/// It has a lock of its own, apart from the state's, since effects enter and leave on any thread. No scope is dropped
/// while it is held: that would lock again.
#[derive(Default)]
pub(super) struct Registry {
    scopes: Mutex<Scopes>,
    /// How many scopes are children's: read at every reduce, so that it costs nothing where no child has effects.
    children: AtomicUsize,
    serials: AtomicU64,
}

impl Registry {
    /// A number that no other scope or task has.
    pub(super) fn serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed)
    }

    /// A scope for the effect of a child.
    pub(super) fn enter_child(self: &Arc<Self>, path: Arc<[ChildStep]>, parent: Option<Arc<Scope>>) -> Arc<Scope> {
        let mut scopes = self.lock();
        scopes.children.enter(&path);
        self.children.fetch_add(1, Ordering::AcqRel);
        let name = Name {
            path: Some(path),
            id: None,
        };
        self.insert(&mut scopes, name, parent)
    }

    /// A scope for an effect with an id; `None` when it is not to start. Scopes of this name around it do not count: an
    /// effect does not compete with itself.
    pub(super) fn enter_id(
        self: &Arc<Self>,
        name: Name,
        in_flight: InFlight,
        parent: Option<Arc<Scope>>,
    ) -> Option<Arc<Scope>> {
        let mut scopes = self.lock();
        let others = match in_flight {
            InFlight::Keep => Vec::new(),
            InFlight::Replace | InFlight::Ignore => scopes.others(&name, parent.as_deref()),
        };
        let ignored = in_flight == InFlight::Ignore && others.iter().any(|other| !other.is_cancelled());
        let (others, watchers) = if in_flight == InFlight::Replace {
            cancel_all(others)
        } else {
            (others, Vec::new())
        };
        // What is not entered is dropped after the lock, the scope around it as well.
        let (scope, _refused) = if ignored {
            (None, parent)
        } else {
            (Some(self.insert(&mut scopes, name, parent)), None)
        };
        drop(scopes);
        watchers.into_iter().for_each(Watcher::notify);
        drop(others);
        scope
    }

    /// Ends everything that runs under `id` in the scope of `path`.
    pub(super) fn cancel(&self, path: &Path, id: &CancelId) {
        self.cancel_name(&Name {
            path: path.clone(),
            id: Some(id.clone()),
        });
    }

    /// Whether any child has running effects.
    pub(super) fn has_children(&self) -> bool {
        self.children.load(Ordering::Acquire) > 0
    }

    /// Ends everything of the children that an action can have removed, and that `exists` denies.
    pub(super) fn sweep(&self, addressed: Option<&[Segment]>, mut exists: impl FnMut(&[ChildStep]) -> bool) {
        let removable = self.lock().children.removable(addressed);
        // Asked outside of the lock: the answer is the user's code.
        for path in removable {
            if !exists(&path) {
                self.cancel_child(path);
            }
        }
    }

    /// Ends everything of a child.
    pub(super) fn cancel_child(&self, path: Arc<[ChildStep]>) {
        self.cancel_name(&Name {
            path: Some(path),
            id: None,
        });
    }

    pub(super) fn remove(&self, name: &Name, serial: u64) {
        let mut scopes = self.lock();
        let Some(entries) = scopes.named.get_mut(name) else {
            return;
        };
        entries.remove(&serial);
        if entries.is_empty() {
            scopes.named.remove(name);
        }
        if name.id.is_none()
            && let Some(path) = &name.path
        {
            scopes.children.leave(path);
            self.children.fetch_sub(1, Ordering::AcqRel);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().named.len()
    }

    /// The flags are set under the lock, so that a second cancel returns only after the first has set all of them.
    fn cancel_name(&self, name: &Name) {
        let scopes = self.lock();
        let (reached, watchers) = cancel_all(scopes.running(name));
        drop(scopes);
        watchers.into_iter().for_each(Watcher::notify);
        drop(reached);
    }

    fn insert(self: &Arc<Self>, scopes: &mut Scopes, name: Name, parent: Option<Arc<Scope>>) -> Arc<Scope> {
        let serial = self.serial();
        let nested = 1 + scopes.nested(&name, parent.as_deref());
        let scope = Scope::new(name.clone(), serial, nested, parent, Arc::clone(self));
        let entries = scopes.named.entry(name).or_default();
        entries.insert(serial, Arc::downgrade(&scope));
        scope
    }

    fn lock(&self) -> MutexGuard<'_, Scopes> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scopes {
    /// What runs under a name. The caller drops these after the lock.
    fn running(&self, name: &Name) -> Vec<Arc<Scope>> {
        let entries = self.named.get(name).into_iter().flatten();
        entries.filter_map(|(_, scope)| scope.upgrade()).collect()
    }

    /// How many of `scope` and those around it have this name. Looked for only where something has it: the scopes around
    /// may be many.
    fn nested(&self, name: &Name, scope: Option<&Scope>) -> usize {
        let scope = scope.filter(|_| self.named.contains_key(name));
        scope.map_or(0, |scope| scope.nested_in(name))
    }

    /// What runs under a name, without `scope` and those around it. The caller drops these after the lock.
    fn others(&self, name: &Name, scope: Option<&Scope>) -> Vec<Arc<Scope>> {
        let Some(entries) = self.named.get(name) else {
            return Vec::new();
        };
        if entries.len() == self.nested(name, scope) {
            return Vec::new();
        }
        let own: HashSet<u64> = scope.into_iter().flat_map(|scope| scope.serials_of(name)).collect();
        let others = entries.iter().filter(|(serial, _)| !own.contains(serial));
        others.filter_map(|(_, scope)| scope.upgrade()).collect()
    }
}

/// Sets the flags of these scopes and of all within them: what was reached, and what is to be told of it. The caller does
/// both after the lock.
fn cancel_all(scopes: Vec<Arc<Scope>>) -> (Vec<Arc<Scope>>, Vec<Watcher>) {
    let mut reached = Vec::new();
    let mut watchers = Vec::new();
    let mut waiting = scopes;
    while let Some(scope) = waiting.pop() {
        for watcher in scope.cancellation.set().into_values() {
            match watcher {
                Watcher::Scope(within) => waiting.extend(within.upgrade()),
                other => watchers.push(other),
            }
        }
        reached.push(scope);
    }
    (reached, watchers)
}
