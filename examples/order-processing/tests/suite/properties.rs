//! What holds for any commands at all.

use std::sync::Arc;

use composable_rust::{
    Aggregate, Decoded, IdGenerator, SerializedEvent, Version,
    testing::{FixedClock, SequentialIds},
};
use order_processing::{
    Overview,
    order::{Money, Order, OrderCommand, OrderEnvironment, OrderEvent, OrderId, RequestedItem},
};
use proptest::{collection::vec, prelude::*};

fn order_id() -> impl Strategy<Value = OrderId> {
    // Mostly the order's own.
    prop_oneof![9 => Just("o-1"), 1 => Just("o-2")].prop_map(|id| id.parse().unwrap())
}

/// Numbers as people write them, and the ones that break things.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 1..1_000_i64, 1 => any::<i64>(), 1 => prop::sample::select(vec![0, -1, i64::MAX, i64::MIN])]
}

fn item() -> impl Strategy<Value = RequestedItem> {
    (number(), number()).prop_map(|(quantity, cents)| RequestedItem {
        sku: "A".parse().unwrap(),
        quantity,
        unit_price: Money::from_cents(cents),
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), ".{0,9}"]
}

fn command() -> impl Strategy<Value = OrderCommand> {
    let place = (order_id(), vec(item(), 0..4)).prop_map(|(order_id, items)| OrderCommand::PlaceOrder {
        order_id,
        customer_id: "c".parse().unwrap(),
        items,
    });
    let ship = (order_id(), text()).prop_map(|(order_id, tracking)| OrderCommand::ShipOrder { order_id, tracking });
    let cancel = (order_id(), text()).prop_map(|(order_id, reason)| OrderCommand::CancelOrder { order_id, reason });
    prop_oneof![2 => place, 1 => ship, 1 => cancel]
}

/// Carries the commands out one after the other; the order, and all that has happened to it.
fn carried_out(commands: &[OrderCommand]) -> (Order, Vec<OrderEvent>) {
    let environment = OrderEnvironment::new(Arc::new(FixedClock::default()));
    let (mut order, mut history) = (Order::default(), Vec::new());
    for command in commands {
        let events = <Order as Aggregate>::decide(&order, command, &environment).unwrap_or_default();
        for event in &events {
            <Order as Aggregate>::apply(&mut order, event);
        }
        history.extend(events);
    }
    (order, history)
}

/// What is read back of what was written.
fn stored(event: &OrderEvent) -> OrderEvent {
    let serialized = SerializedEvent::encode(event, SequentialIds::new().event_id()).unwrap();
    let decoded = composable_rust::Event::decode(serialized.encoded()).unwrap();
    let Decoded::One(event) = decoded else {
        panic!("{decoded:?}");
    };
    event
}

proptest! {
    #[test]
    fn replaying_what_was_stored_gives_the_same_state(commands in vec(command(), 0..12)) {
        let (order, history) = carried_out(&commands);
        let mut replayed = Order::default();
        for event in &history {
            <Order as Aggregate>::apply(&mut replayed, &stored(event));
        }
        prop_assert_eq!(replayed, order);
    }

    #[test]
    fn a_rejected_command_changes_nothing(commands in vec(command(), 0..12)) {
        let environment = OrderEnvironment::new(Arc::new(FixedClock::default()));
        let mut accepted = Vec::new();
        for command in commands.clone() {
            let (order, _) = carried_out(&accepted);
            if <Order as Aggregate>::decide(&order, &command, &environment).is_ok() {
                accepted.push(command);
            }
        }
        prop_assert_eq!(carried_out(&accepted), carried_out(&commands));
    }

    #[test]
    fn a_total_is_exact_or_the_order_is_refused(items in vec(item(), 1..5)) {
        let exact: i128 = items
            .iter()
            .map(|item| i128::from(item.quantity).saturating_mul(i128::from(item.unit_price.cents())))
            .fold(0, i128::saturating_add);
        let valid = items.iter().all(|item| item.quantity >= 1 && item.unit_price > Money::ZERO);
        let place = OrderCommand::PlaceOrder {
            order_id: "o-1".parse().unwrap(),
            customer_id: "c".parse().unwrap(),
            items,
        };
        let (order, _) = carried_out(&[place]);
        let total = order.placement().map(|placement| placement.total.cents());
        let expected = i64::try_from(exact).ok().filter(|_| valid);
        prop_assert_eq!(total, expected);
    }

    #[test]
    fn an_overview_that_follows_the_events_is_that_of_the_state(commands in vec(command(), 0..12)) {
        let (order, history) = carried_out(&commands);
        let mut followed = Overview::default();
        for event in &history {
            followed.apply(event);
            followed.version = followed.version.next().unwrap();
        }
        let version = Version::try_from(history.len() as u64).unwrap();
        prop_assert_eq!(followed, Overview::of(&order, version));
    }

    #[test]
    fn at_most_two_things_happen_to_an_order(commands in vec(command(), 0..30)) {
        let (_, history) = carried_out(&commands);
        prop_assert!(history.len() <= 2);
        let again = history.iter().skip(1).any(|event| matches!(event, OrderEvent::OrderPlaced { .. }));
        prop_assert!(!again);
    }
}
