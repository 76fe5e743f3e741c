//! The order as a reducer: each step of the loop, in memory and on a file.

use std::{num::NonZeroU64, sync::Arc};

use composable_rust::{
    EventStore, Version,
    prelude::*,
    testing::{EventSourcedTest, FixedClock, HostedState, TestClock, TestStore},
};
use order_processing::order::{
    Currency, LineItem, Money, Order, OrderCommand, OrderEnvironment, Placement, RequestedItem,
};

type OrderStore = TestStore<EventSourced<Order>, HostedState<Order>>;

fn place() -> EventSourcedAction<Order> {
    EventSourcedAction::execute(OrderCommand::PlaceOrder {
        order_id: "o-1".parse().unwrap(),
        customer_id: "c-9".parse().unwrap(),
        items: vec![RequestedItem {
            sku: "A-1".parse().unwrap(),
            quantity: 2,
            unit_price: Money::from_cents(2500),
        }],
        currency: Currency::Usd,
    })
}

fn order(store: Arc<dyn EventStore>) -> OrderStore {
    let clock = TestClock::new();
    let environment = OrderEnvironment::new(Arc::new(clock.clone()));
    EventSourcedTest::new(Order::stream_id("o-1").unwrap(), environment)
        .store(store)
        .clock(clock)
        .build()
}

fn receive_loaded(store: &mut OrderStore) {
    store.receive_matching(|action| matches!(action, EventSourcedAction::Loaded(Ok(_))), |_| {});
}

fn receive_placed(store: &mut OrderStore) {
    let stored = |action: &EventSourcedAction<Order>| matches!(action, EventSourcedAction::Appended(Ok(_)));
    let (state, version) = (placed(), Version::from(1));
    store.receive_matching(stored, |order| (order.state, order.version) = (state, version));
}

fn placed() -> Order {
    let total = Money::from_cents(5000);
    let item = LineItem {
        sku: "A-1".parse().unwrap(),
        quantity: NonZeroU64::MIN.saturating_add(1),
        unit_price: Money::from_cents(2500),
    };
    Order::Placed(Placement {
        order_id: "o-1".parse().unwrap(),
        customer_id: "c-9".parse().unwrap(),
        items: vec![item],
        total,
        currency: Currency::Usd,
        placed_at: FixedClock::START,
    })
}

#[test]
fn an_order_is_placed_when_its_event_is_stored_and_not_before() {
    let mut store = order(Arc::new(InMemoryEventStore::new()));
    store.send(place(), |_| {});
    receive_loaded(&mut store);
    receive_placed(&mut store);
    store.send(place(), |order| {
        order.rejection = Some("order o-1 has already been placed".to_owned());
    });
    store.finish();
}

#[tokio::test]
async fn it_is_the_same_on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("orders.db")).await.unwrap();
    let mut store = order(Arc::new(events));
    store.send(place(), |_| {});
    store.settle().await;
    receive_loaded(&mut store);
    receive_placed(&mut store);
    store.finish();
}
