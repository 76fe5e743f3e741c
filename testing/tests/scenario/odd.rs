//! An aggregate whose commands are its decisions: whatever is wrong with one can be tried.

use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError, IdGenerator};
use composable_rust_testing::Scenario;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) enum OddEvent {
    Counted(u64),
    /// Comes back in tens.
    Rounded(u64),
    /// Is equal to nothing, as a float can be.
    Unequal,
    /// Says that it is as large as it was asked to be.
    Large(usize),
    Unencodable,
}

impl PartialEq for OddEvent {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Counted(one), Self::Counted(other)) | (Self::Rounded(one), Self::Rounded(other)) => one == other,
            (Self::Large(one), Self::Large(other)) => one == other,
            _ => false,
        }
    }
}

impl Event for OddEvent {
    const MAX_BYTES: usize = Codec::HIGHEST_MAX_BYTES;

    fn event_type(&self) -> &'static str {
        match self {
            Self::Counted(_) => "Counted.v1",
            Self::Rounded(_) => "Rounded.v1",
            Self::Unequal => "Unequal.v1",
            Self::Large(_) => "Large.v1",
            Self::Unencodable => "Unencodable.v1",
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        match self {
            Self::Counted(number) | Self::Rounded(number) => Ok(number.to_be_bytes().to_vec()),
            Self::Unequal => Ok(vec![]),
            Self::Large(bytes) => Ok(vec![0; *bytes]),
            Self::Unencodable => Err(EventError::TooLarge { bytes: 5, limit: 4 }),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        let number = || {
            let bytes = stored.data.try_into().map(u64::from_be_bytes);
            bytes.map_err(|_| EventError::TrailingBytes { unread: 0 })
        };
        match stored.event_type {
            "Counted.v1" => Ok(Self::Counted(number()?).into()),
            "Rounded.v1" => Ok(Self::Rounded(number()? / 10 * 10).into()),
            "Unequal.v1" => Ok(Self::Unequal.into()),
            "Large.v1" => Ok(Self::Large(stored.data.len()).into()),
            _ => Err(EventError::unknown_type(stored)),
        }
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

type Decision = Result<Vec<OddEvent>, Refused>;

/// A command is what will be decided.
pub(crate) struct Decide(Box<Rule>);

type Rule = dyn Fn(&dyn IdGenerator) -> Decision + Send + Sync;

pub(crate) fn decide(decision: impl Fn(&dyn IdGenerator) -> Decision + Send + Sync + 'static) -> Decide {
    Decide(Box::new(decision))
}

pub(crate) struct Odd;

impl Aggregate for Odd {
    const CATEGORY: &'static str = "odd";
    type State = u64;
    type Command = Decide;
    type Event = OddEvent;
    type Rejection = Refused;
    type Environment = Arc<dyn IdGenerator>;

    fn decide(_: &u64, command: &Decide, ids: &Self::Environment) -> Decision {
        (command.0)(&**ids)
    }

    fn apply(sum: &mut u64, event: &OddEvent) {
        if let OddEvent::Counted(number) | OddEvent::Rounded(number) = event {
            *sum += number;
        }
    }
}

pub(crate) fn odd() -> Scenario<Odd> {
    Scenario::given([])
}
