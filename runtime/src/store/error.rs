//! Why a store refuses, and why it stops.

use std::{error::Error, fmt, sync::Arc};

use super::EffectPanic;

/// What a reducer's panic did to a store: its state may be torn, so nothing is reduced any more.
///
/// ```
/// # use composable_rust_core::{Effect, Reducer};
/// # use composable_rust_runtime::Store;
/// # struct Strict;
/// # impl Reducer for Strict {
/// #     type State = (); type Action = u32; type Environment = ();
/// #     fn reduce(&self, _: &mut (), action: &u32, _: &()) -> Effect<u32> {
/// #         assert_eq!(*action, 0, "only zero is allowed");
/// #         Effect::none()
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let store = Store::builder(Strict, ()).build(()).unwrap();
/// store.dispatch(7).await.unwrap();
/// let fault = store.fault().unwrap();
/// assert_eq!(fault.action_type(), "u32");
/// assert!(fault.message().contains("only zero is allowed"));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReducerPanic {
    action_type: &'static str,
    message: Arc<str>,
}

impl ReducerPanic {
    pub(crate) fn new(action_type: &'static str, message: String) -> Self {
        Self {
            action_type,
            message: message.into(),
        }
    }

    /// The type of the action that was being reduced.
    #[must_use]
    pub const fn action_type(&self) -> &'static str {
        self.action_type
    }

    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ReducerPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a reducer panicked on an action of type {}: {}",
            self.action_type, self.message
        )
    }
}

impl Error for ReducerPanic {}

/// Why an action was not taken; it comes back, unreduced.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DispatchError<A> {
    /// The store is shut down, or about to be: nothing to do here but to let go of it.
    Closed(A),
    /// A reducer has panicked: build a new store from what is stored.
    Faulted(A, ReducerPanic),
}

/// Why an action was not taken at once; it comes back, unreduced.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryDispatchError<A> {
    /// All places are taken: try later, or wait with `dispatch`.
    Full(A),
    /// As [`DispatchError::Closed`].
    Closed(A),
    /// As [`DispatchError::Faulted`].
    Faulted(A, ReducerPanic),
}

impl<A> DispatchError<A> {
    /// The action that was not taken.
    pub fn into_action(self) -> A {
        match self {
            Self::Closed(action) | Self::Faulted(action, _) => action,
        }
    }
}

impl<A> TryDispatchError<A> {
    /// The action that was not taken.
    pub fn into_action(self) -> A {
        match self {
            Self::Full(action) | Self::Closed(action) | Self::Faulted(action, _) => action,
        }
    }
}

const CLOSED: &str = "the store is closed";

impl<A> fmt::Display for DispatchError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str(CLOSED),
            Self::Faulted(_, fault) => write!(f, "the store is faulted: {fault}"),
        }
    }
}

impl<A> fmt::Display for TryDispatchError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the store's inbox is full"),
            Self::Closed(_) => f.write_str(CLOSED),
            Self::Faulted(_, fault) => write!(f, "the store is faulted: {fault}"),
        }
    }
}

/// Without the action, so that actions need no `Debug` and none is logged by accident.
impl<A> fmt::Debug for DispatchError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::Faulted(_, fault) => write!(f, "Faulted(.., {fault:?})"),
        }
    }
}

/// Without the action, as for [`DispatchError`].
impl<A> fmt::Debug for TryDispatchError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::Faulted(_, fault) => write!(f, "Faulted(.., {fault:?})"),
        }
    }
}

impl<A> Error for DispatchError<A> {}
impl<A> Error for TryDispatchError<A> {}

/// Why nothing is reduced any more.
#[derive(Clone, Debug)]
pub(crate) enum StopReason {
    Closed,
    Faulted(ReducerPanic),
}

impl From<StopReason> for SettleError {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Closed => Self::Closed,
            StopReason::Faulted(panic) => Self::Faulted(panic),
        }
    }
}

/// Why a sent action did not settle: something that it caused has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The store was shut down or dropped first. What it caused may be half done: look at what is stored.
    #[error("the store was closed before the action had settled")]
    Closed,
    /// A reducer has panicked first. What it caused may be half done: look at what is stored.
    #[error("the store faulted before the action had settled")]
    Faulted(#[source] ReducerPanic),
    /// An effect that the action caused has panicked; everything else has come to its end. Turn what can fail in the effect
    /// into an action.
    #[error("an effect that the action caused panicked")]
    EffectPanicked(#[source] EffectPanic),
}

/// Why a store could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no tokio runtime here: build the store inside of one, or hand one in with
    /// [`StoreBuilder::handle`](crate::StoreBuilder::handle).
    #[error("a store needs a tokio runtime to perform effects on, and there is none here")]
    NoRuntime,
}
