//! The log, and what a single command is told that is decided on it.

use composable_rust_core::{CommandId, CommandOutcome, Decoded, Event, StreamAppend, Version};

use crate::sum::{Added, Command, Odd, Sum, Wish};

/// An outcome, in a form that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Stored(Vec<Added>, u64),
    Nothing(u64),
    Odd(u64),
    Mismatch(u64),
    Encode,
    Panicked(String),
    Failed,
    /// Stored when it was sent before.
    Repeated,
}

pub(crate) fn told(outcome: CommandOutcome<Sum>) -> Told {
    match outcome {
        CommandOutcome::Stored { events, version, .. } => Told::Stored(events, version.get()),
        CommandOutcome::NoEvents { version } => Told::Nothing(version.get()),
        CommandOutcome::Rejected(Odd(sum)) => Told::Odd(sum),
        CommandOutcome::VersionMismatch(conflict) => Told::Mismatch(conflict.actual.get()),
        CommandOutcome::Encode(_) => Told::Encode,
        CommandOutcome::Panicked { message } => Told::Panicked(message),
    }
}

/// The log: the commands' events in the order in which they were stored, and the ids of stored commands.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Added>,
    pub(crate) commands: Vec<CommandId>,
}

impl Log {
    pub(crate) fn sum(&self) -> u64 {
        self.events.iter().map(|event| event.0).sum()
    }

    pub(crate) fn version(&self) -> Version {
        Version::new(self.events.len() as u64).unwrap()
    }

    /// What a single command is told that is decided on this log, alone.
    pub(crate) fn decide(&self, command: &Command) -> Told {
        let version = self.version();
        if command.expected.is_some_and(|expected| expected != version) {
            return Told::Mismatch(version.get());
        }
        match (&command.wish, self.sum()) {
            (Wish::AddIfEven, sum) if sum % 2 == 1 => Told::Odd(sum),
            (Wish::PanicIfOdd, sum) if sum % 2 == 1 => Told::Panicked(format!("{sum} is odd")),
            (Wish::Unlucky, _) => Told::Encode,
            (Wish::PanicIfOdd | Wish::Add(0), _) => Told::Nothing(version.get()),
            (Wish::Add(count), _) => {
                Told::Stored(vec![Added(1); usize::try_from(*count).unwrap()], version.get() + count)
            }
            (Wish::AddIfEven, _) => Told::Stored(vec![Added(1)], version.get() + 1),
        }
    }

    pub(crate) fn store(&mut self, append: &StreamAppend) {
        for event in &append.events {
            let Decoded::One(added) = Added::decode(event.encoded()).unwrap() else {
                panic!("one event is one event");
            };
            self.events.push(added);
            self.commands.extend(event.command.map(|mark| mark.command_id));
        }
    }
}
