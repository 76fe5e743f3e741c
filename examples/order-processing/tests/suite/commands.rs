//! Each command as a process: what it prints, and its exit code.

use std::{io::Read, process::Stdio};

use crate::support::{Desk, Done};

fn placed(desk: &Desk, order_id: &str) -> Done {
    desk.run(&[
        "place",
        "--order",
        order_id,
        "--customer",
        "c-9",
        "--item",
        "A-1:2:25.00",
        "--item",
        "B:1:50",
    ])
}

#[test]
fn an_order_is_placed_shipped_and_shown_by_processes_that_share_only_the_file() {
    let desk = Desk::new();
    let done = placed(&desk, "o-1");
    assert_eq!(
        (done.code, done.out.as_str()),
        (0, "o-1: Status=Placed, Items=2, Total=$100.00, Version=1\n")
    );
    let shipped = "o-1: Status=Shipped, Items=2, Total=$100.00, Version=2\n";
    assert_eq!(desk.ok(&["ship", "--order", "o-1", "--tracking", "T1"]), shipped);
    assert_eq!(desk.ok(&["show", "o-1"]), shipped);
}

#[test]
fn a_cancelled_order_stays_cancelled() {
    let desk = Desk::new();
    placed(&desk, "o-1");
    desk.ok(&["cancel", "--order", "o-1", "--reason", "changed mind"]);
    let refused = desk.run(&["ship", "--order", "o-1", "--tracking", "T1"]);
    assert_eq!(refused.code, 1);
    assert_eq!(refused.err, "error: order o-1 has been cancelled\n");
    assert_eq!(
        desk.ok(&["show", "o-1"]),
        "o-1: Status=Cancelled, Items=2, Total=$100.00, Version=2\n"
    );
}

#[test]
fn a_rejected_command_is_code_1_with_the_reason_in_words() {
    let desk = Desk::new();
    placed(&desk, "o-1");
    let refusals: [(&[&str], &str); 8] = [
        (
            &["place", "--order", "o-1", "--customer", "c", "--item", "A:1:1"],
            "order o-1 has already been placed",
        ),
        (
            &["place", "--order", "o-2", "--customer", "c", "--item", "A:0:1"],
            "the quantity of item 1 (A) must be at least 1",
        ),
        (
            &["place", "--order", "o-2", "--customer", "c", "--item", "A:1:0.00"],
            "the price of item 1 (A) must be positive",
        ),
        (
            &["place", "--order", "o-2", "--customer", "c", "--item", "A:1:-1"],
            "the price of item 1 (A) must be positive",
        ),
        (
            &[
                "place",
                "--order",
                "o-2",
                "--customer",
                "c",
                "--item",
                "A:4:90000000000000000",
            ],
            "the total of the order is too large",
        ),
        (
            &["ship", "--order", "o-2", "--tracking", "T"],
            "order o-2 has not been placed",
        ),
        (
            &["ship", "--order", "o-1", "--tracking", " "],
            "the tracking number must not be blank",
        ),
        (
            &["cancel", "--order", "o-1", "--reason", ""],
            "the reason must not be blank",
        ),
    ];
    for (arguments, reason) in refusals {
        let done = desk.run(arguments);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{arguments:?}");
        assert_eq!(done.err, format!("error: {reason}\n"));
    }
    assert_eq!(
        desk.ok(&["list"]),
        "o-1: Status=Placed, Items=2, Total=$100.00, Version=1\n"
    );
}

#[test]
fn an_unknown_order_is_code_1() {
    let desk = Desk::new();
    for arguments in [["show", "o-1"], ["history", "o-1"]] {
        let done = desk.run(&arguments);
        assert_eq!(
            (done.code, done.out.as_str(), done.err.as_str()),
            (1, "", "error: there is no order o-1\n")
        );
    }
}

