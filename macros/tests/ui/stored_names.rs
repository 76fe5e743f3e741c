//! Stored names that can't be stored, or mean two things.

use composable_rust_macros::Event;

#[derive(Event)]
#[event(skip("Skipped.v1", "Taken.v1"))]
enum Names {
    #[event("")]
    Empty,
    #[event("with\0nul")]
    Nul,
    #[event("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef+")]
    Long,
    #[event("Taken.v1")]
    First,
    #[event("Taken.v1")]
    Second,
    #[event("Third.v2", from("Skipped.v1" = u8, "Third.v2" = u8))]
    Third(u8),
    #[event("Fourth.v1", alias("First.v0", "Taken.v1", ""))]
    Fourth,
}

#[derive(Event)]
#[event("")]
struct Empty;

fn main() {}
