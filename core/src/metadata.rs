//! What is known about an event beyond the event itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::EventId;

/// Who caused an event and in which conversation, plus any JSON object of the user's.
///
/// All stores keep it as JSON and promise semantic equality: the order of keys and the spelling of numbers may change.
///
/// ```
/// use composable_rust_core::EventMetadata;
///
/// let metadata = EventMetadata::default().with_actor("clerk-7").with("tenant", "north");
/// assert_eq!(metadata.actor.as_deref(), Some("clerk-7"));
/// assert_eq!(metadata.extra["tenant"], "north");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventMetadata {
    /// The conversation this event belongs to: the same for everything one request set off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    /// The event that caused this one: the last of the append it reacts to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The user's own entries, beside the three above in one object.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl EventMetadata {
    /// Sets the conversation.
    #[must_use]
    pub fn with_correlation_id(mut self, correlation_id: Uuid) -> Self {
        self.correlation_id = Some(correlation_id);
        self
    }

    /// Sets the causing event.
    #[must_use]
    pub fn with_causation_id(mut self, causation_id: EventId) -> Self {
        self.causation_id = Some(causation_id);
        self
    }

    /// Sets who did it.
    #[must_use]
    pub fn with_actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Adds an entry of the user's own. The keys `correlation_id`, `causation_id` and `actor` are taken: an append
    /// with one of them in [`EventMetadata::extra`] is refused.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(key.into(), value.into());
        self
    }

    /// Whether nothing is known: stored as no metadata at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.correlation_id.is_none() && self.causation_id.is_none() && self.actor.is_none() && self.extra.is_empty()
    }

    /// Whether an own entry hides one of the named fields.
    pub(crate) fn shadows_a_field(&self) -> bool {
        ["correlation_id", "causation_id", "actor"]
            .iter()
            .any(|key| self.extra.contains_key(*key))
    }

    /// Whether any text in it holds a NUL, which JSONB can't store.
    pub(crate) fn holds_nul(&self) -> bool {
        let own = self
            .extra
            .iter()
            .any(|(key, value)| key.contains('\0') || value_holds_nul(value));
        own || self.actor.as_ref().is_some_and(|actor| actor.contains('\0'))
    }
}

fn value_holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(value_holds_nul),
        Value::Object(entries) => entries
            .iter()
            .any(|(key, value)| key.contains('\0') || value_holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
