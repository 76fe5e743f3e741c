//! Events whose golden files are checked.

use std::path::Path;

use composable_rust_core::{Codec, Decoded, EncodedEvent, Event, EventError};
use composable_rust_testing::{GoldenEvents, golden_events};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Locked {
    pub(crate) code: u32,
    pub(crate) by: String,
}

/// Events whose written form a test chooses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DoorEvent {
    Opened,
    Locked(Locked),
    /// As somebody has written it who changed the form and kept the name.
    Swapped(Locked),
    /// Comes back as something else.
    Forgetful(u8),
}

pub(crate) fn locked(code: u32, by: &str) -> Locked {
    let by = by.to_owned();
    Locked { code, by }
}

impl Event for DoorEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Opened => "DoorOpened.v1",
            Self::Locked(_) | Self::Swapped(_) => "DoorLocked.v2",
            Self::Forgetful(_) => "DoorForgot.v1",
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        match self {
            Self::Opened => Ok(vec![]),
            Self::Locked(locked) => Codec::BINCODE.encode(locked),
            Self::Swapped(Locked { code, by }) => Codec::BINCODE.encode(&(by, code)),
            Self::Forgetful(number) => Codec::BINCODE.encode(number),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        let codec = Codec::new(stored.encoding);
        Ok(match stored.event_type {
            "DoorOpened.v1" => codec.decode::<()>(stored.data).map(|()| Self::Opened.into())?,
            "DoorLocked.v1" => Self::Locked(locked(codec.decode(stored.data)?, "nobody")).into(),
            // What `Swapped` writes of "ada" is one byte shorter than what `Locked` writes of "adas".
            "DoorLocked.v2" if stored.data.len() == 5 => {
                let (by, code) = codec.decode(stored.data)?;
                Self::Swapped(Locked { code, by }).into()
            }
            "DoorLocked.v2" => Self::Locked(codec.decode(stored.data)?).into(),
            "DoorSlammed.v1" => Decoded::Many(vec![Self::Opened, Self::Opened]),
            "DoorLookedAt.v1" => Decoded::Nothing,
            "DoorForgot.v1" => Self::Forgetful(0).into(),
            _ => return Err(EventError::unknown_type(stored)),
        })
    }
}

pub(crate) const OPENED: (&str, &str) = ("DoorOpened.v1.hex", "\n");
pub(crate) const LOCKED: (&str, &str) = ("DoorLocked.v2.hex", "07 03 61 64 61");

pub(crate) fn door(folder: &Path) -> GoldenEvents<DoorEvent> {
    golden_events!(DoorEvent, folder).current(DoorEvent::Opened)
}

pub(crate) fn current() -> DoorEvent {
    DoorEvent::Locked(locked(7, "adas"))
}

/// Two of them, as many payloads need: an enum among their fields has variants.
pub(crate) fn two(folder: &Path) -> GoldenEvents<DoorEvent> {
    door(folder)
        .current(current())
        .current(DoorEvent::Locked(locked(8, "bobs")))
}
