//! The rules, one by one: given events, when a command, then events or a rejection.

use std::time::Duration;

use composable_rust::testing::{FixedClock, Scenario, Setting};
use order_processing::{
    Overview,
    order::{
        Currency, LineItem, Money, Order, OrderCommand, OrderEnvironment, OrderEvent, OrderId, OrderRejection,
        Placement, RequestedItem, Shipment,
    },
};

fn order() -> Setting<Order> {
    Scenario::with(|fixed| OrderEnvironment::new(fixed.clock()))
}

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
        currency: Currency::Usd,
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

/// The line that two articles at 25 dollars become.
fn line() -> LineItem {
    item(2, 2500).accept(1).unwrap()
}

fn placed() -> OrderEvent {
    OrderEvent::OrderPlaced {
        order_id: id(),
        customer_id: "c-9".parse().unwrap(),
        items: vec![line()],
        total: Money::from_cents(5000),
        currency: Currency::Usd,
        placed_at: FixedClock::START,
    }
}

fn shipped(tracking: &str) -> OrderEvent {
    OrderEvent::OrderShipped {
        order_id: id(),
        tracking: tracking.to_owned(),
        shipped_at: FixedClock::START,
    }
}

fn cancelled(reason: &str) -> OrderEvent {
    OrderEvent::OrderCancelled {
        order_id: id(),
        reason: reason.to_owned(),
        cancelled_at: FixedClock::START,
    }
}

#[test]
fn an_order_is_placed_with_its_total_at_the_time_of_the_clock() {
    order()
        .given([])
        .when(place(vec![item(2, 2500)]))
        .then([placed()])
        .then_state(&Order::Placed(Placement {
            order_id: id(),
            customer_id: "c-9".parse().unwrap(),
            items: vec![line()],
            total: Money::from_cents(5000),
            currency: Currency::Usd,
            placed_at: FixedClock::START,
        }));
    order()
        .given([])
        .when(place(vec![item(2, 2500), item(1, 5000)]))
        .state(|order| assert_eq!(order.placement().unwrap().total, Money::from_cents(10_000)));
}

#[test]
fn a_placed_order_is_shipped_or_cancelled_when_that_is_decided() {
    let later = FixedClock::START + Duration::from_secs(90);
    order()
        .given([placed()])
        .later(Duration::from_secs(90))
        .when(ship("T1"))
        .then([OrderEvent::OrderShipped {
            order_id: id(),
            tracking: "T1".to_owned(),
            shipped_at: later,
        }])
        .state(|order| {
            let Order::Shipped(_, shipment) = order else {
                panic!("{order:?}");
            };
            let tracking = "T1".to_owned();
            assert_eq!(
                *shipment,
                Shipment {
                    tracking,
                    shipped_at: later
                }
            );
        });
    order()
        .given([placed()])
        .when(cancel("changed mind"))
        .then([cancelled("changed mind")])
        .state(|order| assert!(matches!(order, Order::Cancelled(..))));
}

#[test]
fn time_is_as_fine_as_it_is_stored() {
    order()
        .at(FixedClock::START + Duration::from_nanos(1_999))
        .given([placed()])
        .when(ship("T"))
        .then([OrderEvent::OrderShipped {
            order_id: id(),
            tracking: "T".to_owned(),
            shipped_at: FixedClock::START + Duration::from_micros(1),
        }]);
}

#[test]
fn an_order_is_placed_once() {
    for history in [
        vec![placed()],
        vec![placed(), shipped("T")],
        vec![placed(), cancelled("R")],
    ] {
        order()
            .given(history)
            .when(place(vec![item(1, 1)]))
            .then_rejected_saying("order o-1 has already been placed");
    }
}

#[test]
fn an_order_has_at_least_one_item() {
    order()
        .given([])
        .when(place(vec![]))
        .then_rejected(&OrderRejection::NoItems);
}

#[test]
fn every_quantity_is_at_least_one() {
    for quantity in [0, -1, i64::MIN] {
        order()
            .given([])
            .when(place(vec![item(1, 1), item(quantity, 1)]))
            .then_rejected_saying("the quantity of item 2 (A-1) must be at least 1");
    }
}

#[test]
fn every_price_is_positive() {
    for cents in [0, -1, i64::MIN] {
        order()
            .given([])
            .when(place(vec![item(1, cents)]))
            .then_rejected_saying("the price of item 1 (A-1) must be positive");
    }
}

#[test]
fn an_order_is_in_the_currency_that_was_asked_for() {
    let OrderCommand::PlaceOrder {
        order_id,
        customer_id,
        items,
        ..
    } = place(vec![item(2, 2500)])
    else {
        panic!("it is a place")
    };
    let in_euros = OrderCommand::PlaceOrder {
        order_id,
        customer_id,
        items,
        currency: Currency::Eur,
    };
    order().given([]).when(in_euros).state(|order| {
        assert_eq!(order.placement().unwrap().currency, Currency::Eur);
        let overview = Overview::of(order, 1_u32.into()).to_string();
        assert_eq!(overview, "Status=Placed, Items=1, Total=€50.00, Version=1");
    });
}

#[test]
fn a_total_that_can_not_be_counted_is_refused() {
    for items in [
        vec![item(4, 9_000_000_000_000_000_000)],
        vec![item(1, i64::MAX), item(1, 1)],
        vec![item(i64::MAX, i64::MAX)],
    ] {
        order()
            .given([])
            .when(place(items))
            .then_rejected(&OrderRejection::TotalTooLarge);
    }
    order()
        .given([])
        .when(place(vec![item(i64::MAX, 1)]))
        .state(|order| assert_eq!(order.placement().unwrap().total, Money::from_cents(i64::MAX)));
}

#[test]
fn only_a_placed_order_can_be_shipped_or_cancelled() {
    for command in [ship("T"), cancel("R")] {
        for (history, reason) in [
            (vec![], "order o-1 has not been placed"),
            (vec![placed(), shipped("T")], "order o-1 has already been shipped"),
            (vec![placed(), cancelled("R")], "order o-1 has been cancelled"),
        ] {
            order()
                .given(history)
                .when(command.clone())
                .then_rejected_saying(reason);
        }
    }
}

#[test]
fn tracking_and_reason_are_not_blank() {
    for blank in ["", " ", "\t\n", "\u{3000}"] {
        order()
            .given([placed()])
            .when(ship(blank))
            .then_rejected(&OrderRejection::BlankTracking)
            .and_when(cancel(blank))
            .then_rejected(&OrderRejection::BlankReason);
    }
}

#[test]
fn a_command_for_another_order_is_refused() {
    let other = OrderCommand::ShipOrder {
        order_id: "o-2".parse().unwrap(),
        tracking: "T".to_owned(),
    };
    order()
        .given([placed()])
        .when(other)
        .then_rejected_saying("the command is for order o-2, but this is order o-1");
}

#[test]
fn a_history_that_was_never_decided_makes_nothing_up() {
    order()
        .given([shipped("T"), cancelled("R")])
        .state(|order| assert_eq!(*order, Order::Draft))
        .when(ship("T"))
        .then_rejected_saying("order o-1 has not been placed");
}
