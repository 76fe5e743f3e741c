//! What can happen to an event-sourced aggregate in a store.

use std::{fmt, sync::Arc};

use composable_rust_core::{
    Aggregate, AppendError, Appended, ReadError, RecordedEvent, Snapshot, SnapshotError, SnapshotOutcome,
};

use crate::CommandContext;

/// What [`EventSourced`](super::EventSourced) reduces. Send the first two; the others are the answers of the store, which
/// a parent reducer may look at to react to what was stored.
#[non_exhaustive]
pub enum EventSourcedAction<A: Aggregate> {
    /// Carry out a command; the context holds its id, expected version, timeout and metadata.
    Execute(Arc<A::Command>, Arc<CommandContext>),
    /// Load the stream, or what was recorded since. Commands that are sent after it are decided after it: on what other
    /// processes have written, too.
    Load,
    /// The events since the known version, or why there are none.
    Loaded(Result<Vec<RecordedEvent>, ReadError>),
    /// Where the append ended, or why it was not made.
    Appended(Result<Appended, AppendError>),
    /// The stream's snapshot, if there is one; [`EventSourcedAction::Loaded`] follows. Only where the aggregate has
    /// snapshots.
    SnapshotLoaded(Result<Option<Snapshot>, SnapshotError>),
    /// What became of a snapshot. It changes nothing, whatever it is. Only where the aggregate has snapshots.
    SnapshotSaved(Result<SnapshotOutcome, SnapshotError>),
}

impl<A: Aggregate> EventSourcedAction<A> {
    /// Carry out `command`.
    pub fn execute(command: A::Command) -> Self {
        Self::execute_with(command, CommandContext::default())
    }

    /// Carry out `command`, with a command id, an expected version, a timeout or metadata.
    pub fn execute_with(command: A::Command, context: CommandContext) -> Self {
        Self::Execute(Arc::new(command), Arc::new(context))
    }

    /// Load the stream, or what was recorded since.
    #[must_use]
    pub const fn load() -> Self {
        Self::Load
    }
}

impl<A: Aggregate> Clone for EventSourcedAction<A> {
    fn clone(&self) -> Self {
        match self {
            Self::Execute(command, context) => Self::Execute(Arc::clone(command), Arc::clone(context)),
            Self::Load => Self::Load,
            Self::Loaded(answer) => Self::Loaded(answer.clone()),
            Self::Appended(answer) => Self::Appended(answer.clone()),
            Self::SnapshotLoaded(answer) => Self::SnapshotLoaded(answer.clone()),
            Self::SnapshotSaved(answer) => Self::SnapshotSaved(answer.clone()),
        }
    }
}

impl<A: Aggregate> fmt::Debug for EventSourcedAction<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Execute(..) => f.write_str("Execute"),
            Self::Load => f.write_str("Load"),
            Self::Loaded(answer) => f.debug_tuple("Loaded").field(&answer.as_ref().map(Vec::len)).finish(),
            Self::Appended(answer) => f.debug_tuple("Appended").field(answer).finish(),
            Self::SnapshotLoaded(answer) => {
                let version = answer
                    .as_ref()
                    .map(|found| found.as_ref().map(|snapshot| snapshot.version));
                f.debug_tuple("SnapshotLoaded").field(&version).finish()
            }
            Self::SnapshotSaved(answer) => f.debug_tuple("SnapshotSaved").field(answer).finish(),
        }
    }
}
