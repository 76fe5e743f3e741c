//! An old form without a way to the present.

use composable_rust_macros::Event;

#[derive(Event)]
enum OrderEvent {
    #[event("OrderPlaced.v2", from("OrderPlaced.v1" = String))]
    Placed(u32),
}

fn main() {}
