//! What can't be an event.

use composable_rust_macros::Event;

#[derive(Event)]
union Either {
    left: u8,
    right: u8,
}

#[derive(Event)]
enum Nothing {}

#[derive(Event)]
enum Generic<T> {
    #[event("Happened.v1")]
    Happened(T),
}

#[derive(Event)]
struct Nameless {
    count: u8,
}

#[derive(Event)]
enum Several {
    Nameless,
    #[event("Borrowed.v1")]
    Borrowed { text: &'static str },
    #[event(flatten)]
    Empty,
    #[event(flatten)]
    Named { event: u8 },
    #[event(flatten)]
    Pair(u8, u8),
    #[event("Both.v1", flatten)]
    Both(u8),
}

fn main() {}
