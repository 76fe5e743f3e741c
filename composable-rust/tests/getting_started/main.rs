//! `docs/getting-started.md` does what it says, from `cargo new` on.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helper functions of tests")]

mod guide;
mod project;

use composable_rust_postgres_fixture::TestDatabase;

use guide::{Command, Step, patched, steps};
use project::Project;

const GUIDE: &str = include_str!("../../../docs/getting-started.md");

#[tokio::test]
async fn every_step_of_the_guide_works_and_prints_what_it_shows() {
    let database = TestDatabase::empty().await;
    let project = Project::new("accounts", database.url());
    let steps = steps(GUIDE);
    assert!(steps.len() > 10, "{steps:?}");
    for step in &steps {
        project.follow(step);
    }
}

#[test]
fn a_block_is_written_run_or_refused() {
    let guide = "<!-- write: a.rs -->\n```rust\nfn a() {}\n```\ntext\n```console\n$ one\nprinted\n$ two\n```\n";
    let command = |line: &str, prints: &[&str]| Command {
        line: line.to_owned(),
        prints: prints.iter().map(|line| (*line).to_owned()).collect(),
    };
    let (path, text) = ("a.rs".to_owned(), "fn a() {}\n".to_owned());
    let run = vec![command("one", &["printed"]), command("two", &[])];
    assert_eq!(steps(guide), [Step::Write { path, text }, Step::Run(run)]);

    let without_instruction = std::panic::catch_unwind(|| steps("```rust\nfn forgotten() {}\n```\n"));
    assert!(without_instruction.is_err());
}

#[test]
fn a_change_is_made_where_its_lines_stand_once() {
    assert_eq!(patched("a\nb\nc\n", " a\n-b\n+x\n+y\n"), "a\nx\ny\nc\n");
    for elsewhere in ["a\nc\n", "b\nb\n"] {
        assert!(std::panic::catch_unwind(|| patched(elsewhere, "-b\n+x\n")).is_err());
    }
}
