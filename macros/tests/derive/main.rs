//! What `#[derive(Event)]` writes and reads.

#![expect(clippy::unwrap_used, reason = "helper functions of tests")]

mod attributes;
mod flatten;
mod names;
mod shapes;
mod upcast;

use composable_rust_core::{Codec, Decoded, EncodedEvent, Encoding, Event, EventError, EventId, SerializedEvent};
use serde::Serialize;

fn id() -> EventId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

fn stored<'a>(event_type: &'a str, encoding: Encoding, data: &'a [u8]) -> EncodedEvent<'a> {
    EncodedEvent {
        event_type,
        encoding,
        data,
    }
}

/// What is read of bytes that another shape has written under this name.
fn read<E: Event>(event_type: &str, written: &impl Serialize) -> Result<Decoded<E>, EventError> {
    let data = Codec::BINCODE.encode(written).unwrap();
    E::decode(stored(event_type, Encoding::BINCODE, &data))
}

/// Writes the event as a store would get it, and reads it again.
fn back<E: Event>(event: &E) -> Decoded<E> {
    E::decode(SerializedEvent::encode(event, id()).unwrap().encoded()).unwrap()
}

fn json<E: Event>(event: &E) -> String {
    String::from_utf8(event.encode().unwrap()).unwrap()
}
