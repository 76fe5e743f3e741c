//! The demo.

use order_processing::{Arguments, Failure, StoreUrl, run};

use crate::support::Desk;

const RECONSTRUCTED: &str = "Reconstructed state: Status=Shipped, Items=2, Total=$100.00, Version=2";

#[test]
fn the_demo_tells_four_parts_and_can_be_run_again_on_the_same_file() {
    let desk = Desk::new();
    for runs in 1..=3 {
        let story = desk.ok(&[]);
        assert_eq!(
            story.lines().filter(|line| *line == RECONSTRUCTED).count(),
            1,
            "{story}"
        );
        assert_eq!(
            story.lines().filter(|line| line.starts_with(char::is_numeric)).count(),
            4
        );
        assert!(story.trim_end().ends_with("has already been shipped"), "{story}");
        assert_eq!(desk.ok(&["list"]).lines().count(), runs);
    }
    let file = desk.path().join("orders.db");
    assert!(file.is_file(), "the default store is in the current directory");
}

#[test]
fn a_rejected_cancellation_leaves_no_trace_in_the_log() {
    let desk = Desk::new();
    desk.ok(&[]);
    let list = desk.ok(&["list"]);
    let (order_id, overview) = list.trim_end().split_once(": ").unwrap();
    assert_eq!(overview, "Status=Shipped, Items=2, Total=$100.00, Version=2");
    assert_eq!(desk.ok(&["history", order_id]).lines().count(), 2);
}

#[test]
fn the_demo_runs_in_memory_as_well() {
    let desk = Desk::new();
    assert!(desk.ok(&["--store", "memory://"]).contains(RECONSTRUCTED));
    assert_eq!(desk.path().read_dir().unwrap().count(), 0, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_bring_the_order_back_is_a_failure_of_the_store() {
    // No command line leads to it: a store that forgets all when it is closed.
    let arguments = Arguments {
        store: Some(StoreUrl::Sqlite("sqlite::memory:".to_owned())),
        command: None,
    };
    let mut output = Vec::new();
    let failure = run(arguments, &mut output).await.unwrap_err();
    assert!(matches!(failure, Failure::Store { .. }), "{failure:?}");
    assert_eq!(
        failure.explain(),
        "the log did not bring the order back: it leads to Status=Draft, Items=0, Total=$0.00, Version=0"
    );
    let story = String::from_utf8(output).unwrap();
    assert!(!story.contains("Reconstructed"), "{story}");
}
