//! Results of a successful command or read.

use std::{ops::Deref, sync::Arc};

use composable_rust_core::{Aggregate, CommandOutcome, EventId, Position, Version};

use super::{ExecuteError, request::Outcome};

/// The result of a command: its events are stored.
///
/// ```
/// use composable_rust_core::Version;
/// use composable_rust_runtime::Committed;
/// let nothing_to_do = Committed::<String> { events: vec![], version: Version::from(3), position: None, event_id: None };
/// assert!(nothing_to_do.events.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed<E> {
    /// The events of this command; none is a valid outcome, and appends nothing.
    pub events: Vec<E>,
    /// The stream's version after it.
    pub version: Version,
    /// The position of the last event, if there is one, or of a later one that was stored with it: wait for a projection
    /// to reach it to read your own write.
    pub position: Option<Position>,
    /// The id of the last event, if there is one: the causation of what follows from it.
    pub event_id: Option<EventId>,
}

/// A state and the version that it is the state of.
///
/// ```
/// use composable_rust_core::Version;
/// use composable_rust_runtime::Versioned;
/// use std::sync::Arc;
/// let name = Versioned { version: Version::from(2), state: Arc::new("Ada".to_owned()) };
/// assert_eq!(name.len(), 3, "it can be used as the state itself");
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Versioned<S> {
    /// The version of the last event that is part of the state.
    pub version: Version,
    /// The state; shared, and never changed afterwards.
    pub state: Arc<S>,
}

impl<S> Clone for Versioned<S> {
    fn clone(&self) -> Self {
        Self {
            version: self.version,
            state: Arc::clone(&self.state),
        }
    }
}

impl<S> Deref for Versioned<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.state
    }
}

/// What the caller of a command is told.
pub(super) fn answer<A: Aggregate>(outcome: CommandOutcome<A>) -> Outcome<A> {
    match outcome {
        CommandOutcome::Stored {
            events,
            version,
            position,
            event_id,
        } => Ok(Committed {
            events,
            version,
            position: Some(position),
            event_id: Some(event_id),
        }),
        CommandOutcome::NoEvents { version } => Ok(Committed {
            events: Vec::new(),
            version,
            position: None,
            event_id: None,
        }),
        CommandOutcome::Rejected(rejection) => Err(ExecuteError::Rejected(rejection)),
        CommandOutcome::VersionMismatch(conflict) => Err(ExecuteError::Conflict(conflict)),
        CommandOutcome::Encode(error) => Err(ExecuteError::Encode(error)),
        CommandOutcome::Panicked { message } => Err(ExecuteError::Panicked { message }),
    }
}
