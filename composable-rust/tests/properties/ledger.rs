//! An aggregate whose state tells every history from every other.

use composable_rust::prelude::*;
use composable_rust::{RecordedEvent, SnapshotPolicy};
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq, Event)]
pub(crate) enum LedgerEvent {
    #[event("Deposited.v1")]
    Deposited { amount: i64 },
    #[event("Withdrawn.v1")]
    Withdrawn { amount: i64 },
}

#[derive(Clone, Debug)]
pub(crate) enum LedgerCommand {
    Deposit(i64),
    /// Refused beyond the balance.
    Withdraw(i64),
    /// Several events.
    Move(Vec<i64>),
    Nothing,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("only {balance} left")]
pub(crate) struct NotEnough {
    pub(crate) balance: i64,
}

/// The balance, and a digest of all events in their order.
pub(crate) type State = (i64, u64);

pub(crate) struct Ledger;

impl Aggregate for Ledger {
    const CATEGORY: &'static str = "ledger";
    const SNAPSHOTS: SnapshotPolicy<State> = SnapshotPolicy::every(5, 1);
    type State = State;
    type Command = LedgerCommand;
    type Event = LedgerEvent;
    type Rejection = NotEnough;
    type Environment = ();

    fn decide((balance, _): &State, command: &LedgerCommand, (): &()) -> Result<Vec<LedgerEvent>, NotEnough> {
        match command {
            LedgerCommand::Deposit(amount) => Ok(vec![LedgerEvent::Deposited { amount: *amount }]),
            LedgerCommand::Withdraw(amount) if amount > balance => Err(NotEnough { balance: *balance }),
            LedgerCommand::Withdraw(amount) => Ok(vec![LedgerEvent::Withdrawn { amount: *amount }]),
            LedgerCommand::Move(amounts) => Ok(deposits(amounts)),
            LedgerCommand::Nothing => Ok(vec![]),
        }
    }

    fn apply((balance, digest): &mut State, event: &LedgerEvent) {
        let (sign, amount) = match event {
            LedgerEvent::Deposited { amount } => (1, amount),
            LedgerEvent::Withdrawn { amount } => (-1, amount),
        };
        *balance += sign * amount;
        let digit = (amount * 2).cast_unsigned() + u64::from(sign < 0) + 1;
        *digest = digest.wrapping_mul(0x0100_0000_01b3).wrapping_add(digit);
    }
}

pub(crate) fn deposits(amounts: &[i64]) -> Vec<LedgerEvent> {
    amounts
        .iter()
        .map(|amount| LedgerEvent::Deposited { amount: *amount })
        .collect()
}

pub(crate) fn command() -> impl Strategy<Value = LedgerCommand> {
    prop_oneof![
        4 => (1..50_i64).prop_map(LedgerCommand::Deposit),
        4 => (1..50_i64).prop_map(LedgerCommand::Withdraw),
        2 => prop::collection::vec(1..9_i64, 1..4).prop_map(LedgerCommand::Move),
        1 => Just(LedgerCommand::Nothing),
    ]
}

/// The state after these events, by nothing but the rules.
pub(crate) fn fold(events: &[RecordedEvent]) -> State {
    let mut state = State::default();
    for event in events.iter().flat_map(decoded) {
        Ledger::apply(&mut state, &event);
    }
    state
}

pub(crate) fn decoded(event: &RecordedEvent) -> Vec<LedgerEvent> {
    event.decode::<LedgerEvent>().unwrap().into_vec()
}
