//! What holds for any commands at all.

use composable_rust::testing::Scenario;
use order_processing::{
    Overview,
    order::{Currency, Money, Order, OrderCommand, OrderEnvironment, OrderEvent, OrderId, RequestedItem},
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
        currency: Currency::Usd,
    });
    let ship = (order_id(), text()).prop_map(|(order_id, tracking)| OrderCommand::ShipOrder { order_id, tracking });
    let cancel = (order_id(), text()).prop_map(|(order_id, reason)| OrderCommand::CancelOrder { order_id, reason });
    prop_oneof![2 => place, 1 => ship, 1 => cancel]
}

/// The order after these commands, one after the other; those that are refused change nothing.
fn after(commands: &[OrderCommand]) -> Scenario<Order> {
    Scenario::with(|fixed| OrderEnvironment::new(fixed.clock()))
        .given([])
        .after(commands.to_vec())
}

proptest! {
    #[test]
    fn what_was_stored_makes_the_same_order_again(commands in vec(command(), 0..12)) {
        after(&commands).survives_a_restart();
    }

    #[test]
    fn a_rejected_command_changes_nothing(commands in vec(command(), 0..12)) {
        let mut accepted = Vec::new();
        for command in commands.clone() {
            if after(&accepted).when(command.clone()).decision().is_ok() {
                accepted.push(command);
            }
        }
        let (accepted, all) = (after(&accepted), after(&commands));
        prop_assert_eq!(accepted.history(), all.history());
        prop_assert_eq!(accepted.current(), all.current());
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
            currency: Currency::Usd,
        };
        let order = after(&[place]);
        let total = order.current().placement().map(|placement| placement.total.cents());
        let expected = i64::try_from(exact).ok().filter(|_| valid);
        prop_assert_eq!(total, expected);
    }

    #[test]
    fn an_overview_that_follows_the_events_is_that_of_the_state(commands in vec(command(), 0..12)) {
        let order = after(&commands);
        let mut followed = Overview::default();
        for event in &order.history() {
            followed.apply(event);
            followed.version = followed.version.next().unwrap();
        }
        prop_assert_eq!(followed, Overview::of(order.current(), order.version()));
    }

    #[test]
    fn at_most_two_things_happen_to_an_order(commands in vec(command(), 0..30)) {
        let history = after(&commands).history();
        prop_assert!(history.len() <= 2);
        let again = history.iter().skip(1).any(|event| matches!(event, OrderEvent::OrderPlaced { .. }));
        prop_assert!(!again);
    }
}
