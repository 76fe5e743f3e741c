//! What the commands of a batch have come to.

use super::Aggregate;
use crate::{CommandId, Conflict, EventError, EventId, EventMetadata, Position, Version};

/// A command as a [`CommandBatch`](super::CommandBatch) reads it; the shell's own type holds the rest (a reply channel, a span).
pub trait BatchCommand<A: Aggregate> {
    /// The command.
    fn command(&self) -> &A::Command;

    /// The id that makes the command repeatable, if it has one.
    fn command_id(&self) -> Option<CommandId>;

    /// The version that the stream must have when the command is decided, if the caller named one.
    fn expected_version(&self) -> Option<Version>;

    /// Recorded with each event of the command.
    fn metadata(&self) -> &EventMetadata;
}

/// What a command has come to. Everything but `Stored` means that the command has stored nothing.
pub enum CommandOutcome<A: Aggregate> {
    /// The command's events are stored.
    Stored {
        /// The events.
        events: Vec<A::Event>,
        /// The version of the last of them.
        version: Version,
        /// The position of the last event of the append: that of the command's last event, or of a later one that shared
        /// the append.
        position: Position,
        /// The id of the command's last event.
        event_id: EventId,
    },
    /// The command decided no events.
    NoEvents {
        /// The version that it was decided at.
        version: Version,
    },
    /// The aggregate refused the command.
    Rejected(A::Rejection),
    /// The stream is not at the version that the caller named.
    VersionMismatch(Conflict),
    /// A decided event could not be encoded.
    Encode(EventError),
    /// `decide`, `apply` or `encode` panicked.
    Panicked {
        /// The message of the panic.
        message: String,
    },
}

/// The answers of a batch whose events are stored.
#[must_use]
pub struct AcknowledgedBatch<A: Aggregate, C> {
    /// Each command with its outcome, in the order in which the commands were added.
    pub outcomes: Vec<(C, CommandOutcome<A>)>,
    /// The message of a panic of `apply`. The events are stored all the same; the session's state is half changed: drop the
    /// session and load the stream again.
    pub apply_panic: Option<String>,
}

/// The commands of a batch whose events are not (or not known to be) stored.
#[must_use]
pub struct FailedBatch<C> {
    /// The commands whose events they were: each has failed with the append's error.
    pub failed: Vec<C>,
    /// The others, in order: add them to the next batch, before all later commands.
    pub again: Vec<C>,
}
