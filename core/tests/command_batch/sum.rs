//! A sum as an aggregate, and its commands.

use std::sync::atomic::{AtomicU64, Ordering};

use composable_rust_core::{
    Aggregate, BatchCommand, Codec, CommandId, Decoded, EncodedEvent, Event, EventError, EventMetadata, IdGenerator,
    Version,
};
use uuid::Uuid;

/// A number that was added; 13 can't be encoded, and `apply` panics on 666.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Added(pub(crate) u64);

impl Event for Added {
    fn event_type(&self) -> &'static str {
        "Added.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        if self.0 == 13 {
            return Err(EventError::NotRoundTrippable { event_type: "Added.v1" });
        }
        Codec::BINCODE.encode(&self.0)
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        Codec::new(stored.encoding).decode(stored.data).map(|n| Self(n).into())
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// Decides this number of events.
    Add(u64),
    /// Refused where the sum is odd.
    AddIfEven,
    /// Panics where the sum is odd.
    PanicIfOdd,
    Unlucky,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0} is odd")]
pub(crate) struct Odd(pub(crate) u64);

pub(crate) struct Sum;

impl Aggregate for Sum {
    const CATEGORY: &'static str = "sum";
    type State = u64;
    type Command = Wish;
    type Event = Added;
    type Rejection = Odd;
    type Environment = ();

    fn decide(sum: &u64, wish: &Wish, (): &()) -> Result<Vec<Added>, Odd> {
        match wish {
            Wish::Add(count) => Ok(vec![Added(1); usize::try_from(*count).unwrap()]),
            Wish::AddIfEven if sum.is_multiple_of(2) => Ok(vec![Added(1)]),
            Wish::AddIfEven => Err(Odd(*sum)),
            Wish::PanicIfOdd if sum.is_multiple_of(2) => Ok(vec![]),
            Wish::PanicIfOdd => panic!("{sum} is odd"),
            Wish::Unlucky => Ok(vec![Added(13)]),
        }
    }

    fn apply(sum: &mut u64, event: &Added) {
        assert_ne!(event.0, 666, "applied poison");
        *sum += event.0;
    }
}

pub(crate) struct Ids(pub(crate) AtomicU64);

impl IdGenerator for Ids {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(self.0.fetch_add(1, Ordering::Relaxed).into())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) number: usize,
    pub(crate) wish: Wish,
    pub(crate) id: Option<CommandId>,
    pub(crate) expected: Option<Version>,
    pub(crate) metadata: EventMetadata,
}

impl BatchCommand<Sum> for Command {
    fn command(&self) -> &Wish {
        &self.wish
    }

    fn command_id(&self) -> Option<CommandId> {
        self.id
    }

    fn expected_version(&self) -> Option<Version> {
        self.expected
    }

    fn metadata(&self) -> &EventMetadata {
        &self.metadata
    }
}
