//! `apply` as a process.

use std::{
    fs,
    io::Write,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{Desk, Done, data, expected};

fn place(order_id: &str) -> String {
    format!(
        r#"{{"command":"place","order":"{order_id}","customer":"c","items":[{{"sku":"A","quantity":1,"price_cents":100}}]}}"#
    )
}

fn ship(order_id: &str) -> String {
    format!(r#"{{"command":"ship","order":"{order_id}","tracking":"T"}}"#)
}

#[test]
fn a_file_leads_to_its_summary_and_its_list() {
    let desk = Desk::new();
    let file = data("orders.jsonl");
    let done = desk.run(&["apply", file.to_str().unwrap()]);
    assert_eq!((done.code, done.out), (2, expected("orders.summary")));
    assert_eq!(desk.ok(&["list"]), expected("orders.expected"));
}

#[test]
fn every_line_that_is_not_applied_is_named_in_the_order_of_the_lines() {
    let desk = Desk::new();
    let done = desk.run(&["apply", data("orders.jsonl").to_str().unwrap()]);
    let numbers: Vec<u64> = done
        .err
        .lines()
        .map(|line| {
            line.strip_prefix("line ")
                .unwrap()
                .split_once(": ")
                .unwrap()
                .0
                .parse()
                .unwrap()
        })
        .collect();
    assert!(numbers.is_sorted());
    let count = |what: &str| done.err.lines().filter(|line| line.contains(what)).count();
    let told = format!(
        ", rejected {}, malformed {}\n",
        count(": rejected: "),
        count(": malformed: ")
    );
    assert!(expected("orders.summary").ends_with(&told), "{told}");
}

#[test]
fn any_number_of_jobs_leads_to_the_same() {
    for jobs in ["1", "3", "256"] {
        let desk = Desk::new();
        let done = desk.run(&["apply", "--jobs", jobs, data("orders.jsonl").to_str().unwrap()]);
        assert_eq!(done.out, expected("orders.summary"), "{jobs} jobs");
        assert_eq!(desk.ok(&["list"]), expected("orders.expected"), "{jobs} jobs");
    }
}

#[test]
fn commands_come_from_standard_input_as_well() {
    let desk = Desk::new();
    let input = [place("a"), ship("a"), ship("b")].join("\n");
    let done = desk.feed(&["apply", "-"], input.as_bytes());
    assert_eq!(
        (done.code, done.out.as_str()),
        (0, "applied 2, rejected 1, malformed 0\n")
    );
    assert_eq!(done.err, "line 3: rejected: order b has not been placed\n");
}

#[test]
fn a_start_line_skips_what_is_before_it_and_keeps_the_numbers() {
    let desk = Desk::new();
    desk.write(
        "commands",
        [&place("a"), "not json", &place("b"), &ship("a"), "{"].join("\n"),
    );
    let done = desk.run(&["apply", "commands", "--from", "3"]);
    assert_eq!(
        (done.code, done.out.as_str()),
        (2, "applied 1, rejected 1, malformed 1\n")
    );
    assert!(
        done.err
            .starts_with("line 4: rejected: order a has not been placed\nline 5: malformed: "),
        "{done:?}"
    );
    let beyond = desk.run(&["apply", "commands", "--from", "99"]);
    assert_eq!(
        (beyond.code, beyond.out.as_str()),
        (0, "applied 0, rejected 0, malformed 0\n")
    );
}

#[test]
fn bytes_that_are_no_text_are_malformed_and_the_next_line_is_read() {
    let desk = Desk::new();
    let mut input = b"\xef\xbb\xbf".to_vec();
    input.extend(place("a").bytes());
    input.extend(b"\r\n\r\n \t\n\xff\xfe\n\0\n");
    input.extend(ship("a").bytes());
    let done = desk.feed(&["apply", "-"], &input);
    assert_eq!(
        (done.code, done.out.as_str()),
        (2, "applied 2, rejected 0, malformed 2\n")
    );
    assert!(
        done.err
            .starts_with("line 4: malformed: not UTF-8\nline 5: malformed: "),
        "{done:?}"
    );
}

#[test]
fn a_line_without_end_is_malformed_in_bounded_memory() {
    let desk = Desk::new();
    let mut input = vec![b'x'; 64 << 20];
    input.push(b'\n');
    input.extend(place("a").bytes());
    let done = desk.feed(&["apply", "-"], &input);
    assert_eq!(
        (done.code, done.out.as_str()),
        (2, "applied 1, rejected 0, malformed 1\n")
    );
    assert_eq!(done.err, "line 1: malformed: longer than 1048576 bytes\n");
}

#[test]
fn a_line_may_be_long_enough_for_a_large_order() {
    let desk = Desk::new();
    let items = vec![r#"{"sku":"SKU-1","quantity":1,"price_cents":100}"#; 20_000].join(",");
    let line = format!(r#"{{"command":"place","order":"large","customer":"c","items":[{items}]}}"#);
    assert_eq!(desk.feed(&["apply", "-"], line.as_bytes()).code, 0);
    assert_eq!(
        desk.ok(&["show", "large"]),
        "large: Status=Placed, Items=20000, Total=$20000.00, Version=1\n"
    );
}

/// What was written to a file that is no longer there is not stored.
#[cfg(unix)]
#[test]
fn a_store_that_is_deleted_in_the_middle_is_a_failure() {
    let desk = Desk::new();
    let mut command = desk.command(&["apply", "-"]);
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", place("a")).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !desk.run(&["list"]).out.starts_with("a: ") {
        assert!(Instant::now() < deadline, "the first order was never placed");
    }
    for file in desk.path().read_dir().unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    writeln!(input, "{}\n{}", place("b"), place("c")).unwrap();
    drop(input);
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!((done.code, done.out.as_str()), (3, ""), "{done:?}");
    assert!(done.err.contains("stopped at line 2 (applied 1, "), "{done:?}");
    assert!(
        done.err.contains("orders.db is missing: it was deleted or moved"),
        "{done:?}"
    );
    assert_eq!(desk.path().read_dir().unwrap().count(), 0);
}
