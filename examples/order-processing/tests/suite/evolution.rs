//! A log that was written before orders had a currency.

use std::fs;

use crate::support::{Desk, data};

/// A desk with the file that the program of that time has left behind.
fn desk() -> Desk {
    let desk = Desk::new();
    fs::copy(data("orders-v1.sqlite"), desk.path().join("orders.db")).unwrap();
    desk
}

#[test]
fn an_old_log_is_listed_and_shown_as_it_was_then() {
    let desk = desk();
    let list = "o-1: Status=Placed, Items=2, Total=$750.00, Version=1\n\
                o-2: Status=Shipped, Items=1, Total=$10.00, Version=2\n\
                o-3: Status=Cancelled, Items=1, Total=$2.97, Version=2\n";
    assert_eq!(desk.ok(&["list"]), list);
    for line in list.lines() {
        let (order_id, _) = line.split_once(':').unwrap();
        assert_eq!(desk.ok(&["show", order_id]), format!("{line}\n"));
    }
}

#[test]
fn a_history_tells_the_name_an_event_was_stored_under_and_what_it_means_today() {
    let history = desk().ok(&["history", "o-1", "--json"]);
    let placed: serde_json::Value = serde_json::from_str(&history).unwrap();
    assert_eq!(
        (&placed["type"], &placed["version"]),
        (&"OrderPlaced.v1".into(), &1.into())
    );
    assert_eq!(
        (&placed["currency"], &placed["total_cents"]),
        (&"USD".into(), &75_000.into())
    );
    assert_eq!(placed["time"], "2026-11-23T23:35:16.964890Z");
    assert_eq!(placed["items"][1]["sku"], "größe");
}

#[test]
fn an_old_log_goes_on_with_the_events_of_today() {
    let desk = desk();
    assert_eq!(
        desk.ok(&["ship", "--order", "o-1", "--tracking", "T9"]),
        "o-1: Status=Shipped, Items=2, Total=$750.00, Version=2\n"
    );
    let again = desk.run(&["cancel", "--order", "o-2", "--reason", "late"]);
    assert_eq!(
        (again.code, again.err.as_str()),
        (1, "error: order o-2 has already been shipped\n")
    );
    let place = r#"{"command":"place","order":"o-4","customer":"c","items":[{"sku":"A","quantity":3,"price_cents":50}],"currency":"GBP"}"#;
    assert_eq!(desk.feed(&["apply", "-"], place.as_bytes()).code, 0);
    assert_eq!(
        desk.ok(&["show", "o-4"]),
        "o-4: Status=Placed, Items=1, Total=£1.50, Version=1\n"
    );
    let history = desk.ok(&["history", "o-4"]);
    assert!(history.starts_with("1  OrderPlaced.v2  "), "{history}");
    assert!(history.ends_with("  customer c, 1 item, total £1.50\n"), "{history}");
}
