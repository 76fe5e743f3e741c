//! What belongs on a variant, or into another type.

use composable_rust_macros::Event;

#[derive(Event)]
enum OrderEvent {
    Payment(#[event(flatten)] PaymentEvent),
    #[event("OrderPlaced.v1")]
    Placed {
        #[event("lines")]
        lines: u32,
    },
    #[event(flatten)]
    Refund(#[serde(with = "module")] PaymentEvent),
    #[event(flatten)]
    #[serde(serialize_with = "module")]
    Other(PaymentEvent),
}

#[derive(Event)]
#[event("PaymentTaken.v1")]
struct PaymentEvent;

#[derive(Event)]
#[event("Refunded.v1")]
struct Refunded {
    #[event("cents")]
    cents: u64,
}

fn main() {}
