//! The trace context goes with the envelope, and is recorded with events.

use std::sync::Arc;

use composable_rust_core::{
    Aggregate, Effect, EventId, EventMetadata, EventStore, ExpectedVersion, RecordedEvent, Reducer, StreamAppend,
    TraceContext,
};
use composable_rust_runtime::{Aggregates, CommandContext, Envelope, EventSourcedAction, Store};
use composable_rust_testing::InMemoryEventStore;
use uuid::Uuid;

use crate::{
    account::{Account, AccountCommand, AccountEvent, Scripted, Step, serialized},
    event_sourced::open,
};

fn trace(parent: u8) -> TraceContext {
    let traceparent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000{parent:02x}-01");
    traceparent
        .parse::<TraceContext>()
        .unwrap()
        .with_tracestate("a=b")
        .unwrap()
}

async fn recorded(store: &dyn EventStore, id: &str) -> Vec<RecordedEvent> {
    store.load_events(Account::stream_id(id).unwrap(), None).await.unwrap()
}

fn traces(events: &[RecordedEvent]) -> Vec<Option<TraceContext>> {
    let of = |event: &RecordedEvent| event.metadata.as_ref()?.trace_context.clone();
    events.iter().map(of).collect()
}

#[tokio::test]
async fn a_command_records_what_its_caller_says_rather_than_what_surrounds_it() {
    let store = InMemoryEventStore::new();
    let accounts = Aggregates::<Account>::new(Arc::new(store.clone()), ());
    let deposit = |context| accounts.execute_with("a", AccountCommand::Deposit(1), context);
    let within = Envelope::default().with_trace_context(trace(1));
    deposit(CommandContext::default()).await.unwrap();
    let said = CommandContext::default().with_trace_context(trace(2));
    deposit(said.clone()).await.unwrap();
    within.clone().scope(deposit(CommandContext::default())).await.unwrap();
    within.scope(deposit(said)).await.unwrap();
    let expected = [None, Some(trace(2)), Some(trace(1)), Some(trace(2))];
    assert_eq!(traces(&recorded(&store, "a").await), expected);
}

#[tokio::test]
async fn commands_of_an_event_sourced_reducer_that_share_an_append_keep_their_own_traces() {
    let store = Scripted::new([Step::Held]);
    let accounts = open(&store, 3);
    let mut sent = Vec::new();
    for parent in [Some(1), None, Some(3)] {
        let deposit = accounts.send(EventSourcedAction::execute(AccountCommand::Deposit(1)));
        sent.push(match parent {
            Some(parent) => {
                let envelope = Envelope::default().with_trace_context(trace(parent));
                envelope.scope(deposit).await.unwrap()
            }
            None => deposit.await.unwrap(),
        });
    }
    store.arrived.notified().await;
    store.proceed.notify_one();
    for sent in sent {
        sent.settled().await.unwrap();
    }
    let expected = [Some(trace(1)), None, Some(trace(3))];
    assert_eq!(traces(&recorded(&store.inner, "a").await), expected);
}

/// An append effect, then a command in an effect, then a second one in the same.
struct Chain;

#[derive(Clone)]
enum ChainAction {
    Begin,
    Appended,
    Done,
}

impl Reducer for Chain {
    type State = Option<TraceContext>;
    type Action = ChainAction;
    type Environment = (InMemoryEventStore, Aggregates<Account>);

    fn reduce(
        &self,
        seen: &mut Option<TraceContext>,
        action: &ChainAction,
        (store, accounts): &Self::Environment,
    ) -> Effect<ChainAction> {
        match action {
            ChainAction::Begin => {
                let stream = Account::stream_id("a").unwrap();
                let events = serialized(&[AccountEvent::Deposited(1)]);
                let append = StreamAppend::new(stream, ExpectedVersion::NoStream, events);
                Effect::append(Arc::new(store.clone()), append, |_| ChainAction::Appended)
            }
            ChainAction::Appended => {
                let accounts = accounts.clone();
                Effect::task(async move {
                    accounts.execute("b", AccountCommand::Deposit(1)).await.unwrap();
                    let other = CommandContext::default().with_trace_context(trace(2));
                    accounts
                        .execute_with("b", AccountCommand::Deposit(1), other)
                        .await
                        .unwrap();
                    accounts.execute("b", AccountCommand::Deposit(1)).await.unwrap();
                    ChainAction::Done
                })
            }
            ChainAction::Done => {
                *seen = Envelope::current().and_then(|envelope| envelope.trace_context);
                Effect::none()
            }
        }
    }
}

async fn chained(envelope: Envelope) -> (InMemoryEventStore, Option<TraceContext>) {
    let events = InMemoryEventStore::new();
    let accounts = Aggregates::<Account>::new(Arc::new(events.clone()), ());
    let store = Store::builder(Chain, (events.clone(), accounts)).build(None).unwrap();
    let sent = envelope.scope(store.send(ChainAction::Begin)).await.unwrap();
    sent.settled().await.unwrap();
    (events, store.state(Clone::clone))
}

#[tokio::test]
async fn the_trace_goes_on_through_a_store_its_effects_and_the_commands_that_these_give() {
    let (events, seen) = chained(Envelope::default().with_trace_context(trace(1))).await;
    assert_eq!(traces(&recorded(&events, "a").await), [Some(trace(1))]);
    let stored: Vec<EventId> = events.all_events().iter().map(|event| event.id).collect();
    let follow_ups = recorded(&events, "b").await;
    let caused: Vec<_> = follow_ups
        .iter()
        .filter_map(|event| event.metadata.as_ref()?.causation_id)
        .collect();
    assert_eq!(caused, &stored[..3], "each names the one before");
    assert_eq!(traces(&follow_ups)[..2], [Some(trace(1)), Some(trace(2))]);
    assert_eq!(
        traces(&follow_ups)[2],
        Some(trace(2)),
        "as the one that it follows from"
    );
    assert_eq!(seen, Some(trace(2)));
}

#[tokio::test]
async fn where_nobody_has_a_trace_none_is_recorded() {
    let (events, _) = chained(Envelope::default().with_actor("clerk-7")).await;
    assert_eq!(traces(&recorded(&events, "a").await), [None]);
    assert_eq!(traces(&recorded(&events, "b").await)[0], None);
}

#[tokio::test]
async fn a_command_that_shares_an_append_is_not_said_to_follow_from_another_s() {
    let store = Scripted::new([Step::Held]);
    let accounts = open(&store, 3);
    let mut sent = Vec::new();
    let correlated = Envelope::default().with_correlation_id(Uuid::from_u128(7));
    let envelopes = [
        correlated.with_trace_context(trace(1)),
        Envelope::default().with_actor("b"),
        Envelope::default().with_trace_context(trace(3)),
    ];
    for envelope in envelopes.clone() {
        let deposit = accounts.send(EventSourcedAction::execute(AccountCommand::Deposit(1)));
        sent.push(envelope.scope(deposit).await.unwrap());
    }
    store.arrived.notified().await;
    store.proceed.notify_one();
    for sent in sent {
        sent.settled().await.unwrap();
    }
    let said = envelopes.map(|envelope| {
        let mut metadata = EventMetadata::default();
        metadata.correlation_id = envelope.correlation_id;
        metadata.actor = envelope.actor;
        metadata.trace_context = envelope.trace_context;
        metadata
    });
    let recorded = recorded(&store.inner, "a").await;
    let recorded: Vec<_> = recorded.into_iter().filter_map(|event| event.metadata).collect();
    assert_eq!(recorded, said);
}
