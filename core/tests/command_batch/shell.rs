//! A shell over the log, as simple as one can be.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use composable_rust_core::{
    Aggregate, AggregateSession, AppendError, Appended, CommandBatch, ExpectedVersion, Limit, Position, StreamAppend,
    TooLarge, Unavailable, UnavailableReason, Version,
};

use crate::{
    model::{Log, Told, told},
    sum::{Added, Command, Ids, Sum},
};

/// What happens to an append.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Stored,
    OvertakenBy(u64),
    Withdrawn,
    Unavailable,
    Unknown {
        is_stored: bool,
    },
    /// The append is refused if it holds more events than this.
    TooLarge(usize),
}

/// A shell over the log, as simple as one can be.
pub(crate) struct Shell {
    pub(crate) log: Log,
    pub(crate) session: AggregateSession<Sum>,
    pub(crate) batch: CommandBatch<Sum, Command>,
    pub(crate) waiting: VecDeque<Command>,
    pub(crate) answers: Vec<Option<Told>>,
    pub(crate) ids: Ids,
    pub(crate) largest: usize,
}

impl Shell {
    pub(crate) fn new(commands: Vec<Command>) -> Self {
        Self {
            log: Log::default(),
            session: AggregateSession::new(),
            batch: CommandBatch::new(Sum::stream_id("1").unwrap()),
            answers: vec![None; commands.len()],
            waiting: commands.into(),
            ids: Ids(AtomicU64::new(0)),
            largest: 0,
        }
    }

    pub(crate) fn reload(&mut self) {
        self.session = AggregateSession::restored(self.log.version(), self.log.sum());
    }

    pub(crate) fn requeue(&mut self, commands: Vec<Command>) {
        for command in commands.into_iter().rev() {
            self.waiting.push_front(command);
        }
    }

    pub(crate) fn tell(&mut self, command: &Command, told: Told) {
        let answer = self.answers.get_mut(command.number).unwrap();
        assert!(answer.replace(told).is_none(), "{command:?} is answered twice");
    }

    pub(crate) fn step(&mut self, fate: Fate) {
        while let Some(command) = self.waiting.pop_front() {
            if let Err(command) = self.batch.try_add(&mut self.session, command, &(), &self.ids) {
                self.waiting.push_front(command);
                break;
            }
        }
        assert!(!self.batch.is_empty(), "the first command always fits");
        let Some(append) = self.batch.append(&self.session) else {
            for (command, outcome) in self.batch.confirmed() {
                let told = told(outcome);
                assert_eq!(told, self.log.decide(&command), "nothing was stored in between");
                self.tell(&command, told);
            }
            return;
        };
        assert_eq!(append.expected, ExpectedVersion::from(self.session.version()));
        self.meets(&append, fate);
    }

    fn meets(&mut self, append: &StreamAppend, fate: Fate) {
        let marks: Vec<_> = append.events.iter().filter_map(|event| event.command).collect();
        let duplicate = marks.iter().find(|mark| self.log.commands.contains(&mark.command_id));
        if let Some(mark) = duplicate {
            let first = Appended::new(Version::INITIAL, Position::BEGINNING);
            return self.fails(&AppendError::DuplicateCommand {
                stream_id: append.stream_id.clone(),
                command_id: mark.command_id,
                first,
            });
        }
        match fate {
            Fate::OvertakenBy(amount) => {
                self.log.events.push(Added(amount));
                let commands = self.batch.take_back(&mut self.session);
                self.requeue(commands);
                self.reload();
            }
            Fate::Withdrawn => {
                let commands = self.batch.take_back(&mut self.session);
                self.requeue(commands);
            }
            Fate::Unavailable => {
                let why = Unavailable::new(UnavailableReason::Busy, Arc::new(fmt::Error));
                self.fails(&why.into());
            }
            Fate::Unknown { is_stored } => {
                if is_stored {
                    self.log.store(append);
                }
                self.fails(&AppendError::OutcomeUnknown(Arc::new(fmt::Error)));
                self.reload();
            }
            Fate::TooLarge(most) if append.events.len() > most => {
                let limit = Limit::EventsPerAppend;
                self.fails(
                    &TooLarge {
                        limit,
                        actual: append.events.len(),
                    }
                    .into(),
                );
            }
            Fate::Stored | Fate::TooLarge(_) => self.stored(append),
        }
    }

    /// Each outcome is what the command alone would have been told, had it been decided after those before it.
    fn stored(&mut self, append: &StreamAppend) {
        let mut model = self.log.clone();
        self.log.store(append);
        let appended = Appended::new(self.log.version(), Position::from_sequence(1));
        let acknowledged = self.batch.acknowledged(&mut self.session, appended);
        assert_eq!(acknowledged.apply_panic, None);
        self.largest = self.largest.max(acknowledged.outcomes.len());
        for (command, outcome) in acknowledged.outcomes {
            let told = told(outcome);
            assert_eq!(told, model.decide(&command), "{command:?}");
            if let Told::Stored(events, _) = &told {
                model.events.extend_from_slice(events);
            }
            self.tell(&command, told);
        }
        assert_eq!(model.events, self.log.events, "the log is what the commands were told");
        assert_eq!(
            (**self.session.state(), self.session.version()),
            (self.log.sum(), self.log.version())
        );
    }

    pub(crate) fn fails(&mut self, error: &AppendError) {
        let (before, all) = (self.waiting.len(), self.batch.len());
        let batch = self.batch.failed(&mut self.session, error);
        assert_eq!(batch.failed.len() + batch.again.len(), all, "none is lost");
        self.requeue(batch.again);
        assert!(self.waiting.len() >= before);
        let told = match error {
            AppendError::DuplicateCommand { .. } => Told::Repeated,
            _ => Told::Failed,
        };
        for command in batch.failed {
            self.tell(&command, told.clone());
        }
        assert!(self.session.staged().is_empty());
    }
}
