//! Commands, and what was answered.

use std::ops::RangeInclusive;

use composable_rust::{Aggregate, CommandId, Committed, ExecuteError, IdGenerator, RecordedEvent, SystemIds};

use crate::ledger::{Ledger, LedgerCommand, LedgerEvent, NotEnough, decoded, fold};

type Told = Result<Committed<LedgerEvent>, ExecuteError<NotEnough>>;

/// A command to be given, and to which hosts: to both only with an id.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) command: LedgerCommand,
    pub(crate) hosts: Vec<usize>,
    pub(crate) has_id: bool,
}

/// A command that was given.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) given: Given,
    pub(crate) id: Option<CommandId>,
    /// The actor of its events, and of no others: a wrong mark can't hide a second time.
    pub(crate) name: String,
    /// Of the stream, between the question and the answer.
    pub(crate) versions: RangeInclusive<usize>,
    /// By each of the hosts.
    pub(crate) told: Vec<Told>,
}

impl Call {
    pub(crate) fn new(given: Given, version: usize) -> Self {
        Self {
            id: given.has_id.then(|| SystemIds.command_id()),
            name: SystemIds.uuid().to_string(),
            versions: version..=version,
            told: Vec::new(),
            given,
        }
    }

    /// Carried out or rejected, by every host.
    pub(crate) fn is_answered(&self) -> bool {
        let mut told = self.told.iter();
        told.all(|told| matches!(told, Ok(_) | Err(ExecuteError::Rejected(_))))
    }

    /// What was answered is what is in the log.
    pub(crate) fn is_true(&self, events: &[RecordedEvent]) {
        let is_ours =
            |event: &RecordedEvent| event.metadata.as_ref().and_then(|said| said.actor.as_ref()) == Some(&self.name);
        let stored: Vec<RecordedEvent> = events.iter().filter(|event| is_ours(event)).cloned().collect();
        self.is_stored_once(events, &stored);
        for told in &self.told {
            match told {
                Ok(committed) if committed.events.is_empty() => self.is_nothing(events, committed),
                Ok(committed) => is_stored(committed, &stored),
                Err(ExecuteError::Rejected(NotEnough { balance })) => self.was_so(events, *balance),
                Err(_) => {}
            }
        }
        // Who has asked one host only knows by its answer.
        if let [Err(error)] = self.told.as_slice()
            && !matches!(error, ExecuteError::OutcomeUnknown(_))
        {
            assert!(stored.is_empty(), "{error}, and yet it is stored: {self:?}");
        }
    }

    /// Whole, in one piece, and as it is decided on the events before it.
    fn is_stored_once(&self, events: &[RecordedEvent], stored: &[RecordedEvent]) {
        let Some(first) = stored.first() else { return };
        assert_eq!(first.command.map(|mark| mark.command_id), self.id, "{self:?}");
        let before = usize::try_from(first.version.get()).unwrap() - 1;
        assert_eq!(&events[before..before + stored.len()], stored, "in one piece: {self:?}");
        let decided = self.decided(&events[..before]);
        let stored: Vec<LedgerEvent> = stored.iter().flat_map(decoded).collect();
        assert_eq!(decided, Ok(stored), "{self:?}");
    }

    fn is_nothing(&self, events: &[RecordedEvent], committed: &Committed<LedgerEvent>) {
        let version = usize::try_from(committed.version.get()).unwrap();
        assert!(self.versions.contains(&version), "{self:?}");
        assert_eq!(self.decided(&events[..version]), Ok(vec![]), "{self:?}");
    }

    /// It was rejected for a balance that there was.
    fn was_so(&self, events: &[RecordedEvent], balance: i64) {
        let rejection = Err(NotEnough { balance });
        let mut versions = self.versions.clone();
        let is_so = versions.any(|version| self.decided(&events[..version]) == rejection);
        assert!(is_so, "rejected for what was not so at the time: {self:?}");
    }

    fn decided(&self, before: &[RecordedEvent]) -> Result<Vec<LedgerEvent>, NotEnough> {
        Ledger::decide(&fold(before), &self.given.command, &())
    }
}

fn is_stored(committed: &Committed<LedgerEvent>, stored: &[RecordedEvent]) {
    let events: Vec<_> = stored.iter().flat_map(decoded).collect();
    assert_eq!(committed.events, events);
    let last = stored.last().unwrap();
    assert_eq!((committed.event_id, committed.version), (Some(last.id), last.version));
    assert!(committed.position >= Some(last.position));
}