#[test]
fn wrong_usage_and_bad_input_are_code_2() {
    let desk = Desk::new();
    let too_long = "x".repeat(507);
    let usages: [&[&str]; 20] = [
        &["dance"],
        &["show"],
        &["show", ""],
        &["show", "two\nlines"],
        &["show", &too_long],
        &["place", "--order", "o-1", "--customer", "c"],
        &["place", "--order", " ", "--customer", "c", "--item", "A:1:1"],
        &["place", "--order", "o-1", "--customer", "", "--item", "A:1:1"],
        &["place", "--order", "o-1", "--customer", "c", "--item", "A:1:1.001"],
        &["place", "--order", "o-1", "--customer", "c", "--item", "A:one:1"],
        &["place", "--order", "o-1", "--customer", "c", "--item", "A:1"],
        &["apply"],
        &["apply", "no-such-file"],
        &["apply", "."],
        &["apply", "-", "--from", "0"],
        &["list", "--store", "mysql://localhost/orders"],
        &["list", "--store", "orders.db"],
        &["list", "--store", "sqlite::memory:"],
        &["--store", "sqlite://:memory:"],
        &["--store", "sqlite::memory:?mode=rwc"],
    ];
    for arguments in usages {
        let done = desk.run(arguments);
        assert_eq!(done.code, 2, "{arguments:?}: {done:?}");
        assert!(done.err.starts_with("error: "), "{arguments:?}: {done:?}");
        let left = desk.path().read_dir().unwrap().count();
        assert_eq!(left, 0, "{arguments:?}: what is not begun leaves no store behind");
    }
}

