//! Mistakes that the compiler names, where they were made.

#[test]
fn mistakes_are_named_and_pointed_at() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
