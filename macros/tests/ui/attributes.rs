//! Attributes that say what is not understood.

use composable_rust_macros::Event;

#[derive(Event)]
#[event(encodign = "json")]
enum Misspelt {
    #[event("Misspelt.v1")]
    Happened,
}

#[derive(Event)]
#[event("Enum.v1")]
enum Named {
    #[event("Happened.v1")]
    Happened,
    #[event("Encoded.v1", encoding = "json")]
    EncodedEvent,
    #[event("Named.v1", "Named.v2")]
    Twice,
    #[event("Old.v2", from("Old.v1"))]
    Old(u8),
    #[event]
    Bare,
    #[event(7)]
    Number,
    #[event("Written.v1")]
    #[serde(with = "module")]
    Written(u8),
}

#[derive(Event)]
#[event(verify_round_trip = "no")]
enum Unverified {
    #[event("Happened.v1", verify_round_trip = false)]
    Happened,
}

#[derive(Event)]
#[event(encoding = "yaml")]
enum Yaml {
    #[event("Happened.v1")]
    Happened,
}

#[derive(Event)]
#[event("Flat.v1", flatten)]
struct Flat(u8);

#[derive(Event)]
#[event("Converted.v1")]
#[serde(into = "u8", from = "u8")]
struct Converted(u8);

#[derive(Event)]
enum Lists {
    #[event("Named.v1", alias = "named")]
    Named,
    #[event("Changed.v2", from = "Changed.v1")]
    Changed,
    #[event("Turned.v2", from(u8 = "Turned.v1"))]
    Turned(u8),
    #[event(name = "Keyed.v1")]
    Keyed,
    #[event("Written.v1", encoding = json)]
    Written,
}

#[derive(Event)]
#[event(skip = "Skipped.v1")]
enum Skips {
    #[event("Happened.v1")]
    Happened,
}

fn main() {}
