//! What an effect is, for tests and traces.

use std::{collections::VecDeque, fmt, time::Duration};

use super::{
    CancelId, Edge, Effect, EventStoreOperation, InFlight, Segment,
    node::{Grouping, Leaf, Node, Wrapped, Wrapper},
};
use crate::{ExpectedVersion, StreamAppend, StreamId, Version};

/// What an effect is, without its futures and continuations: comparable and printable.
///
/// ```
/// use composable_rust_core::{EffectDescription, Effect};
/// let effect = Effect::emit(1).then(Effect::cancel("search"));
/// assert_eq!(
///     effect.describe(),
///     EffectDescription::Sequential(vec![EffectDescription::Emit, EffectDescription::Cancel("search".into())]),
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "variants are named after the functions that build them, fields after their parameters"
)]
pub enum EffectDescription {
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
    AbsentChild(Vec<Segment>),
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
    Omitted,
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

/// How many parts of an effect are described.
const MAX_DESCRIBED: usize = 128;

impl<A> Effect<A> {
    /// What this effect is: its first 128 parts, counted in the order in which they are printed;
    /// [`EffectDescription::Omitted`] stands for the others.
    #[must_use]
    pub fn describe(&self) -> EffectDescription {
        describe(self, &mut MAX_DESCRIBED.clone())
    }
}

/// Recursive, since the number of parts is limited, and the depth by that.
fn describe<A>(effect: &Effect<A>, left: &mut usize) -> EffectDescription {
    let Some(rest) = left.checked_sub(1) else {
        return EffectDescription::Omitted;
    };
    *left = rest;
    match effect.node() {
        Node::None => EffectDescription::None,
        Node::Leaf(Leaf::Emit(_)) => EffectDescription::Emit,
        Node::Leaf(Leaf::Future(_)) => EffectDescription::Future,
        Node::Leaf(Leaf::Stream(_)) => EffectDescription::Stream,
        Node::Leaf(Leaf::Retry(retry)) => EffectDescription::Retry {
            attempts: retry.backoff.attempts(),
        },
        Node::Leaf(Leaf::EventStore(operation)) => operation.describe(),
        Node::Cancel(id) => EffectDescription::Cancel((**id).clone()),
        Node::AbsentChild(path) => EffectDescription::AbsentChild((**path).clone()),
        Node::Group(group) => {
            let effects = describe_each(&group.effects, left);
            match group.grouping {
                Grouping::Parallel => EffectDescription::Parallel(effects),
                Grouping::Sequential => EffectDescription::Sequential(effects),
                Grouping::Race => EffectDescription::Race(effects),
            }
        }
        Node::Wrapped(wrapped) => describe_wrapped(wrapped, left),
    }
}

fn describe_each<A>(effects: &VecDeque<Effect<A>>, left: &mut usize) -> Vec<EffectDescription> {
    let mut described = Vec::new();
    for effect in effects {
        described.push(describe(effect, left));
        if described.last() == Some(&EffectDescription::Omitted) {
            break;
        }
    }
    described
}

fn describe_wrapped<A>(wrapped: &Wrapped<A>, left: &mut usize) -> EffectDescription {
    let effect = Box::new(describe(&wrapped.effect, left));
    match &wrapped.wrapper {
        Wrapper::Delay(duration) => EffectDescription::Delay {
            duration: *duration,
            effect,
        },
        Wrapper::Cancellable(id, in_flight) => EffectDescription::Cancellable {
            id: id.clone(),
            in_flight: *in_flight,
            effect,
        },
        Wrapper::Throttle(id, interval, edge) => EffectDescription::Throttle {
            id: id.clone(),
            interval: *interval,
            edge: *edge,
            effect,
        },
        Wrapper::Scoped(step) => EffectDescription::Scoped {
            segment: step.segment().clone(),
            effect,
        },
        Wrapper::Labelled(label) => EffectDescription::Labelled { label, effect },
    }
}

impl<A> EventStoreOperation<A> {
    fn describe(&self) -> EffectDescription {
        match self {
            Self::AppendEvents { append, .. } => EffectDescription::AppendEvents(append.into()),
            Self::AppendBatch { appends, .. } => {
                EffectDescription::AppendBatch(appends.iter().map(Into::into).collect())
            }
            Self::LoadEvents { stream_id, from, .. } => EffectDescription::LoadEvents {
                stream_id: stream_id.clone(),
                from: *from,
            },
            Self::SaveSnapshot {
                stream_id, snapshot, ..
            } => EffectDescription::SaveSnapshot {
                stream_id: stream_id.clone(),
                version: snapshot.version,
            },
            Self::LoadSnapshot { stream_id, .. } => EffectDescription::LoadSnapshot {
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

impl fmt::Display for EffectDescription {
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
            Self::AbsentChild(path) => write!(f, "absent child {}", ChildPath(path)),
            Self::Omitted => f.write_str("…"),
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

/// `orders[7]/lines[1]`.
struct ChildPath<'a>(&'a [Segment]);

impl fmt::Display for ChildPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "/" };
            write!(f, "{separator}{segment}")?;
        }
        Ok(())
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
