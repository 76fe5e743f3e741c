//! The rules, one by one: given events, when a command, then events or a rejection.

use composable_rust::{Aggregate, Clock, testing::FixedClock};
use order_processing::order::{
    Money, Order, OrderCommand, OrderEnvironment, OrderEvent, OrderId, OrderRejection, RequestedItem,
};
use std::sync::Arc;

fn id() -> OrderId {
    "o-1".parse().unwrap()
}

fn item(quantity: i64, cents: i64) -> RequestedItem {
    RequestedItem {
        sku: "A-1".parse().unwrap(),
        quantity,
        unit_price: Money::from_cents(cents),
    }
}

fn place(items: Vec<RequestedItem>) -> OrderCommand {
    OrderCommand::PlaceOrder {
        order_id: id(),
        customer_id: "c-9".parse().unwrap(),
        items,
    }
}

fn ship(tracking: &str) -> OrderCommand {
    OrderCommand::ShipOrder {
        order_id: id(),
        tracking: tracking.to_owned(),
    }
}

fn cancel(reason: &str) -> OrderCommand {
    OrderCommand::CancelOrder {
        order_id: id(),
        reason: reason.to_owned(),
    }
}

fn decide(order: &Order, command: &OrderCommand) -> Result<Vec<OrderEvent>, OrderRejection> {
    let environment = OrderEnvironment::new(Arc::new(FixedClock::default()));
    <Order as Aggregate>::decide(order, command, &environment)
}

/// The order after these commands, none of which is refused.
fn after(commands: &[OrderCommand]) -> Order {
    let mut order = Order::default();
    for command in commands {
        for event in decide(&order, command).unwrap() {
            <Order as Aggregate>::apply(&mut order, &event);
        }
    }
    order
}

fn refused(order: &Order, command: &OrderCommand) -> String {
    decide(order, command).unwrap_err().to_string()
}

fn placed() -> Order {
    after(&[place(vec![item(2, 2500)])])
}

#[test]
fn an_order_is_placed_with_its_total_at_the_time_of_the_clock() {
    let events = decide(&Order::Draft, &place(vec![item(2, 2500), item(1, 5000)])).unwrap();
    let [
        OrderEvent::OrderPlaced {
            total,
            placed_at,
            items,
            ..
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(*total, Money::from_cents(10_000));
    assert_eq!(*placed_at, FixedClock::START);
    assert_eq!(items.len(), 2);
}

#[test]
fn time_is_as_fine_as_it_is_stored() {
    let clock = FixedClock::at(FixedClock::START + chrono::TimeDelta::nanoseconds(1_999));
    let environment = OrderEnvironment::new(Arc::new(clock.clone()));
    let events = <Order as Aggregate>::decide(&Order::Draft, &place(vec![item(1, 1)]), &environment).unwrap();
    assert_ne!(events[0].occurred_at(), clock.now());
    assert_eq!(
        events[0].occurred_at(),
        FixedClock::START + chrono::TimeDelta::microseconds(1)
    );
}

#[test]
fn an_order_is_placed_once() {
    let again = place(vec![item(1, 1)]);
    for order in [
        placed(),
        after(&[again.clone(), ship("T")]),
        after(&[again.clone(), cancel("R")]),
    ] {
        assert_eq!(refused(&order, &again), "order o-1 has already been placed");
    }
}

#[test]
fn an_order_has_at_least_one_item() {
    assert_eq!(decide(&Order::Draft, &place(vec![])), Err(OrderRejection::NoItems));
}

#[test]
fn every_quantity_is_at_least_one() {
    for quantity in [0, -1, i64::MIN] {
        let command = place(vec![item(1, 1), item(quantity, 1)]);
        assert_eq!(
            refused(&Order::Draft, &command),
            "the quantity of item 2 (A-1) must be at least 1"
        );
    }
}

#[test]
fn every_price_is_positive() {
    for cents in [0, -1, i64::MIN] {
        let command = place(vec![item(1, cents)]);
        assert_eq!(
            refused(&Order::Draft, &command),
            "the price of item 1 (A-1) must be positive"
        );
    }
}

#[test]
fn a_total_that_can_not_be_counted_is_refused() {
    for items in [
        vec![item(4, 9_000_000_000_000_000_000)],
        vec![item(1, i64::MAX), item(1, 1)],
        vec![item(i64::MAX, i64::MAX)],
    ] {
        assert_eq!(decide(&Order::Draft, &place(items)), Err(OrderRejection::TotalTooLarge));
    }
    assert!(decide(&Order::Draft, &place(vec![item(i64::MAX, 1)])).is_ok());
}

#[test]
fn only_a_placed_order_can_be_shipped_or_cancelled() {
    let shipped = after(&[place(vec![item(1, 1)]), ship("T")]);
    let cancelled = after(&[place(vec![item(1, 1)]), cancel("R")]);
    for command in [ship("T"), cancel("R")] {
        assert!(decide(&placed(), &command).is_ok());
        assert_eq!(refused(&Order::Draft, &command), "order o-1 has not been placed");
        assert_eq!(refused(&shipped, &command), "order o-1 has already been shipped");
        assert_eq!(refused(&cancelled, &command), "order o-1 has been cancelled");
    }
}

#[test]
fn tracking_and_reason_are_not_blank() {
    for blank in ["", " ", "\t\n", "\u{3000}"] {
        assert_eq!(decide(&placed(), &ship(blank)), Err(OrderRejection::BlankTracking));
        assert_eq!(decide(&placed(), &cancel(blank)), Err(OrderRejection::BlankReason));
    }
}

#[test]
fn a_command_for_another_order_is_refused() {
    let other = OrderCommand::ShipOrder {
        order_id: "o-2".parse().unwrap(),
        tracking: "T".to_owned(),
    };
    assert_eq!(
        refused(&placed(), &other),
        "the command is for order o-2, but this is order o-1"
    );
}

#[test]
fn a_history_that_was_never_decided_makes_nothing_up() {
    let shipped = OrderEvent::OrderShipped {
        order_id: id(),
        tracking: "T".to_owned(),
        shipped_at: FixedClock::START,
    };
    let mut order = Order::Draft;
    <Order as Aggregate>::apply(&mut order, &shipped);
    assert_eq!(order, Order::Draft);
}
