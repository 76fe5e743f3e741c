//! Where the engine's tasks run: the seam between the live store and one that a test drives.

use futures::future::BoxFuture;

use crate::store::EffectPanic;

/// A part of the engine that runs by itself.
pub struct Task {
    /// The running effect that this performs, as [`RunningEffect::number`]; `None` for what the engine does for itself.
    pub effect: Option<u64>,
    /// What runs.
    pub future: BoxFuture<'static, ()>,
}

impl Task {
    pub(super) fn of_effect(effect: u64, future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            effect: Some(effect),
            future: Box::pin(future),
        }
    }

    pub(super) fn of_engine(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            effect: None,
            future: Box::pin(future),
        }
    }
}

/// An effect that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunningEffect {
    /// A number that no other effect of the store has, in the order they started.
    pub number: u64,
    /// Its label, or what kind of effect it is.
    pub label: &'static str,
    /// Which reduce returned it: 1 for the store's first.
    pub cause: u64,
}

/// An action for a child that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsentChild {
    /// Which child, such as `orders[7]/lines[1]`.
    pub path: String,
    /// Which reduce it was: 1 for the store's first.
    pub cause: u64,
}

/// Runs tasks to their end, in the order they came where that can be seen. A panic ends only its task.
pub trait Spawn: Send + Sync + 'static {
    /// Starts `task`; returns at once.
    fn spawn(&self, task: Task);

    /// Hears of a panic in an effect, which was traced already.
    fn panicked(&self, panic: EffectPanic) {
        drop(panic);
    }

    /// Hears of an action for a child that does not exist, which was traced already.
    fn absent_child(&self, child: AbsentChild) {
        drop(child);
    }

    /// Whether a caller that reduces for others is relieved when it has done so for some time, and not only after so
    /// many actions: where every run must be the same, time is no measure.
    fn is_timed(&self) -> bool {
        true
    }
}

impl Spawn for tokio::runtime::Handle {
    fn spawn(&self, task: Task) {
        // Detached on purpose: the engine ends its tasks itself.
        drop(Self::spawn(self, task.future));
    }
}
