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
///     .with_expected_version(Version::from(3))
///     .with_timeout(Duration::from_secs(2));
/// assert_eq!(context.metadata.actor.as_deref(), Some("clerk-7"));
/// assert_eq!(context.expected_version, Some(Version::from(3)));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CommandContext {
    /// Makes the command repeatable: sent again with the same id, to the same stream, it has the first result and is not
    /// carried out again, also after a crash, and also where it would be rejected by now. The id alone says which command it
    /// is: give each a new one. A rejection, and a command that led to no events, is not remembered.
    pub command_id: Option<CommandId>,
    /// The version that the caller saw: if the stream is at another one when the command is decided, the answer is a conflict,
    /// which is not retried.
    pub expected_version: Option<Version>,
    /// Recorded with each event of the command.
    pub metadata: EventMetadata,
    /// How long the command may take, if that is shorter than the host's
    /// [`command_timeout`](crate::AggregatesBuilder::command_timeout). A command whose append was not begun by then is not
    /// carried out ([`ExecuteError::NotStarted`](crate::ExecuteError::NotStarted)). A future that is not polled notices the
    /// limit when it is polled again.
    pub timeout: Option<Duration>,
}

impl CommandContext {
    /// Makes the command repeatable.
    #[must_use]
    pub fn with_command_id(mut self, command_id: CommandId) -> Self {
        self.command_id = Some(command_id);
        self
    }

    /// Carries the command out only if the stream is at `version`, as `If-Match` does in HTTP.
    #[must_use]
    pub fn with_expected_version(mut self, version: Version) -> Self {
        self.expected_version = Some(version);
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

    /// Sets how long the command may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}
