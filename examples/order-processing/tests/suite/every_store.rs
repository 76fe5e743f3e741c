//! One story on every store: an order is placed, the program is killed, started again, and shows the right state.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Stdio},
};

use composable_rust_postgres_fixture::TestDatabase;

use crate::support::{Desk, data, expected};

/// The program with its store, in a directory of its own.
struct Shop<'a> {
    desk: &'a Desk,
    store: &'a str,
}

impl Shop<'_> {
    fn arguments<'b>(&'b self, arguments: &[&'b str]) -> Vec<&'b str> {
        ["--store", self.store]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        self.desk.ok(&self.arguments(arguments))
    }

    fn code(&self, arguments: &[&str]) -> i32 {
        self.desk.run(&self.arguments(arguments)).code
    }

    /// Applies the lines, one of which is malformed at the end: when that is reported, all before it are done. Then the
    /// program waits for more, and is killed.
    fn apply_and_kill(&self, lines: &str) {
        let mut command = self.desk.command(&self.arguments(&["apply", "-"]));
        let mut child: Child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(lines.as_bytes()).unwrap();
        input.write_all(b"that's all\n").unwrap();
        let mut reports = BufReader::new(child.stderr.take().unwrap()).lines();
        let report = reports.next().unwrap().unwrap();
        assert!(report.contains("malformed"), "{report}");
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "killed, not ended");
    }

    /// Whether the store outlives the program.
    fn story(&self, lasting: bool) {
        let lines = [
            r#"{"command":"place","order":"o-1","customer":"c","items":[{"sku":"A","quantity":2,"price_cents":2500}]}"#,
            r#"{"command":"place","order":"o-2","customer":"c","items":[{"sku":"B","quantity":1,"price_cents":100}]}"#,
            r#"{"command":"ship","order":"o-2","tracking":"T"}"#,
        ];
        self.apply_and_kill(&format!("{}\n", lines.join("\n")));
        if !lasting {
            assert_eq!(self.ok(&["list"]), "");
            assert_eq!(self.code(&["show", "o-1"]), 1);
            return;
        }
        assert_eq!(
            self.ok(&["show", "o-1"]),
            "o-1: Status=Placed, Items=1, Total=$50.00, Version=1\n"
        );
        assert_eq!(
            self.ok(&["show", "o-2"]),
            "o-2: Status=Shipped, Items=1, Total=$1.00, Version=2\n"
        );
        assert_eq!(self.code(&["cancel", "--order", "o-2", "--reason", "late"]), 1);
        let shipped = self.ok(&["ship", "--order", "o-1", "--tracking", "T1"]);
        assert_eq!(shipped, "o-1: Status=Shipped, Items=1, Total=$50.00, Version=2\n");
        assert_eq!(self.ok(&["history", "o-1"]).lines().count(), 2);
        assert_eq!(self.ok(&["list"]).lines().count(), 2);
    }
}

#[test]
fn memory_forgets_with_the_program() {
    let desk = Desk::new();
    let shop = Shop {
        desk: &desk,
        store: "memory://",
    };
    shop.story(false);
}

#[test]
fn sqlite_keeps_what_was_acknowledged_before_the_kill() {
    let desk = Desk::new();
    let shop = Shop {
        desk: &desk,
        store: "sqlite://shop.db",
    };
    shop.story(true);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_what_was_acknowledged_before_the_kill() {
    let (desk, database) = (Desk::new(), TestDatabase::empty().await);
    let shop = Shop {
        desk: &desk,
        store: database.url(),
    };
    shop.story(true);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_the_demo_runs_twice_with_the_same_end() {
    let (desk, database) = (Desk::new(), TestDatabase::empty().await);
    let shop = Shop {
        desk: &desk,
        store: database.url(),
    };
    for _ in 0..2 {
        let demo = shop.ok(&[]);
        let shipped = "Reconstructed state: Status=Shipped, Items=2, Total=$100.00, Version=2";
        assert!(demo.lines().any(|line| line == shipped), "{demo}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_many_jobs_lead_to_the_same_as_one_after_the_other() {
    let (desk, database) = (Desk::new(), TestDatabase::empty().await);
    let shop = Shop {
        desk: &desk,
        store: database.url(),
    };
    let file = data("orders.jsonl");
    let arguments = shop.arguments(&["apply", "--jobs", "64", file.to_str().unwrap()]);
    let done = desk.run(&arguments);
    assert_eq!(done.code, 2, "there are malformed lines");
    assert_eq!(done.out.lines().last(), expected("orders.summary").lines().last());
    assert_eq!(shop.ok(&["list"]), expected("orders.expected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_names_the_server_and_a_wrong_password_is_not_shown() {
    let (desk, database) = (Desk::new(), TestDatabase::empty().await);
    let listed = desk
        .command(&["list"])
        .env("DATABASE_URL", database.url())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let unreachable = desk.run(&["--store", "postgres://clerk:secret@127.0.0.1:1/orders", "list"]);
    assert_eq!(unreachable.code, 3);
    assert!(!unreachable.err.contains("secret"), "{}", unreachable.err);
}
