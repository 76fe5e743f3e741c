//! What is known about a command beyond the command itself.

use std::time::Duration;

use composable_rust_core::{CommandId, EventId, EventMetadata, TraceContext, Version};
use uuid::Uuid;

/// What is known about a command beyond the command itself.
///
/// ```
/// use composable_rust_core::Version;
/// use composable_rust_runtime::CommandContext;
/// use std::time::Duration;
///
/// let context = CommandContext::default()
///     .with_actor("clerk-7")
///     .expecting(Version::from(3))
///     .within(Duration::from_secs(2));
/// assert_eq!(context.metadata.actor.as_deref(), Some("clerk-7"));
/// assert_eq!(context.expected, Some(Version::from(3)));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CommandContext {
    /// Makes the command repeatable: sent again with the same id, to the same stream, it has the first result and is not
    /// carried out again, also after a crash, and also where it would be rejected by now. The id alone says which command it
    /// is: give each a new one. A rejection, and a command that led to no events, is not remembered.
    pub command_id: Option<CommandId>,
    /// The version that the caller saw: if the stream is at another one by the time the command is decided, the answer is
    /// a conflict, and final.
    pub expected: Option<Version>,
    /// Recorded with each event of the command.
    pub metadata: EventMetadata,
    /// How long the caller waits. What is not begun by then is not carried out. A future that nobody polls notices its
    /// deadline when it is polled again, and tells what has become of the command.
    pub deadline: Option<Duration>,
}

impl CommandContext {
    /// Makes the command repeatable.
    #[must_use]
    pub fn with_command_id(mut self, command_id: CommandId) -> Self {
        self.command_id = Some(command_id);
        self
    }

    /// Carries the command out only if the stream is at `version`: what others call If-Match.
    #[must_use]
    pub fn expecting(mut self, version: Version) -> Self {
        self.expected = Some(version);
        self
    }

    /// Sets which events belong together, across streams.
    #[must_use]
    pub fn with_correlation_id(mut self, correlation_id: Uuid) -> Self {
        self.metadata.correlation_id = Some(correlation_id);
        self
    }

    /// Sets the event that led to the command.
    #[must_use]
    pub fn with_causation_id(mut self, causation_id: EventId) -> Self {
        self.metadata.causation_id = Some(causation_id);
        self
    }

    /// Sets who gave the command.
    #[must_use]
    pub fn with_actor(mut self, actor: impl Into<String>) -> Self {
        self.metadata.actor = Some(actor.into());
        self
    }

    /// Sets the trace to which the command belongs, such as a request's header `traceparent` names it. Where it is not set,
    /// it is the current span's, with the feature `opentelemetry`, or that of the [`Envelope`](crate::Envelope).
    #[must_use]
    pub fn with_trace_context(mut self, trace_context: TraceContext) -> Self {
        self.metadata.trace_context = Some(trace_context);
        self
    }

    /// Sets what is recorded with each event: correlation, causation, actor and trace included.
    #[must_use]
    pub fn with_metadata(mut self, metadata: EventMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Sets how long the caller waits.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }
}
