//! What an effect is, for tests and traces.

use std::{fmt, time::Duration};

use super::{CancelId, Edge, Effect, EventStoreOperation, InFlight, Segment};
use crate::{ExpectedVersion, StreamAppend, StreamId, Version};

/// What an effect is, without its futures and continuations: comparable and printable.
///
/// ```
/// use composable_rust_core::{Description, Effect};
/// let effect = Effect::emit(1).then(Effect::cancel("search"));
/// assert_eq!(
///     effect.describe(),
///     Description::Sequential(vec![Description::Emit, Description::Cancel("search".into())]),
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "variants and fields are those of Effect and EventStoreOperation"
)]
pub enum Description {
    None,
    Emit,
    Future,
    Stream,
    Delay {
        duration: Duration,
        effect: Box<Self>,
    },
    Parallel(Vec<Self>),
    Sequential(Vec<Self>),
    Race(Vec<Self>),
    Cancellable {
        id: CancelId,
        in_flight: InFlight,
        effect: Box<Self>,
    },
    Cancel(CancelId),
    Throttle {
        id: CancelId,
        interval: Duration,
        edge: Edge,
        effect: Box<Self>,
    },
    Retry {
        attempts: u32,
    },
    Scoped {
        segment: Segment,
        effect: Box<Self>,
    },
    Labelled {
        label: &'static str,
        effect: Box<Self>,
    },
    AppendEvents(AppendDescription),
    AppendBatch(Vec<AppendDescription>),
    LoadEvents {
        stream_id: StreamId,
        from: Option<Version>,
    },
    SaveSnapshot {
        stream_id: StreamId,
        version: Version,
    },
    LoadSnapshot {
        stream_id: StreamId,
    },
}

/// What is appended, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendDescription {
    /// The stream.
    pub stream_id: StreamId,
    /// What the writer believes about it.
    pub expected: ExpectedVersion,
    /// The stored names of the events.
    pub event_types: Vec<String>,
}

impl<A> Effect<A> {
    /// What this effect is.
    #[must_use]
    pub fn describe(&self) -> Description {
        match self {
            Self::None => Description::None,
            Self::Emit(_) => Description::Emit,
            Self::Future(_) => Description::Future,
            Self::Stream(_) => Description::Stream,
            Self::Parallel(effects) => Description::Parallel(describe_each(effects)),
            Self::Sequential(effects) => Description::Sequential(describe_each(effects)),
            Self::Race(effects) => Description::Race(describe_each(effects)),
            Self::Cancel(id) => Description::Cancel((**id).clone()),
            Self::Retry(retry) => Description::Retry {
                attempts: retry.backoff.attempts(),
            },
            Self::EventStore(operation) => operation.describe(),
            Self::Delay(delay) => Description::Delay {
                duration: delay.duration,
                effect: Box::new(delay.effect.describe()),
            },
            Self::Cancellable(c) => Description::Cancellable {
                id: c.id.clone(),
                in_flight: c.in_flight,
                effect: Box::new(c.effect.describe()),
            },
            Self::Throttle(throttle) => Description::Throttle {
                id: throttle.id.clone(),
                interval: throttle.interval,
                edge: throttle.edge,
                effect: Box::new(throttle.effect.describe()),
            },
            Self::Scoped(scoped) => Description::Scoped {
                segment: scoped.segment.clone(),
                effect: Box::new(scoped.effect.describe()),
            },
            Self::Labelled(labelled) => Description::Labelled {
                label: labelled.label,
                effect: Box::new(labelled.effect.describe()),
            },
        }
    }
}

fn describe_each<A>(effects: &[Effect<A>]) -> Vec<Description> {
    effects.iter().map(Effect::describe).collect()
}

impl<A> EventStoreOperation<A> {
    fn describe(&self) -> Description {
        match self {
            Self::AppendEvents { append, .. } => Description::AppendEvents(append.into()),
            Self::AppendBatch { appends, .. } => Description::AppendBatch(appends.iter().map(Into::into).collect()),
            Self::LoadEvents { stream_id, from, .. } => Description::LoadEvents {
                stream_id: stream_id.clone(),
                from: *from,
            },
            Self::SaveSnapshot {
                stream_id, snapshot, ..
            } => Description::SaveSnapshot {
                stream_id: stream_id.clone(),
                version: snapshot.version,
            },
            Self::LoadSnapshot { stream_id, .. } => Description::LoadSnapshot {
                stream_id: stream_id.clone(),
            },
        }
    }
}

impl From<&StreamAppend> for AppendDescription {
    fn from(append: &StreamAppend) -> Self {
        Self {
            stream_id: append.stream_id.clone(),
            expected: append.expected,
            event_types: append.events.iter().map(|event| event.event_type.to_string()).collect(),
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Emit => f.write_str("emit"),
            Self::Future => f.write_str("future"),
            Self::Stream => f.write_str("stream"),
            Self::Delay { duration, effect } => write!(f, "delay {duration:?}: {effect}"),
            Self::Parallel(effects) => write_list(f, "parallel", effects),
            Self::Sequential(effects) => write_list(f, "sequential", effects),
            Self::Race(effects) => write_list(f, "race", effects),
            Self::Cancellable { id, in_flight, effect } => {
                let word = match in_flight {
                    InFlight::Keep => "keep",
                    InFlight::Replace => "replace",
                    InFlight::Ignore => "ignore",
                };
                write!(f, "cancellable {id} ({word}): {effect}")
            }
            Self::Cancel(id) => write!(f, "cancel {id}"),
            Self::Throttle {
                id, interval, effect, ..
            } => write!(f, "throttle {id} to {interval:?}: {effect}"),
            Self::Retry { attempts } => write!(f, "retry ({attempts} attempts)"),
            Self::Scoped { segment, effect } => write!(f, "{segment}: {effect}"),
            Self::Labelled { label, effect } => write!(f, "{label:?}: {effect}"),
            Self::AppendEvents(append) => write!(f, "append {append}"),
            Self::AppendBatch(appends) => write_list(f, "append batch", appends),
            Self::LoadEvents {
                stream_id,
                from: Some(from),
            } => write!(f, "load {stream_id} from {from}"),
            Self::LoadEvents { stream_id, from: None } => write!(f, "load {stream_id}"),
            Self::SaveSnapshot { stream_id, version } => write!(f, "save snapshot of {stream_id} at {version}"),
            Self::LoadSnapshot { stream_id } => write!(f, "load snapshot of {stream_id}"),
        }
    }
}

impl fmt::Display for AppendDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[{}] to {} expecting {}",
            self.event_types.join(", "),
            self.stream_id,
            self.expected
        )
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, what: &str, items: &[impl fmt::Display]) -> fmt::Result {
    write!(f, "{what} [")?;
    for (index, item) in items.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{item}")?;
    }
    f.write_str("]")
}
