//! The program that the guide queries afterwards.

use std::{convert::Infallible, sync::Arc};

use composable_rust::{CommandContext, EventMetadata, TraceContext, prelude::*};
use uuid::Uuid;

#[derive(Event)]
#[event("Counted.v1")]
struct Counted {
    by: u64,
}

struct Counter;

impl Aggregate for Counter {
    const CATEGORY: &'static str = "counter";
    type State = u64;
    type Command = u64;
    type Event = Counted;
    type Rejection = Infallible;
    type Environment = ();

    fn decide(_: &u64, by: &u64, (): &()) -> Result<Vec<Counted>, Infallible> {
        Ok(vec![Counted { by: *by }])
    }

    fn apply(count: &mut u64, event: &Counted) {
        *count += event.by;
    }
}

pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn span(span: &str) -> TraceContext {
    format!("00-{TRACE}-{span}-01").parse().unwrap()
}

/// Counts in two streams for one request, in two spans of its trace, and in between for another one; the id of the request's
/// first event.
pub(crate) async fn request(store: Arc<dyn EventStore>, correlation_id: Uuid) -> EventId {
    let counters = Aggregates::<Counter>::new(store, ());
    let request = EventMetadata::default()
        .with_actor("clerk-7")
        .with_correlation_id(correlation_id)
        .with("client", "web");
    let within = |metadata: EventMetadata| CommandContext::default().with_metadata(metadata);
    let first = counters
        .execute_with(
            "1",
            5,
            within(request.clone()).with_trace_context(span("00f067aa0ba902b7")),
        )
        .await
        .unwrap()
        .event_id
        .unwrap();
    let other = EventMetadata::default().with_correlation_id(SystemIds.uuid());
    let other = other.with_trace_context(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            .parse()
            .unwrap(),
    );
    counters.execute_with("3", 1, within(other)).await.unwrap();
    counters.execute("1", 1).await.unwrap();
    let follow_up = within(request.with_causation_id(first));
    counters
        .execute_with("2", 1, follow_up.with_trace_context(span("53995c3f42cd8ad8")))
        .await
        .unwrap();
    first
}
