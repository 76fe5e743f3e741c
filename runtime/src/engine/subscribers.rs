//! Who is shown the state after a drain.

use crate::store::StopReason;

/// Who is shown the state after a drain. Looking is short and does not block.
pub(crate) trait Subscriber<S>: Send {
    /// Shows the state; `false` when there is no one to show it to any more.
    fn show(&mut self, state: &S) -> bool;

    /// Says that nothing follows, and why.
    fn end(&mut self, reason: StopReason);
}

pub(crate) type BoxedSubscriber<S> = Box<dyn Subscriber<S>>;