#[test]
fn sqlite_in_memory_is_refused_with_what_to_say_instead() {
    let desk = Desk::new();
    let done = desk.run(&["--store", "sqlite::memory:"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("use memory://"), "{done:?}");
}

#[test]
fn a_store_that_fails_is_code_3() {
    let desk = Desk::new();
    desk.write(
        "text.db",
        "This is no database, however long one looks at it.".repeat(100),
    );
    for url in ["sqlite://no/such/directory/orders.db", "sqlite://text.db", "sqlite://."] {
        let done = desk.run(&["list", "--store", url]);
        assert_eq!((done.code, done.out.as_str()), (3, ""), "{url}: {done:?}");
        assert!(
            done.err.starts_with("error: the store could not be opened: "),
            "{done:?}"
        );
    }
}

#[test]
fn the_environment_names_the_store_unless_the_command_line_does() {
    let desk = Desk::new();
    let named =
        |url: &str, arguments: &[&str]| Done::from(desk.command(arguments).env("DATABASE_URL", url).output().unwrap());
    assert_eq!(named("sqlite://other.db", &[]).code, 0);
    assert_eq!(named("sqlite://other.db", &["list"]).out.lines().count(), 1);
    assert_eq!(named("sqlite://other.db", &["list", "--store", "memory://"]).out, "");
    assert!(!desk.path().join("orders.db").exists());
    assert_eq!(named("", &["list"]).code, 0, "set but empty is not set");

    let unknown = named("mysql://clerk:secret@host", &["list"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.starts_with("error: DATABASE_URL: "), "{unknown:?}");
    assert!(!unknown.err.contains("secret"), "{unknown:?}");
}

#[test]
fn a_history_tells_version_type_time_and_summary() {
    let desk = Desk::new();
    placed(&desk, "o-1");
    desk.ok(&["cancel", "--order", "o-1", "--reason", "two\nlines"]);
    let history = desk.ok(&["history", "o-1"]);
    let lines: Vec<Vec<&str>> = history.lines().map(|line| line.splitn(4, "  ").collect()).collect();
    assert_eq!(lines.len(), 2, "{history}");
    assert_eq!(lines[0][..2], ["1", "OrderPlaced.v2"]);
    assert_eq!(lines[0][3], "customer c-9, 2 items, total $100.00");
    assert_eq!(lines[1][..2], ["2", "OrderCancelled.v1"]);
    assert_eq!(lines[1][3], "reason two\\nlines");
    for line in lines {
        assert!(chrono::DateTime::parse_from_rfc3339(line[2]).is_ok(), "{history}");
    }
}

#[test]
fn a_history_as_json_is_an_object_a_line() {
    let desk = Desk::new();
    placed(&desk, "o-1");
    desk.ok(&["cancel", "--order", "o-1", "--reason", "two\nlines"]);
    let history = desk.ok(&["history", "o-1", "--json"]);
    let lines: Vec<serde_json::Value> = history
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{history}");
    assert_eq!(lines[0]["version"], 1);
    assert_eq!(lines[0]["type"], "OrderPlaced.v2");
    assert_eq!(lines[0]["currency"], "USD");
    assert_eq!(
        lines[0]["items"][0],
        serde_json::json!({ "sku": "A-1", "quantity": 2, "price_cents": 2500 })
    );
    assert_eq!(lines[0]["total_cents"], 10_000);
    assert_eq!(lines[1]["reason"], "two\nlines");
}

#[test]
fn a_list_is_sorted_by_id_and_odd_names_come_back_as_they_are() {
    let desk = Desk::new();
    for order_id in ["b", "a-b", "a", "ö 1", "B", "%'\";", "a:b"] {
        assert_eq!(placed(&desk, order_id).code, 0, "{order_id}");
    }
    let list = desk.ok(&["list"]);
    let names: Vec<&str> = list.lines().map(|line| line.rsplit_once(": ").unwrap().0).collect();
    assert_eq!(names, ["%'\";", "B", "a", "a-b", "a:b", "b", "ö 1"]);
}

#[test]
fn whoever_stops_reading_the_output_is_not_told_of_a_failure() {
    let desk = Desk::new();
    let places: String = (0..3_000)
        .map(|n| format!(r#"{{"command":"place","order":"o-{n}","customer":"c","items":[{{"sku":"A","quantity":1,"price_cents":1}}]}}"#) + "\n")
        .collect();
    assert_eq!(desk.feed(&["apply", "--jobs", "64", "-"], places.as_bytes()).code, 0);

    let mut child = desk
        .command(&["list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 16]).unwrap();
    drop(out);
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!((done.code, done.err.as_str()), (0, ""));
}

#[test]
fn help_tells_the_exit_codes() {
    let desk = Desk::new();
    let help = desk.ok(&["--help"]);
    assert!(help.starts_with("Orders in an event store\n"), "{help}");
    assert!(help.contains("Exit codes: 0 done; 1 "), "{help}");
}

#[test]
fn what_the_framework_does_is_shown_when_asked_for() {
    let desk = Desk::new();
    let output = desk.command(&[]).env("RUST_LOG", "trace").output().unwrap();
    let done = Done::from(output);
    assert_eq!(done.code, 0);
    assert!(done.out.starts_with("1. "), "traces are not mixed into the output");
    assert!(done.err.contains("TRACE") || done.err.contains("DEBUG"), "{}", done.err);
}

#[test]
fn reading_a_store_that_is_not_there_creates_none() {
    let desk = Desk::new();
    for arguments in [&["list"][..], &["show", "o-1"], &["history", "o-1"]] {
        for url in ["sqlite://typo.db", "sqlite://typo.db?mode=rwc"] {
            let done = desk.run(&[arguments, &["--store", url]].concat());
            assert_eq!((done.code, done.out.as_str()), (3, ""), "{done:?}");
            let told = "error: the store could not be opened: there is no file ";
            assert!(
                done.err.starts_with(told) && done.err.trim_end().ends_with("typo.db"),
                "{done:?}"
            );
        }
    }
    // The default one was not misspelt: nothing was ordered yet.
    assert_eq!(desk.ok(&["list"]), "");
    let unknown = desk.run(&["show", "o-1"]);
    assert_eq!(
        (unknown.code, unknown.err.as_str()),
        (1, "error: there is no order o-1\n")
    );
    assert_eq!(desk.path().read_dir().unwrap().count(), 0);
    placed(&desk, "o-1");
    assert_eq!(desk.ok(&["list"]).lines().count(), 1);
    assert_eq!(
        desk.path().read_dir().unwrap().count(),
        1,
        "reading leaves nothing behind"
    );
}
