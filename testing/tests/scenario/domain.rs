//! A small business: an account.

use composable_rust_core::{Aggregate, Clock, Codec, Decoded, EncodedEvent, Event, EventError, IdGenerator};
use composable_rust_testing::{Scenario, Setting};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccountEvent {
    Deposited { cents: u64 },
    Withdrawn { cents: u64 },
    Closed { at: String, receipt: String },
}

impl Event for AccountEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Deposited { .. } => "Deposited.v1",
            Self::Withdrawn { .. } => "Withdrawn.v1",
            Self::Closed { .. } => "Closed.v1",
        }
    }

    fn encode(&self) -> Result<Vec<u8>, EventError> {
        match self {
            Self::Deposited { cents } | Self::Withdrawn { cents } => Codec::BINCODE.encode(cents),
            Self::Closed { at, receipt } => Codec::BINCODE.encode(&(at, receipt)),
        }
    }

    fn decode(stored: EncodedEvent<'_>) -> Result<Decoded<Self>, EventError> {
        let codec = Codec::new(stored.encoding);
        match stored.event_type {
            "Deposited.v1" => codec.decode(stored.data).map(|cents| Self::Deposited { cents }.into()),
            "Withdrawn.v1" => codec.decode(stored.data).map(|cents| Self::Withdrawn { cents }.into()),
            "Closed.v1" => codec
                .decode(stored.data)
                .map(|(at, receipt)| Self::Closed { at, receipt }.into()),
            // Before there were single movements, an event held many.
            "Moved.v1" => {
                let deposits: Vec<u64> = codec.decode(stored.data)?;
                Ok(Decoded::Many(
                    deposits.into_iter().map(|cents| Self::Deposited { cents }).collect(),
                ))
            }
            _ => Err(EventError::unknown_type(stored)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AccountCommand {
    Deposit(u64),
    Withdraw(u64),
    Close,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum AccountRejection {
    #[error("{missing} cents are missing")]
    Overdrawn { missing: u64 },
    #[error("the account is closed")]
    Closed,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AccountState {
    pub(crate) cents: u64,
    pub(crate) closed: bool,
}

pub(crate) struct Account;

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    type State = AccountState;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = AccountRejection;
    type Environment = (Arc<dyn Clock>, Arc<dyn IdGenerator>);

    fn decide(
        state: &AccountState,
        command: &AccountCommand,
        (clock, ids): &Self::Environment,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        match command {
            AccountCommand::Close if state.closed => Ok(vec![]),
            _ if state.closed => Err(AccountRejection::Closed),
            AccountCommand::Deposit(cents) => Ok(vec![AccountEvent::Deposited { cents: *cents }]),
            AccountCommand::Withdraw(cents) if *cents > state.cents => Err(AccountRejection::Overdrawn {
                missing: cents - state.cents,
            }),
            AccountCommand::Withdraw(cents) => Ok(vec![AccountEvent::Withdrawn { cents: *cents }]),
            AccountCommand::Close => {
                let rest = (state.cents > 0).then_some(AccountEvent::Withdrawn { cents: state.cents });
                let closed = AccountEvent::Closed {
                    at: clock.now().to_rfc3339(),
                    receipt: ids.uuid().to_string(),
                };
                Ok(rest.into_iter().chain([closed]).collect())
            }
        }
    }

    fn apply(state: &mut AccountState, event: &AccountEvent) {
        match event {
            AccountEvent::Deposited { cents } => state.cents += cents,
            AccountEvent::Withdrawn { cents } => state.cents -= cents,
            AccountEvent::Closed { .. } => state.closed = true,
        }
    }
}

pub(crate) fn deposited(cents: u64) -> AccountEvent {
    AccountEvent::Deposited { cents }
}

pub(crate) fn withdrawn(cents: u64) -> AccountEvent {
    AccountEvent::Withdrawn { cents }
}

pub(crate) fn closed(at: &str, receipt: &str) -> AccountEvent {
    AccountEvent::Closed {
        at: at.to_owned(),
        receipt: receipt.to_owned(),
    }
}

pub(crate) fn account(cents: u64) -> Scenario<Account> {
    Scenario::given([deposited(cents)])
}

pub(crate) fn with_ids(ids: Arc<dyn IdGenerator>) -> Setting<Account> {
    Scenario::with(|fixed| (fixed.clock(), ids))
}
