//! Metadata of events: correlation, causation, actor, trace and entries of your own.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{EventId, TraceContext};

/// The metadata of an event: its correlation and causation ids, its actor, its trace, and JSON entries of your own.
///
/// Stores keep it as JSON, at most 64 KiB for each event. What is read equals what was written, but the order of keys and the
/// spelling of numbers may differ. Values nested deeper than [`EventMetadata::MAX_DEPTH`] are refused.
///
/// ```
/// use composable_rust_core::EventMetadata;
///
/// let metadata = EventMetadata::default().with_actor("clerk-7").with("tenant", "north");
/// assert_eq!(metadata.actor.as_deref(), Some("clerk-7"));
/// assert_eq!(metadata.extra["tenant"], "north");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
#[non_exhaustive]
pub struct EventMetadata {
    /// The id of the request that led to the event, directly or indirectly: the same for everything that it caused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    /// The event that caused this one: the last event of the append that it reacts to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
    /// The user or the service that caused the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The trace in which it happened. Stored as the entries `traceparent` and `tracestate`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub trace_context: Option<TraceContext>,
    /// Entries of your own. Stored in one object with those above.
    ///
    /// In metadata that was read, they may include a `traceparent` or `tracestate` that is not a valid trace context: older
    /// logs use these names for other values, and every record is read as it is.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// As it stands in the log.
#[derive(Deserialize)]
struct Stored {
    correlation_id: Option<Uuid>,
    causation_id: Option<EventId>,
    actor: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl From<Stored> for EventMetadata {
    fn from(stored: Stored) -> Self {
        let mut extra = stored.extra;
        Self {
            correlation_id: stored.correlation_id,
            causation_id: stored.causation_id,
            actor: stored.actor,
            trace_context: TraceContext::take_from(&mut extra),
            extra,
        }
    }
}

impl EventMetadata {
    /// The maximum depth of the value of an entry: a text has depth 0, a list of texts 1, a list of lists 2.
    ///
    /// Parsers and databases limit the depth too, the lowest limit being about 100; what is nested deeper could be written and
    /// not be read again. An append with a deeper value is [`InvalidAppend::Metadata`](crate::InvalidAppend::Metadata).
    ///
    /// ```
    /// use composable_rust_core::EventMetadata;
    /// assert_eq!(EventMetadata::MAX_DEPTH, 64);
    /// ```
    pub const MAX_DEPTH: usize = 64;

    /// Sets the correlation id.
    #[must_use]
    pub fn with_correlation_id(mut self, correlation_id: Uuid) -> Self {
        self.correlation_id = Some(correlation_id);
        self
    }

    /// Sets the causation id.
    #[must_use]
    pub fn with_causation_id(mut self, causation_id: EventId) -> Self {
        self.causation_id = Some(causation_id);
        self
    }

    /// Sets the actor.
    #[must_use]
    pub fn with_actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Sets the trace context.
    #[must_use]
    pub fn with_trace_context(mut self, trace_context: TraceContext) -> Self {
        self.trace_context = Some(trace_context);
        self
    }

    /// Adds an entry of your own. The keys `correlation_id`, `causation_id`, `actor`, `traceparent` and
    /// `tracestate` are taken: an append with one of them in [`EventMetadata::extra`] is refused.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(key.into(), value.into());
        self
    }

    /// Whether there are no entries. Empty metadata is stored as none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            correlation_id,
            causation_id,
            actor,
            trace_context,
            extra,
        } = self;
        let named = correlation_id.is_some() || causation_id.is_some() || actor.is_some() || trace_context.is_some();
        !named && extra.is_empty()
    }

    /// Whether an entry of the user has the name of a field.
    pub(crate) fn shadows_a_field(&self) -> bool {
        let fields = ["correlation_id", "causation_id", "actor"];
        let fields = fields
            .into_iter()
            .chain([TraceContext::TRACEPARENT, TraceContext::TRACESTATE]);
        !self.extra.is_empty() && fields.into_iter().any(|key| self.extra.contains_key(key))
    }

    /// Whether a value is nested deeper than [`EventMetadata::MAX_DEPTH`].
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

/// Recurses at most one level below `most`, so that a deep value does not exhaust the stack.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(json: &Value) -> EventMetadata {
        // As the stores read it: from a text.
        serde_json::from_str(&json.to_string()).unwrap()
    }

    #[test]
    fn the_trace_context_stands_beside_the_other_entries() {
        let context: TraceContext = TRACEPARENT.parse().unwrap();
        let context = context.with_tracestate("a=b").unwrap();
        let metadata = EventMetadata::default()
            .with_actor("clerk-7")
            .with_trace_context(context)
            .with("client", "web");
        let json = serde_json::to_value(&metadata).unwrap();
        let stored = json!({ "actor": "clerk-7", "traceparent": TRACEPARENT, "tracestate": "a=b", "client": "web" });
        assert_eq!(json, stored);
        assert_eq!(read(&json), metadata);
    }

    #[test]
    fn metadata_without_one_is_written_as_before() {
        assert_eq!(serde_json::to_string(&EventMetadata::default()).unwrap(), "{}");
        let metadata = EventMetadata::default().with_actor("a").with("k", 1);
        assert_eq!(serde_json::to_string(&metadata).unwrap(), r#"{"actor":"a","k":1}"#);
    }

    #[test]
    fn every_record_is_read_whatever_its_own_entries_said_before_the_names_were_taken() {
        for stored in [
            json!({ "traceparent": 42 }),
            json!({ "traceparent": null }),
            json!({ "traceparent": ["00"], "tracestate": { "a": "b" } }),
            json!({ "traceparent": "" }),
            json!({ "traceparent": TRACEPARENT.to_uppercase(), "actor": "a" }),
            json!({ "traceparent": format!("{TRACEPARENT}-more"), "tracestate": "a=b" }),
            json!({ "tracestate": "a=b", "k": 1 }),
        ] {
            let metadata = read(&stored);
            assert_eq!(metadata.trace_context, None, "{stored}");
            assert_eq!(
                serde_json::to_value(&metadata).unwrap(),
                stored,
                "nothing of it is lost"
            );
        }
    }

    #[test]
    fn what_vendors_added_is_left_alone_where_it_is_not_theirs() {
        for state in [json!("?"), json!(7), json!(null)] {
            let stored = json!({ "traceparent": TRACEPARENT, "tracestate": state });
            let metadata = read(&stored);
            assert_eq!(metadata.trace_context, TRACEPARENT.parse().ok());
            assert_eq!(metadata.extra["tracestate"], state);
            assert_eq!(serde_json::to_value(&metadata).unwrap(), stored);
        }
    }

    #[test]
    fn a_trace_context_of_a_later_version_is_read_and_written_as_it_is() {
        let later = TRACEPARENT.replacen("00", "01", 1) + "-more";
        let stored = json!({ "traceparent": later });
        let metadata = read(&stored);
        assert!(metadata.extra.is_empty());
        assert_eq!(serde_json::to_value(&metadata).unwrap(), stored);
    }

    #[test]
    fn metadata_with_nothing_but_a_trace_context_is_something() {
        assert!(
            !EventMetadata::default()
                .with_trace_context(TRACEPARENT.parse().unwrap())
                .is_empty()
        );
    }
}
