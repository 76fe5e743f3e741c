//! Correlation, causation and actor flow by themselves.

use std::sync::Arc;

use composable_rust_core::{Aggregate, CommandId, Effect, EventMetadata, EventStore, RecordedEvent, Reducer, StreamId};
use composable_rust_runtime::{Aggregates, CommandContext, Envelope, EventSourcedAction, Store};
use composable_rust_testing::InMemoryEventStore;
use futures::FutureExt;
use uuid::Uuid;

use crate::{
    account::{Account, AccountCommand, Scripted, Step},
    event_sourced::open,
};

fn whose() -> Envelope {
    Envelope::default()
        .with_correlation_id(Uuid::from_u128(7))
        .with_actor("clerk-7")
}

async fn recorded(store: &dyn EventStore, id: &str) -> Vec<RecordedEvent> {
    store.load_events(Account::stream_id(id).unwrap(), None).await.unwrap()
}

fn metadata(events: &[RecordedEvent]) -> Vec<EventMetadata> {
    events
        .iter()
        .map(|event| event.metadata.clone().unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn what_is_appended_within_an_envelope_carries_it() {
    let store = Scripted::new([]);
    let accounts = open(&store, 3);
    let deposit = EventSourcedAction::execute(AccountCommand::Deposit(5));
    let sent = whose().scope(accounts.send(deposit)).await.unwrap();
    sent.settled().await.unwrap();
    let metadata = metadata(&recorded(&store.inner, "a").await);
    assert_eq!(metadata[0].correlation_id, Some(Uuid::from_u128(7)));
    assert_eq!(metadata[0].actor.as_deref(), Some("clerk-7"));
    assert_eq!(metadata[0].causation_id, None);
}

#[tokio::test]
async fn without_an_envelope_nothing_is_recorded() {
    let store = Scripted::new([]);
    let accounts = open(&store, 3);
    for amount in 1..=2 {
        let deposit = EventSourcedAction::execute(AccountCommand::Deposit(amount));
        accounts.send(deposit).await.unwrap().settled().await.unwrap();
    }
    let events = recorded(&store.inner, "a").await;
    assert!(events.iter().all(|event| event.metadata.is_none()), "{events:?}");
}

#[tokio::test]
async fn commands_that_share_an_append_keep_their_own_envelopes() {
    let store = Scripted::new([Step::Held]);
    let accounts = open(&store, 3);
    let mut sent = Vec::new();
    for (amount, actor) in [(1, Some("a")), (2, None), (3, Some("c"))] {
        let deposit = EventSourcedAction::execute(AccountCommand::Deposit(amount));
        sent.push(match actor {
            Some(actor) => Envelope::default()
                .with_actor(actor)
                .scope(accounts.send(deposit))
                .await
                .unwrap(),
            None => accounts.send(deposit).await.unwrap(),
        });
    }
    store.arrived.notified().await;
    store.proceed.notify_one();
    for sent in sent {
        sent.settled().await.unwrap();
    }
    assert!(store.appends().len() < 3, "some share one");
    let metadata = metadata(&recorded(&store.inner, "a").await);
    let actors: Vec<_> = metadata.iter().map(|metadata| metadata.actor.as_deref()).collect();
    assert_eq!(actors, [Some("a"), None, Some("c")]);
    assert!(metadata.iter().all(|metadata| metadata.causation_id.is_none()));
}

/// Moves money: what is withdrawn from one account is deposited to the other, as soon as it is stored.
struct Transfer;

enum TransferAction {
    Withdraw,
    Withdrawn,
    Deposited,
}

impl Reducer for Transfer {
    type State = ();
    type Action = TransferAction;
    type Environment = Aggregates<Account>;

    fn reduce(&self, (): &mut (), action: &TransferAction, accounts: &Aggregates<Account>) -> Effect<TransferAction> {
        let accounts = accounts.clone();
        match action {
            TransferAction::Withdraw => Effect::task(async move {
                accounts.execute("a", AccountCommand::Withdraw(5)).await.unwrap();
                TransferAction::Withdrawn
            }),
            TransferAction::Withdrawn => Effect::task(async move {
                accounts.execute("b", AccountCommand::Deposit(5)).await.unwrap();
                TransferAction::Deposited
            }),
            TransferAction::Deposited => Effect::none(),
        }
    }
}

async fn transferred(envelope: Envelope) -> (Vec<RecordedEvent>, Vec<RecordedEvent>) {
    let store = InMemoryEventStore::new();
    let accounts = Aggregates::<Account>::new(Arc::new(store.clone()), ());
    accounts.execute("a", AccountCommand::Deposit(5)).await.unwrap();
    let transfers = Store::builder(Transfer, accounts).build(()).unwrap();
    let sent = envelope.scope(transfers.send(TransferAction::Withdraw)).await.unwrap();
    sent.settled().await.unwrap();
    (recorded(&store, "a").await, recorded(&store, "b").await)
}

#[tokio::test]
async fn a_follow_up_command_inherits_the_correlation_and_names_the_event_that_led_to_it() {
    let (from, to) = transferred(whose()).await;
    let withdrawn = from[1].metadata.clone().unwrap();
    assert_eq!(withdrawn.correlation_id, Some(Uuid::from_u128(7)));
    let deposited = to[0].metadata.clone().unwrap();
    assert_eq!(deposited.correlation_id, Some(Uuid::from_u128(7)));
    assert_eq!(deposited.causation_id, Some(from[1].id));
    assert_eq!(deposited.actor.as_deref(), Some("clerk-7"));
}

#[tokio::test]
async fn where_no_correlation_was_given_the_first_event_begins_one() {
    let (from, to) = transferred(Envelope::default()).await;
    let deposited = to[0].metadata.clone().unwrap();
    assert_eq!(deposited.causation_id, Some(from[1].id));
    assert_eq!(deposited.correlation_id, Some(*from[1].id.as_uuid()));
}

/// Reduces the answer of an append by appending to another stream.
struct Chain;

impl Reducer for Chain {
    type State = u32;
    type Action = &'static str;
    type Environment = InMemoryEventStore;

    fn reduce(&self, links: &mut u32, to: &&'static str, store: &InMemoryEventStore) -> Effect<&'static str> {
        let next = match *to {
            "a" => "b",
            "b" => "c",
            _ => return Effect::none(),
        };
        *links += 1;
        let events = crate::account::serialized(&[crate::account::AccountEvent::Deposited(1)]);
        let stream: StreamId = Account::stream_id(to).unwrap();
        let append = composable_rust_core::StreamAppend::new(stream, composable_rust_core::Version::INITIAL, events);
        Effect::append(Arc::new(store.clone()), append, move |stored| {
            stored.unwrap();
            next
        })
    }
}

#[tokio::test]
async fn what_follows_from_an_append_effect_names_its_last_event() {
    let store = InMemoryEventStore::new();
    let chain = Store::builder(Chain, store.clone()).build(0).unwrap();
    let sent = whose().scope(chain.send("a")).await.unwrap();
    sent.settled().await.unwrap();
    let (first, second) = (recorded(&store, "a").await, recorded(&store, "b").await);
    let metadata = second[0].metadata.clone().unwrap();
    assert_eq!(metadata.causation_id, Some(first[0].id));
    assert_eq!(metadata.correlation_id, Some(Uuid::from_u128(7)));
}

#[tokio::test]
async fn what_the_caller_says_itself_is_left_as_it_is() {
    let store = InMemoryEventStore::new();
    let accounts = Aggregates::<Account>::new(Arc::new(store.clone()), ());
    let context = CommandContext::default().with_correlation_id(Uuid::from_u128(9));
    let execute = accounts.execute_with("a", AccountCommand::Deposit(1), context);
    whose().scope(execute).await.unwrap();
    let metadata = metadata(&recorded(&store, "a").await);
    assert_eq!(metadata[0].correlation_id, Some(Uuid::from_u128(9)));
    assert_eq!(metadata[0].actor.as_deref(), Some("clerk-7"));
}

#[tokio::test]
async fn what_follows_from_a_command_that_is_sent_again_belongs_to_what_was_stored_first() {
    let accounts = Aggregates::<Account>::new(Arc::new(InMemoryEventStore::new()), ());
    let sent = |envelope: Envelope| {
        let context = CommandContext::default().with_command_id(CommandId::from_uuid(Uuid::from_u128(1)));
        envelope.scope(async {
            accounts
                .execute_with("a", AccountCommand::Deposit(1), context)
                .await
                .unwrap();
            Envelope::current()
        })
    };
    let first = sent(whose()).await;
    let again = sent(
        Envelope::default()
            .with_correlation_id(Uuid::from_u128(9))
            .with_actor("retry"),
    )
    .await;
    assert_eq!(first.as_ref().unwrap().correlation_id, Some(Uuid::from_u128(7)));
    assert_eq!(again, first);
}

#[tokio::test]
async fn an_envelope_ends_with_its_scope() {
    let store = InMemoryEventStore::new();
    let accounts = Aggregates::<Account>::new(Arc::new(store.clone()), ());
    let inside = whose().scope(async {
        accounts.execute("a", AccountCommand::Deposit(1)).await.unwrap();
        Envelope::current()
    });
    let inside = inside.await.unwrap();
    assert_eq!(inside.causation_id, Some(recorded(&store, "a").await[0].id));
    assert_eq!(Envelope::current(), None);
    accounts.execute("a", AccountCommand::Deposit(1)).await.unwrap();
    assert_eq!(Envelope::current(), None);
}

#[tokio::test]
async fn futures_that_take_turns_on_a_thread_do_not_mix_their_envelopes() {
    let named = |actor: &'static str| {
        Envelope::default().with_actor(actor).scope(async {
            let mut seen = Vec::new();
            for _ in 0..10 {
                seen.push(Envelope::current().unwrap().actor.unwrap());
                tokio::task::yield_now().await;
            }
            seen
        })
    };
    let (a, b) = futures::join!(named("a"), named("b").boxed());
    assert_eq!((a, b), (vec!["a".to_owned(); 10], vec!["b".to_owned(); 10]));
}
