//! The way from a parent's state to a child's.

use std::{
    any::Any,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{Key, Segment};

/// A child's state, looked for in its parent's.
pub(super) enum Lookup<'s> {
    /// It is there.
    Present(&'s mut dyn Any),
    /// It is not, or another has taken its place.
    Absent,
    /// This is not the state of the parent: nothing is known about the child.
    Unknown,
}

type Find = Arc<dyn for<'s> Fn(&'s mut dyn Any) -> Lookup<'s> + Send + Sync>;

/// A step from a parent to a child, as effects carry it: its name, and how to find out whether the child still exists.
///
/// The way to the child travels with the effect, so that the trait `Reducer` needs no method for it, which a reducer that
/// wraps another could forget to forward.
#[derive(Clone)]
pub struct ChildStep {
    segment: Segment,
    identity: Option<Key>,
    find: Option<Find>,
}

/// What makes a child this one and no other.
pub(super) struct Identity<C> {
    of: fn(&C) -> Key,
    key: Key,
}

impl<C> Identity<C> {
    pub(super) fn new(of: fn(&C) -> Key, child: &C) -> Self {
        Self { of, key: of(child) }
    }

    fn is_of(&self, child: &C) -> bool {
        (self.of)(child) == self.key
    }
}

impl ChildStep {
    /// A child that is never looked for.
    pub(crate) const fn unchecked(segment: Segment) -> Self {
        Self {
            segment,
            identity: None,
            find: None,
        }
    }

    /// A child that `get` finds in the parent's state, as long as it has this identity.
    pub(super) fn new<S: 'static, C: 'static>(
        segment: Segment,
        identity: Option<Identity<C>>,
        get: impl for<'s> Fn(&'s mut S) -> Option<&'s mut C> + Send + Sync + 'static,
    ) -> Self {
        let key = identity.as_ref().map(|identity| identity.key.clone());
        let find = any_lifetime(move |state| find_child(state, &get, identity.as_ref()));
        Self {
            segment,
            identity: key,
            find: Some(Arc::new(find)),
        }
    }

    /// The step's name.
    #[must_use]
    pub const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Whether the child at the end of `path` is there in the root's `state`.
    #[must_use]
    pub fn is_present(path: &[Self], state: &mut dyn Any) -> bool {
        let mut state = state;
        for step in path {
            let Some(find) = &step.find else { return true };
            match find(state) {
                Lookup::Present(child) => state = child,
                Lookup::Absent => return false,
                Lookup::Unknown => return true,
            }
        }
        true
    }
}

/// Tells the compiler that the closure takes a state of any lifetime, which it does not infer.
const fn any_lifetime<F: for<'s> Fn(&'s mut dyn Any) -> Lookup<'s>>(find: F) -> F {
    find
}

fn find_child<'s, S: 'static, C: 'static>(
    state: &'s mut dyn Any,
    get: &impl for<'a> Fn(&'a mut S) -> Option<&'a mut C>,
    identity: Option<&Identity<C>>,
) -> Lookup<'s> {
    let Some(state) = state.downcast_mut::<S>() else {
        return Lookup::Unknown;
    };
    match get(state) {
        Some(child) if identity.is_none_or(|identity| identity.is_of(child)) => Lookup::Present(child),
        _ => Lookup::Absent,
    }
}

/// By name and identity: how to look for the child follows from them.
impl PartialEq for ChildStep {
    fn eq(&self, other: &Self) -> bool {
        self.segment == other.segment && self.identity == other.identity
    }
}

impl Eq for ChildStep {}

impl Hash for ChildStep {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.segment.hash(state);
        self.identity.hash(state);
    }
}

impl fmt::Debug for ChildStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.segment, f)
    }
}
