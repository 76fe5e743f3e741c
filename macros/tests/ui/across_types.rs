//! What only the compiler can see: other types, and constants.

use composable_rust_macros::Event;

#[derive(Event)]
#[event(max_bytes = 16 * 1024 * 1024 + 1)]
enum OrderEvent {
    #[event("OrderPlaced.v1")]
    Placed,
    #[event(flatten)]
    Payment(PaymentEvent),
    #[event(flatten)]
    Refund(RefundEvent),
}

#[derive(Event)]
enum PaymentEvent {
    #[event("PaymentTaken.v1")]
    Taken,
    #[event(flatten)]
    Inner(Inner),
}

#[derive(Event)]
#[event("OrderPlaced.v1")]
struct Inner;

#[derive(Event)]
#[event("Refunded.v1", encoding = "json")]
struct RefundEvent;

fn main() {}
