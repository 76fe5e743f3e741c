//! The program that the guide queries afterwards.

use std::{convert::Infallible, sync::Arc};

use composable_rust::{CommandContext, EventMetadata, prelude::*};
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

/// Counts in two streams for one request, and in between for another one; the id of the request's first event.
pub(crate) async fn request(store: Arc<dyn EventStore>, correlation_id: Uuid) -> EventId {
    let counters = Aggregates::<Counter>::new(store, ());
    let request = EventMetadata::default()
        .with_actor("clerk-7")
        .with_correlation_id(correlation_id)
        .with("client", "web");
    let within = |metadata: EventMetadata| CommandContext::default().with_metadata(metadata);
    let first = counters
        .execute_with("1", 5, within(request.clone()))
        .await
        .unwrap()
        .event_id
        .unwrap();
    let other = EventMetadata::default().with_correlation_id(SystemIds.uuid());
    counters.execute_with("3", 1, within(other)).await.unwrap();
    counters.execute("1", 1).await.unwrap();
    counters
        .execute_with("2", 1, within(request.with_causation_id(first)))
        .await
        .unwrap();
    first
}
