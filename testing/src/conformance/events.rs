//! Events and streams for the checks: every one new.

use std::{
    iter,
    sync::atomic::{AtomicU64, Ordering},
};

use composable_rust_core::{CommandId, CommandMark, Encoding, IdGenerator, SerializedEvent, StreamId, TraceContext};
use serde_json::Value;

use crate::SequentialIds;

static IDS: SequentialIds = SequentialIds::new();
static STREAMS: AtomicU64 = AtomicU64::new(1);

/// A stream that no other check uses.
pub(super) fn new_stream(category: &str) -> StreamId {
    named_stream(&format!("{category}-{}", STREAMS.fetch_add(1, Ordering::Relaxed)))
}

pub(super) fn named_stream(name: &str) -> StreamId {
    StreamId::try_from(name).unwrap_or_else(|error| panic!("the suite's stream {name:?} is no valid name: {error}"))
}

pub(super) fn new_event() -> SerializedEvent {
    let id = IDS.event_id();
    let data = id.as_uuid().as_bytes().to_vec();
    SerializedEvent::new(id, "Happened.v1", Encoding::BINCODE, data)
}

pub(super) fn new_events(count: usize) -> Vec<SerializedEvent> {
    (0..count).map(|_| new_event()).collect()
}

pub(super) fn new_command() -> CommandId {
    IDS.command_id()
}

/// New events of one command, the first with its mark.
pub(super) fn events_of(command: CommandId, count: u32) -> Vec<SerializedEvent> {
    let mark = CommandMark::new(command, count);
    let first = new_event().with_command(mark);
    iter::once(first).chain((1..count).map(|_| new_event())).collect()
}

pub(super) fn trace_context(traceparent: &str, tracestate: &str) -> TraceContext {
    let trace = traceparent.parse::<TraceContext>();
    trace
        .and_then(|trace| trace.with_tracestate(tracestate))
        .unwrap_or_else(|error| panic!("the suite's trace context is none: {error}"))
}

/// A JSON value so many arrays and objects deep.
pub(super) fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, level| match level % 2 {
        0 => Value::Array(vec![inner]),
        _ => iter::once(("k".to_owned(), inner)).collect(),
    })
}
