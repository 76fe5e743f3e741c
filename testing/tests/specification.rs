//! The specification of event stores and the conformance suite say the same promises.

use composable_rust_testing::conformance::PROMISES;

#[test]
fn the_headings_of_the_specification_are_the_functions_of_the_suite() {
    let specification = include_str!("../../specs/event-store.md");
    let headings: Vec<_> = specification
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert_eq!(headings, PROMISES);
}
