//! What should happen next, as a value.

mod cancellation;
mod construct;
mod describe;
mod join;
mod map;
pub(crate) mod node;
mod operation;
mod retry;
mod start;
mod timing;
pub(crate) mod transform;

use std::fmt;

pub use cancellation::{CancelId, InFlight, Key, Segment};
pub use describe::{AppendDescription, EffectDescription};
pub use operation::{Continuation, EventStoreOperation};
pub use retry::{Attempt, Backoff, Retry};
pub use timing::Edge;

use self::node::Node;

/// What should happen after an action was reduced: a value that the runtime's store performs, whose actions come back
/// to the reducer. Building one does nothing.
///
/// Functions build it: [`Effect::task`], [`Effect::emit`], [`Effect::merge`], [`Effect::then`], [`Effect::race`],
/// [`Effect::delay`] and the others below. [`Effect::describe`] shows what it is, so that a plain test can assert what a
/// reducer returned:
///
/// ```
/// use composable_rust_core::{Effect, EffectDescription};
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
/// assert_eq!(Effect::<Search>::none().describe(), EffectDescription::None);
/// ```
///
/// Effects nest to any depth: building, describing, performing and dropping one takes time in proportion to its parts and
/// a constant amount of stack. Only [`Effect::map`] has a limit.
#[must_use = "an effect does nothing unless the reducer returns it"]
pub struct Effect<A>(Node<A>);

impl<A> Default for Effect<A> {
    fn default() -> Self {
        Self::none()
    }
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
