//! A small aggregate, and a store that does as it is told: for the tests of the aggregates' shells.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helper functions of tests")]

mod scripted;

use std::{marker::PhantomData, sync::Arc};

use composable_rust_core::{
    Aggregate, Codec, CommandId, CommandMark, Decoded, EncodedEvent, Event, EventError, EventStore, ExpectedVersion,
    IdGenerator, SerializedEvent, SnapshotPolicy, StreamId,
};
use composable_rust_runtime::SystemIds;
pub(crate) use scripted::{ReadStep, Scripted, Step};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccountEvent {
    Deposited(i64),
    Withdrawn(i64),
    /// Encodes to nothing that can be decoded.
    Unencodable,
    /// `apply` panics on it.
    Poison,
    /// `encode` panics on it.
    Unwritable,
}

impl Event for AccountEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Deposited(_) => "Deposited.v1",
            Self::Withdrawn(_) => "Withdrawn.v1",
            Self::Unencodable => "Unencodable.v1",
            Self::Poison => "Poison.v1",
            Self::Unwritable => "Unwritable.v1",
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        match self {
            Self::Deposited(amount) | Self::Withdrawn(amount) => Codec::BINCODE.encode(amount),
            Self::Poison => Ok(vec![]),
            Self::Unwritable => panic!("encoded to panic"),
            Self::Unencodable => Err(EventError::NotRoundTrippable {
                event_type: "Unencodable.v1",
            }),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        let codec = Codec::new(stored.encoding);
        match stored.event_type {
            "Deposited.v1" => codec.decode(stored.data).map(|amount| Self::Deposited(amount).into()),
            "Withdrawn.v1" => codec.decode(stored.data).map(|amount| Self::Withdrawn(amount).into()),
            "Poison.v1" => Ok(Self::Poison.into()),
            _ => Err(EventError::unknown_type(stored)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccountCommand {
    Deposit(i64),
    Withdraw(i64),
    /// Deposits one, if the balance is as said; for seeing what a decision was shown.
    DepositIf {
        balance: i64,
    },
    DoNothing,
    Panic,
    Poison,
    Unencodable,
    Unwritable,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("only {balance} left")]
pub(crate) struct NotEnough {
    pub(crate) balance: i64,
}

pub(crate) struct Account;

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    const SNAPSHOTS: SnapshotPolicy<i64> = SnapshotPolicy::every(10, 1);
    type State = i64;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = NotEnough;
    type Environment = ();

    fn decide(balance: &i64, command: &AccountCommand, (): &()) -> Result<Vec<AccountEvent>, NotEnough> {
        match command {
            AccountCommand::Deposit(amount) => Ok(vec![AccountEvent::Deposited(*amount)]),
            AccountCommand::Withdraw(amount) if amount > balance => Err(NotEnough { balance: *balance }),
            AccountCommand::Withdraw(amount) => Ok(vec![AccountEvent::Withdrawn(*amount)]),
            AccountCommand::DepositIf { balance: expected } if expected != balance => {
                Err(NotEnough { balance: *balance })
            }
            AccountCommand::DepositIf { .. } => Ok(vec![AccountEvent::Deposited(1)]),
            AccountCommand::DoNothing => Ok(vec![]),
            AccountCommand::Panic => panic!("decided to panic"),
            AccountCommand::Poison => Ok(vec![AccountEvent::Poison]),
            AccountCommand::Unencodable => Ok(vec![AccountEvent::Unencodable]),
            AccountCommand::Unwritable => Ok(vec![AccountEvent::Unwritable]),
        }
    }

    fn apply(balance: &mut i64, event: &AccountEvent) {
        match event {
            AccountEvent::Deposited(amount) => *balance += amount,
            AccountEvent::Withdrawn(amount) => *balance -= amount,
            AccountEvent::Unencodable | AccountEvent::Unwritable => {}
            AccountEvent::Poison => panic!("applied poison"),
        }
    }
}

/// When accounts of a kind are remembered.
pub(crate) trait Remembered: Send + Sync + 'static {
    const SNAPSHOTS: SnapshotPolicy<i64>;
}

/// An account that is remembered otherwise.
pub(crate) struct AccountOf<Kind>(PhantomData<Kind>);

impl<Kind: Remembered> Aggregate for AccountOf<Kind> {
    const CATEGORY: &'static str = Account::CATEGORY;
    const SNAPSHOTS: SnapshotPolicy<i64> = Kind::SNAPSHOTS;
    type State = i64;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = NotEnough;
    type Environment = ();

    fn decide(balance: &i64, command: &AccountCommand, (): &()) -> Result<Vec<AccountEvent>, NotEnough> {
        Account::decide(balance, command, &())
    }

    fn apply(balance: &mut i64, event: &AccountEvent) {
        Account::apply(balance, event);
    }
}

pub(crate) fn stream() -> StreamId {
    Account::stream_id("a").unwrap()
}

/// Events as another process would write them.
pub(crate) fn serialized(events: &[AccountEvent]) -> Vec<SerializedEvent> {
    events
        .iter()
        .map(|event| SerializedEvent::encode(event, SystemIds.event_id()).unwrap())
        .collect()
}

/// The events of a command, as another process would write them.
pub(crate) fn of_command(id: CommandId, events: &[AccountEvent]) -> Vec<SerializedEvent> {
    let mut serialized = serialized(events);
    let count = u32::try_from(events.len()).unwrap();
    serialized.first_mut().unwrap().command = Some(CommandMark::new(id, count));
    serialized
}

/// Another process writes to the stream.
pub(crate) async fn write(store: &Arc<Scripted>, events: &[AccountEvent]) {
    store
        .inner
        .append_events(stream(), ExpectedVersion::Any, serialized(events))
        .await
        .unwrap();
}
