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

#[derive(Event)]
enum Compact {
    #[event("Gone.v1")]
    Gone {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<u8>,
    },
    #[event("Spread.v1")]
    Spread {
        #[serde(flatten)]
        payment: u8,
    },
    #[event("Grown.v1")]
    Grown {
        cents: u64,
        #[serde(default)]
        note: Option<u8>,
        #[serde(default = "u8::default")]
        lines: u8,
        #[serde(skip, default = "u8::default")]
        cached: u8,
    },
    #[event("Forgotten.v1")]
    Forgotten(u8, #[serde(skip_serializing)] u8, #[serde(skip_serializing, skip_deserializing)] u8),
}

#[derive(Event)]
#[event("Filled.v1")]
#[serde(default)]
struct Filled {
    cents: u64,
}

#[derive(Event)]
#[event("Tagged.v1")]
#[serde(tag = "type")]
struct Tagged {
    cents: u64,
}

#[derive(Event)]
#[event("FilledReadable.v1", encoding = "json")]
#[serde(default)]
struct FilledReadable {
    cents: u64,
}

#[derive(Event)]
#[event(encoding = "json")]
enum Readable {
    #[event("Noted.v1")]
    Noted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<u8>,
        #[serde(default)]
        lines: u8,
    },
}

fn main() {}
