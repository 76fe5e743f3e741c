//! An aggregate, and where its events say that they happened.

use std::{convert::Infallible, sync::Arc};

use composable_rust_core::{
    Aggregate, Codec, Decoded, EncodedEvent, Event, EventError, EventStore, IdGenerator, SerializedEvent, TraceContext,
};
use composable_rust_runtime::{Aggregates, SystemIds};
use composable_rust_testing::InMemoryEventStore;

pub(crate) struct Counted;

impl Event for Counted {
    fn event_type(&self) -> &'static str {
        "Counted.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Codec::BINCODE.encode(&())
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        Codec::new(stored.encoding).decode(stored.data).map(|()| Self.into())
    }
}

pub(crate) struct Counter;

impl Aggregate for Counter {
    const CATEGORY: &'static str = "counter";
    type State = u64;
    type Command = ();
    type Event = Counted;
    type Rejection = Infallible;
    type Environment = ();

    fn decide(_: &u64, (): &(), (): &()) -> Result<Vec<Counted>, Infallible> {
        Ok(vec![Counted])
    }

    fn apply(count: &mut u64, _: &Counted) {
        *count += 1;
    }
}

pub(crate) fn counters(events: &InMemoryEventStore) -> Aggregates<Counter> {
    Aggregates::new(Arc::new(events.clone()), ())
}

pub(crate) fn counted() -> Vec<SerializedEvent> {
    vec![SerializedEvent::encode(&Counted, SystemIds.event_id()).unwrap()]
}

/// What the events of a counter say of their traces.
pub(crate) async fn traces(events: &InMemoryEventStore, id: &str) -> Vec<Option<TraceContext>> {
    let recorded = events.load_events(Counter::stream_id(id).unwrap(), None).await.unwrap();
    let trace = |event: &composable_rust_core::RecordedEvent| event.metadata.as_ref()?.trace_context.clone();
    recorded.iter().map(trace).collect()
}
