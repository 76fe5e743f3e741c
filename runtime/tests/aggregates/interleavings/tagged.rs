//! An aggregate whose events say which command they are of: so each can be found again.

use composable_rust_core::{Aggregate, Codec, Decoded, EncodedEvent, Event, EventError, SnapshotPolicy};

/// Which command, and the how manieth of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part(pub(super) u64, pub(super) u64);

impl Event for Part {
    fn event_type(&self) -> &'static str {
        "Part.v1"
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        Codec::BINCODE.encode(&(self.0, self.1))
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        let parts: (u64, u64) = Codec::new(stored.encoding).decode(stored.data)?;
        Ok(Self(parts.0, parts.1).into())
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    /// So many events, also none.
    Put(u64),
    /// One, where there is an even number of events.
    PutIfEven,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    pub(super) tag: u64,
    pub(super) wish: Wish,
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("{0} is odd")]
pub(super) struct Odd(pub(super) usize);

pub(super) struct Tagged;

impl Aggregate for Tagged {
    const CATEGORY: &'static str = "tagged";
    const SNAPSHOTS: SnapshotPolicy<Vec<(u64, u64)>> = SnapshotPolicy::every(5, 1);
    type State = Vec<(u64, u64)>;
    type Command = Command;
    type Event = Part;
    type Rejection = Odd;
    type Environment = ();

    fn decide(state: &Self::State, command: &Command, (): &()) -> Result<Vec<Part>, Odd> {
        let parts = match command.wish {
            Wish::Put(parts) => parts,
            Wish::PutIfEven if state.len() % 2 == 0 => 1,
            Wish::PutIfEven => return Err(Odd(state.len())),
        };
        Ok((0..parts).map(|part| Part(command.tag, part)).collect())
    }

    fn apply(state: &mut Self::State, event: &Part) {
        state.push((event.0, event.1));
    }
}
