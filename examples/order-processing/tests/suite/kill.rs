//! Killed in the middle.

use std::{
    io::Write,
    process::{Child, Stdio},
    time::Duration,
};

use composable_rust::{EventLog, Position, ReadAll, SqliteEventStore};

use crate::support::{Desk, Done};

/// Far longer than anything here takes: what is not seen by then never comes.
const DEADLINE: Duration = Duration::from_mins(1);

/// How many events the store holds, once there are at least `wanted`.
async fn events(store: &SqliteEventStore, wanted: usize) -> usize {
    let mut seen = 0;
    let mut after = Position::BEGINNING;
    while seen < wanted {
        tokio::time::timeout(DEADLINE, store.wait_for_events(after))
            .await
            .unwrap()
            .unwrap();
        let page = store.read_all(ReadAll::after(after)).await.unwrap();
        seen += page.events.len();
        after = page.resume_after;
    }
    seen
}

/// Many at once: what a kill may not tear then, it does not tear with one either.
fn applying(desk: &Desk) -> Child {
    let mut command = desk.command(&["apply", "--jobs", "64", "-"]);
    command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn line(n: usize) -> String {
    let place = format!(
        r#"{{"command":"place","order":"o-{n}","customer":"c","items":[{{"sku":"A","quantity":1,"price_cents":100}}]}}"#
    );
    format!("{place}\n{{\"command\":\"ship\",\"order\":\"o-{n}\",\"tracking\":\"T\"}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_applied_before_a_kill_is_there_afterwards() {
    let desk = Desk::new();
    let mut child = applying(&desk);
    let mut input = child.stdin.take().unwrap();
    let lines: String = (0..50).map(line).collect();
    input.write_all(lines.as_bytes()).unwrap();

    // The input is still open: the program waits for more when it is killed.
    let store = SqliteEventStore::open(desk.path().join("orders.db")).await.unwrap();
    assert_eq!(events(&store, 100).await, 100);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
    store.close().await;

    let list = desk.ok(&["list"]);
    assert_eq!(list.lines().count(), 50);
    for n in 0..50 {
        let shown = desk_line(&list, n);
        assert_eq!(shown, format!("o-{n}: Status=Shipped, Items=1, Total=$1.00, Version=2"));
    }
    assert_eq!(
        desk.ok(&["show", "o-7"]),
        "o-7: Status=Shipped, Items=1, Total=$1.00, Version=2\n"
    );
}

fn desk_line(list: &str, n: usize) -> String {
    let prefix = format!("o-{n}: ");
    list.lines().find(|line| line.starts_with(&prefix)).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_midst_of_writing_tears_no_order_and_loses_nothing_seen() {
    let desk = Desk::new();
    let store = SqliteEventStore::open(desk.path().join("orders.db")).await.unwrap();
    let everything: String = (0..5_000).map(line).collect();
    for round in 1..=4 {
        let mut child = applying(&desk);
        let mut input = child.stdin.take().unwrap();
        let lines = everything.clone();
        // Fails when the reader is killed, which is what is meant.
        let feeder = std::thread::spawn(move || drop(input.write_all(lines.as_bytes())));
        let seen = events(&store, round * 300).await;
        child.kill().unwrap();
        child.wait().unwrap();
        feeder.join().unwrap();
        assert!(events(&store, seen).await >= seen);
        for shown in desk.ok(&["list"]).lines() {
            assert!(
                shown.ends_with(": Status=Placed, Items=1, Total=$1.00, Version=1")
                    || shown.ends_with(": Status=Shipped, Items=1, Total=$1.00, Version=2"),
                "{shown}"
            );
        }
    }
    store.close().await;

    let done: Done = desk.feed(&["apply", "--jobs", "64", "-"], everything.as_bytes());
    assert_eq!(done.code, 0);
    let shipped = desk.ok(&["list"]);
    assert_eq!(
        shipped.lines().filter(|line| line.ends_with("Version=2")).count(),
        5_000
    );
}

/// Three lines an order: one that is refused now, and would not be if it came again later, and two that are applied.
fn refused_placed_done(n: usize) -> String {
    let ship = format!(r#"{{"command":"ship","order":"o-{n}","tracking":"T"}}"#);
    let place = format!(
        r#"{{"command":"place","order":"o-{n}","customer":"c","items":[{{"sku":"A","quantity":1,"price_cents":100}}]}}"#
    );
    let cancel = format!(r#"{{"command":"cancel","order":"o-{n}","reason":"R"}}"#);
    let done = if n.is_multiple_of(2) { &cancel } else { &ship };
    format!("{ship}\n{place}\n{done}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_killed_is_a_prefix_of_the_file_and_goes_on_where_it_ends() {
    let everything: String = (0..400).map(refused_placed_done).collect();
    let desk = Desk::new();
    desk.write("commands", &everything);
    let store = SqliteEventStore::open(desk.path().join("orders.db")).await.unwrap();
    let mut command = desk.command(&["apply", "-"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let begun: String = (0..300).map(refused_placed_done).collect();
    // Given back open: however late the kill is, the program has not come to the end.
    let feeder = std::thread::spawn(move || {
        drop(input.write_all(begun.as_bytes()));
        input
    });
    events(&store, 100).await;
    child.kill().unwrap();
    child.wait().unwrap();
    drop(feeder.join().unwrap());
    let stored = stored(&store).await;
    store.close().await;
    assert!(stored < 800, "killed in the middle");

    let prefix = stored / 2 * 3 + stored % 2 * 2;
    let part: String = everything.split_inclusive('\n').take(prefix).collect();
    assert_eq!(desk.ok(&["list"]), list_after(&part), "after {prefix} lines");

    let done = desk.run(&["apply", "commands", "--from", &(prefix + 1).to_string()]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(desk.ok(&["list"]), list_after(&everything));
}

/// The `list` that a run without interruption leads to.
fn list_after(commands: &str) -> String {
    let desk = Desk::new();
    assert_eq!(desk.feed(&["apply", "-"], commands.as_bytes()).code, 0);
    desk.ok(&["list"])
}

/// How many events the store holds.
async fn stored(store: &SqliteEventStore) -> usize {
    let end = store.head().await.unwrap();
    let (mut seen, mut after) = (0, Position::BEGINNING);
    while after < end {
        let page = store.read_all(ReadAll::after(after)).await.unwrap();
        seen += page.events.len();
        after = page.resume_after;
    }
    seen
}
