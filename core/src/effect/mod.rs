//! What should happen next, as a value.

mod cancellation;
mod construct;
mod describe;
mod map;
mod operation;
mod retry;
mod timing;

use std::fmt;

use futures::{future::BoxFuture, stream::BoxStream};

pub use cancellation::{CancelId, Cancellable, InFlight, Key, Scoped, Segment};
pub use describe::{AppendDescription, Description};
pub use operation::{Continuation, EventStoreOperation};
pub use retry::{Attempt, Backoff, Retry};
pub use timing::{Delay, Edge, Throttle};

/// What should happen after an action was reduced: a value that the runtime's store performs, whose actions come back
/// to the reducer. Building one does nothing.
///
/// Constructors read as sentences, [`Effect::describe`] lets a plain test assert what came back:
///
/// ```
/// use composable_rust_core::{Description, Effect};
/// use std::time::Duration;
///
/// #[derive(Debug)]
/// enum Search {
///     Found(Vec<String>),
/// }
///
/// let effect = Effect::task(async { Search::Found(vec![]) }).debounce("search", Duration::from_millis(300));
/// assert_eq!(
///     effect.describe().to_string(),
///     "cancellable search (replace): delay 300ms: future",
/// );
/// assert_eq!(Effect::<Search>::None.describe(), Description::None);
/// ```
#[must_use = "an effect does nothing unless the reducer returns it"]
#[non_exhaustive]
#[derive(Default)]
pub enum Effect<A> {
    /// Nothing. Free.
    #[default]
    None,
    /// Reduce this action next, after those that wait already.
    Emit(A),
    /// Await, then reduce the action, if there is one.
    Future(BoxFuture<'static, Option<A>>),
    /// Reduce every item, polling for the next only after the last was reduced.
    Stream(BoxStream<'static, A>),
    /// Wait on the store's clock, then start the effect.
    Delay(Box<Delay<A>>),
    /// Start all at once.
    Parallel(Vec<Self>),
    /// Start each after the work of the one before is done.
    Sequential(Vec<Self>),
    /// Start all; the first to complete ends the others, the leftmost on a tie.
    Race(Vec<Self>),
    /// An effect that [`Effect::Cancel`] can end.
    Cancellable(Box<Cancellable<A>>),
    /// End every effect that runs under this id in the same scope.
    Cancel(Box<CancelId>),
    /// At most one effect an interval.
    Throttle(Box<Throttle<A>>),
    /// Attempt, wait, attempt again.
    Retry(Box<Retry<A>>),
    /// An effect of a child reducer; cancellation ids in it are the child's own.
    Scoped(Box<Scoped<A>>),
    /// An effect with a name for reports and traces.
    Labelled(Box<Labelled<A>>),
    /// Ask an event store. Not cancellable once started.
    EventStore(Box<EventStoreOperation<A>>),
}

/// See [`Effect::label`].
pub struct Labelled<A> {
    /// The name.
    pub label: &'static str,
    /// What is named.
    pub effect: Effect<A>,
}

impl<A> fmt::Debug for Effect<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Effect({})", self.describe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_is_small() {
        assert!(size_of::<Effect<()>>() <= 32);
        assert!(size_of::<Effect<u64>>() <= 32);
        assert!(size_of::<Effect<String>>() <= 32);
    }
}
