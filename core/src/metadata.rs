//! What is known about an event beyond the event itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::EventId;

/// Who caused an event and in which conversation, plus any JSON object of the user's.
///
/// All stores keep it as JSON and promise semantic equality: the order of keys and the spelling of numbers may change.
/// Values that nest deeper than [`EventMetadata::MAX_DEPTH`] are refused.
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
    /// How deep the value of an own entry may nest: a text has depth 0, a list of texts 1, a list of lists 2.
    ///
    /// JSON that is deeper than a parser's limit can be written and never read again, and parsers and databases have
    /// limits of their own, the lowest about 100: this one leaves room below all of them. A deeper value makes the
    /// append [`InvalidAppend::Metadata`](crate::InvalidAppend::Metadata).
    ///
    /// ```
    /// use composable_rust_core::EventMetadata;
    /// assert_eq!(EventMetadata::MAX_DEPTH, 64);
    /// ```
    pub const MAX_DEPTH: usize = 64;

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

    /// Whether a value nests deeper than [`EventMetadata::MAX_DEPTH`].
    pub(crate) fn is_too_deep(&self) -> bool {
        self.extra.values().any(|value| nests_deeper(value, Self::MAX_DEPTH))
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

/// Descends no further than one level below `most`, however deep the value is: the stack is safe.
fn nests_deeper(value: &Value, most: usize) -> bool {
    match (value, most.checked_sub(1)) {
        (Value::Array(_) | Value::Object(_), None) => true,
        (Value::Array(items), Some(rest)) => items.iter().any(|item| nests_deeper(item, rest)),
        (Value::Object(entries), Some(rest)) => entries.values().any(|entry| nests_deeper(entry, rest)),
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => false,
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
